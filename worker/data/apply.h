#pragma once

// Applies the fitted parts of a column to cells: the same code when fitting what comes after, when
// encoding the training data and when predicting.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "worker/data/pipeline.h"
#include "worker/data/table.h"
#include "worker/data/tokenize.h"

namespace ballast {

// Runs numbers through the steps, in order, in place. Missing ones (NaN) stay missing until a fill.
void apply_steps(std::span<const NumberStep> steps, std::span<double> numbers);

// The numbers of the listed rows of a column after its steps.
void read_fitted(const Table& table, const Block& block, std::size_t c, const FittedColumn& column,
                 std::span<const std::uint32_t> rows, double* out);

// A cell as outputs that read texts see it: filled where missing; a number after its steps, written
// the shortest way. Empty: missing. Valid until `scratch` changes.
[[nodiscard]] std::string_view read_fitted_text(const Table& table, const Block& block,
                                                std::size_t c, const FittedColumn& column,
                                                std::size_t row, std::string& scratch);

// The column of a one_hot output that a text belongs to; width_of(output) when to none.
[[nodiscard]] std::uint32_t one_hot_index(const Output& output, std::string_view text);

// The bucket of a number, which may be missing; width_of() as above for a missing one without a
// bucket.
[[nodiscard]] std::uint32_t bucket_index(const Output& output, double number);

// The key of a bucket in a sparse group: buckets of different columns differ.
[[nodiscard]] Key bucket_key(std::string_view column, std::uint32_t bucket);

[[nodiscard]] TokenizeOptions tokenize_options(const Output& output);

// The key of a value of a hashed column: values of different columns differ.
[[nodiscard]] Key hash_key(std::string_view column, std::string_view text, std::uint64_t buckets);

}  // namespace ballast
