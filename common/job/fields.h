#pragma once

// Every field of the spec, once: the parser reads no other and refuses what is not here, the
// nearest right name comes from here, and tests hold docs/spec.md to it, word for word.
//
// Paths are written as the documentation writes them: "[]" stands for each entry of a list, "*"
// for each optimizer.

#include <span>
#include <string_view>
#include <vector>

namespace ballast {

struct Field {
  std::string_view path;
  std::string_view type;
  // What holds when the field is absent: a value between backquotes, "required", or words.
  std::string_view fallback;
};

[[nodiscard]] std::span<const Field> all_fields();

// The names directly below a path, in order: fields_below("training") has "epochs" and "batch".
[[nodiscard]] std::vector<std::string_view> fields_below(std::string_view path);

// Other places that have a field of this name: "training.batch" for "batch".
[[nodiscard]] std::vector<std::string_view> fields_named(std::string_view name);

}  // namespace ballast
