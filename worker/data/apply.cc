#include "worker/data/apply.h"

#include <algorithm>
#include <cmath>

#include "common/base/hash.h"
#include "worker/data/cells.h"

namespace ballast {

void apply_steps(std::span<const NumberStep> steps, std::span<double> numbers) {
  for (const NumberStep& step : steps) {
    const double a = step.a;
    const double b = step.b;
    switch (step.kind) {
      case NumberStep::Kind::fill:
        for (double& x : numbers) x = std::isnan(x) ? a : x;
        break;
      case NumberStep::Kind::clip:
        for (double& x : numbers) x = x < a ? a : x > b ? b : x;
        break;
      case NumberStep::Kind::shift_divide:
        for (double& x : numbers) x = (x - a) / b;
        break;
      case NumberStep::Kind::multiply:
        for (double& x : numbers) x *= a;
        break;
    }
  }
}

void read_fitted(const Table& table, const Block& block, std::size_t c, const FittedColumn& column,
                 std::span<const std::uint32_t> rows, double* out) {
  read_numbers(table, block, c, rows, out);
  apply_steps(column.steps, {out, rows.size()});
}

std::string_view read_fitted_text(const Table& table, const Block& block, std::size_t c,
                                  const FittedColumn& column, std::size_t row,
                                  std::string& scratch) {
  if (column.storage == Storage::texts) {
    const std::string_view text = block.columns[c].texts[row];
    return text.empty() ? std::string_view(column.fill_text) : text;
  }
  const auto index = static_cast<std::uint32_t>(row);
  double number = 0.0;
  read_fitted(table, block, c, column, {&index, 1}, &number);
  if (std::isnan(number)) return {};
  scratch = number_text(number);
  return scratch;
}

std::uint32_t one_hot_index(const Output& output, std::string_view text) {
  if (text.empty()) text = kMissing;
  const auto& values = output.values;
  const auto found = std::lower_bound(values.begin(), values.end(), text);
  if (found != values.end() && *found == text) {
    return static_cast<std::uint32_t>(found - values.begin());
  }
  return static_cast<std::uint32_t>(values.size());  // "other", where there is one, is the last.
}

std::uint32_t bucket_index(const Output& output, double number) {
  if (std::isnan(number)) return static_cast<std::uint32_t>(output.boundaries.size()) + 1;
  return static_cast<std::uint32_t>(
      std::upper_bound(output.boundaries.begin(), output.boundaries.end(), number) -
      output.boundaries.begin());
}

Key bucket_key(std::string_view column, std::uint32_t bucket) {
  return mix(bucket, hash_text(column));
}

TokenizeOptions tokenize_options(const Output& output) {
  return {.word_ngrams_max = output.word_ngrams_max,
          .character_ngrams_min = output.character_ngrams_min,
          .character_ngrams_max = output.character_ngrams_max,
          .lowercase = output.lowercase};
}

Key hash_key(std::string_view column, std::string_view text, std::uint64_t buckets) {
  const Key key = hash_text(text, hash_text(column));
  return buckets == 0 ? key : key % buckets;
}

}  // namespace ballast
