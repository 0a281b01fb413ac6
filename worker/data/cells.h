#pragma once

// Single cells of text: numbers in, numbers out, and how a cell is shown in a message.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ballast {

enum class NumberText { number, not_a_number, not_finite, out_of_range };

// Reads a whole cell as a decimal number; one leading plus sign is allowed. `value` is set only
// for NumberText::number. "nan" and "inf" are not_finite: no model can learn from them.
[[nodiscard]] NumberText parse_number(std::string_view text, double& value);

// The shortest text that reads back as the same number: 3, -0.5, 1e+30.
[[nodiscard]] std::string number_text(double value);

[[nodiscard]] std::string_view trim_spaces(std::string_view text);

// The text in quotes, control characters escaped, cut after 40 bytes.
[[nodiscard]] std::string shown(std::string_view text);

// `; did you mean "age"?` or `; the columns are "age", "sex" ...` for a name that is not there.
[[nodiscard]] std::string instead_of(std::string_view name, std::span<const std::string> names,
                                     std::string_view plural);

}  // namespace ballast
