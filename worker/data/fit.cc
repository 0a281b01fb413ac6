#include "worker/data/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "common/base/check.h"
#include "worker/data/apply.h"
#include "worker/data/cells.h"
#include "worker/data/parallel.h"
#include "worker/data/select.h"
#include "worker/data/statistics.h"
#include "worker/data/tokenize.h"
#include "worker/data/vocabulary.h"

namespace ballast {

namespace {

class Fitter {
 public:
  Fitter(const Table& table, const Selection& train, Pipeline pipeline, std::uint32_t threads)
      : table_(table), train_(train), pipeline_(std::move(pipeline)), threads_(threads) {}

  Status fit(const TransformSpec& transform) {
    if (pipeline_.sparse) return fit_sparse(transform);
    auto selected = select_columns(transform, pipeline_);
    if (!selected) return selected.error();
    const std::vector<std::size_t>& columns = *selected;
    switch (transform.kind) {
      case TransformKind::drop_duplicates:
        return {};
      case TransformKind::impute:
        return impute(transform, columns);
      case TransformKind::clip:
        return clip(transform, columns);
      case TransformKind::standardize:
        return standardize(transform, columns);
      case TransformKind::min_max:
        return min_max(transform, columns);
      case TransformKind::scale:
        for (const std::size_t c : columns) {
          add_step(c, {NumberStep::Kind::multiply, transform.factor, 0.0});
        }
        return {};
      case TransformKind::one_hot:
        return one_hot(transform, columns);
      case TransformKind::hash:
        for (const std::size_t c : columns) {
          add_output(c, {.kind = OutputKind::hash,
                         .group = group_of(transform, c),
                         .buckets = transform.buckets});
        }
        return {};
      case TransformKind::bucketize:
        return bucketize(transform, columns);
      case TransformKind::tokenize:
        return tokenize(transform, columns);
    }
    return {};
  }

  [[nodiscard]] Pipeline finish() && { return std::move(pipeline_); }

 private:
  FittedColumn& column(std::size_t c) { return pipeline_.columns[c]; }
  void add_step(std::size_t c, NumberStep step) { column(c).steps.push_back(step); }
  void add_output(std::size_t c, Output output) { column(c).outputs.push_back(std::move(output)); }

  [[nodiscard]] std::string group_of(const TransformSpec& transform, std::size_t c) const {
    return transform.output.empty() ? pipeline_.columns[c].name : transform.output;
  }

  // LibSVM rows are sparse: what moves a zero would fill them.
  Status fit_sparse(const TransformSpec& transform) {
    if (transform.kind == TransformKind::drop_duplicates) return {};
    if (transform.kind != TransformKind::scale) {
      return transform_error(transform,
                             "LibSVM rows are sparse, and only scale and drop_duplicates keep them "
                             "so; set data.libsvm.dense: true for the others");
    }
    pipeline_.sparse_factor *= transform.factor;
    return {};
  }

  // ---- what the training rows hold ------------------------------------------------------------

  // Moments of several columns in one pass, merged in block order.
  std::vector<Moments> moments(const std::vector<std::size_t>& columns) {
    std::vector<std::vector<Moments>> parts(table_.blocks.size());
    parallel_for(table_.blocks.size(), threads_, [&](std::size_t b) {
      const auto& rows = train_.rows[b];
      std::vector<double> numbers(rows.size());
      for (const std::size_t c : columns) {
        read_fitted(table_, table_.blocks[b], c, pipeline_.columns[c], rows, numbers.data());
        parts[b].push_back(moments_of(numbers));
      }
    });
    std::vector<Moments> totals(columns.size());
    for (const auto& part : parts) {
      for (std::size_t i = 0; i < totals.size(); ++i) totals[i] = merge(totals[i], part[i]);
    }
    return totals;
  }

  // All numbers of a column, sorted, without missing ones.
  std::vector<double> sorted_numbers(std::size_t c) const {
    std::vector<double> all;
    for (std::size_t b = 0; b < table_.blocks.size(); ++b) {
      const std::size_t before = all.size();
      all.resize(before + train_.rows[b].size());
      read_fitted(table_, table_.blocks[b], c, pipeline_.columns[c], train_.rows[b],
                  all.data() + before);
    }
    std::erase_if(all, [](double x) { return std::isnan(x); });
    std::sort(all.begin(), all.end());
    return all;
  }

  // Runs work(i, sorted numbers of columns[i]) for every column. The first column without any
  // number is the error.
  template <class Work>
  Status with_sorted(const TransformSpec& transform, const std::vector<std::size_t>& columns,
                     Work&& work) {
    std::vector<char> empty(columns.size(), 0);
    parallel_for(columns.size(), threads_, [&](std::size_t i) {
      const std::vector<double> numbers = sorted_numbers(columns[i]);
      if (numbers.empty()) {
        empty[i] = 1;
      } else {
        work(i, numbers);
      }
    });
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (empty[i] != 0) return no_value(transform, columns[i]);
    }
    return {};
  }

  Error no_value(const TransformSpec& transform, std::size_t c) const {
    return transform_error(transform,
                           fmt::format("column {} has no value in the training rows to fit from; "
                                       "take it out, or impute a constant before",
                                       shown(pipeline_.columns[c].name)));
  }

  Status require_values(const TransformSpec& transform, const std::vector<std::size_t>& columns,
                        const std::vector<Moments>& totals) const {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (totals[i].count == 0) return no_value(transform, columns[i]);
    }
    return {};
  }

  // How often each text occurs in a column; missing cells under the empty text.
  std::map<std::string, std::uint64_t, std::less<>> count_texts(std::size_t c) const {
    using Counts = std::map<std::string, std::uint64_t, std::less<>>;
    std::vector<Counts> parts(table_.blocks.size());
    parallel_for(table_.blocks.size(), threads_, [&](std::size_t b) {
      std::string scratch;
      for (const std::uint32_t row : train_.rows[b]) {
        const std::string_view text =
            read_fitted_text(table_, table_.blocks[b], c, pipeline_.columns[c], row, scratch);
        const auto found = parts[b].find(text);
        if (found != parts[b].end()) {
          found->second += 1;
        } else {
          parts[b].emplace(text, 1);
        }
      }
    });
    Counts counts;
    for (const Counts& part : parts) {
      for (const auto& [text, count] : part) counts[text] += count;
    }
    return counts;
  }

  // ---- transforms of numbers ------------------------------------------------------------------

  Status impute(const TransformSpec& transform, const std::vector<std::size_t>& columns) {
    std::vector<std::size_t> numbers;
    std::vector<std::size_t> texts;
    for (const std::size_t c : columns) {
      (column(c).type == ColumnType::number ? numbers : texts).push_back(c);
    }
    Status status;
    if (transform.impute_with == ImputeWith::constant) {
      status = impute_constant(transform, numbers);
    } else if (transform.impute_with == ImputeWith::mean) {
      const std::vector<Moments> totals = moments(numbers);
      status = require_values(transform, numbers, totals);
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        add_step(numbers[i], {NumberStep::Kind::fill, totals[i].mean, 0.0});
      }
    } else {
      const bool median = transform.impute_with == ImputeWith::median;
      status = with_sorted(transform, numbers, [&](std::size_t i, std::span<const double> sorted) {
        const double value = median ? quantile(sorted, 0.5) : most_frequent(sorted);
        add_step(numbers[i], {NumberStep::Kind::fill, value, 0.0});
      });
    }
    for (const std::size_t c : texts) {
      if (status) status = impute_text(transform, c);
    }
    return status;
  }

  Status impute_constant(const TransformSpec& transform, const std::vector<std::size_t>& numbers) {
    double value = 0.0;
    if (!numbers.empty() && parse_number(transform.impute_constant, value) != NumberText::number) {
      return transform_error(
          transform,
          fmt::format("expected a number to fill column {} with, saw {}; write "
                      "one, or leave out number columns",
                      shown(column(numbers.front()).name), shown(transform.impute_constant)));
    }
    for (const std::size_t c : numbers) add_step(c, {NumberStep::Kind::fill, value, 0.0});
    return {};
  }

  Status impute_text(const TransformSpec& transform, std::size_t c) {
    if (!column(c).fill_text.empty()) return {};  // Nothing is missing any more.
    if (transform.impute_with == ImputeWith::constant) {
      if (transform.impute_constant.empty()) {
        return transform_error(transform, fmt::format("expected a value to fill column {} with; "
                                                      "write one under value",
                                                      shown(column(c).name)));
      }
      column(c).fill_text = transform.impute_constant;
      return {};
    }
    auto counts = count_texts(c);
    counts.erase("");
    if (counts.empty()) return no_value(transform, c);
    std::uint64_t most = 0;
    for (const auto& [text, count] : counts) {
      if (count > most) {
        most = count;
        column(c).fill_text = text;
      }
    }
    return {};
  }

  Status clip(const TransformSpec& transform, const std::vector<std::size_t>& columns) {
    if (transform.clip_by == ClipBy::iqr) {
      return with_sorted(transform, columns, [&](std::size_t i, std::span<const double> sorted) {
        const double low = quantile(sorted, 0.25);
        const double high = quantile(sorted, 0.75);
        const double reach = transform.clip_factor * (high - low);
        add_step(columns[i], {NumberStep::Kind::clip, low - reach, high + reach});
      });
    }
    const std::vector<Moments> totals = moments(columns);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const double reach = transform.clip_factor * totals[i].deviation();
      add_step(columns[i],
               {NumberStep::Kind::clip, totals[i].mean - reach, totals[i].mean + reach});
    }
    return require_values(transform, columns, totals);
  }

  // A column that never changes becomes zero, as in scikit-learn.
  static double divisor(double spread) { return spread > 0.0 ? spread : 1.0; }

  Status standardize(const TransformSpec& transform, const std::vector<std::size_t>& columns) {
    const std::vector<Moments> totals = moments(columns);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      add_step(columns[i],
               {NumberStep::Kind::shift_divide, totals[i].mean, divisor(totals[i].deviation())});
    }
    return require_values(transform, columns, totals);
  }

  Status min_max(const TransformSpec& transform, const std::vector<std::size_t>& columns) {
    const std::vector<Moments> totals = moments(columns);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      add_step(columns[i], {NumberStep::Kind::shift_divide, totals[i].low,
                            divisor(totals[i].high - totals[i].low)});
    }
    return require_values(transform, columns, totals);
  }

  // ---- outputs --------------------------------------------------------------------------------

  Status one_hot(const TransformSpec& transform, const std::vector<std::size_t>& columns) {
    for (const std::size_t c : columns) {
      std::map<std::string, std::uint64_t> counts;
      for (const auto& [text, count] : count_texts(c)) {
        counts[text.empty() ? std::string(kMissing) : text] += count;
      }
      const bool any_rare = std::any_of(counts.begin(), counts.end(), [&](const auto& entry) {
        return entry.second < transform.min_count;
      });
      Output output{.kind = OutputKind::one_hot, .group = {}, .pools_rare = any_rare};
      for (const auto& [text, count] : counts) {
        // A value that is itself called "other" shares the column of that name.
        if (count >= transform.min_count && !(any_rare && text == kOther)) {
          output.values.push_back(text);
        }
      }
      add_output(c, std::move(output));
    }
    return {};
  }

  Status bucketize(const TransformSpec& transform, const std::vector<std::size_t>& columns) {
    std::vector<std::vector<double>> boundaries(columns.size(), transform.boundaries);
    if (transform.bins > 0) {
      Status status =
          with_sorted(transform, columns, [&](std::size_t i, std::span<const double> sorted) {
            boundaries[i].clear();
            for (std::uint32_t bin = 1; bin < transform.bins; ++bin) {
              boundaries[i].push_back(quantile(sorted, static_cast<double>(bin) / transform.bins));
            }
          });
      if (!status) return status;
    }
    const std::vector<Moments> totals = moments(columns);
    const std::uint64_t examples = train_.examples();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      auto& bounds = boundaries[i];
      std::sort(bounds.begin(), bounds.end());
      bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());
      add_output(
          columns[i],
          {.kind = OutputKind::bucketize,
           .group = transform.bucketize_as_sparse ? group_of(transform, columns[i]) : std::string(),
           .boundaries = std::move(bounds),
           .has_missing_bucket = totals[i].count < examples});
    }
    return {};
  }

  Status tokenize(const TransformSpec& transform, const std::vector<std::size_t>& columns) {
    if (transform.word_ngrams_max == 0 && transform.character_ngrams_min == 0) {
      return transform_error(transform, "expected words, characters or both; set one of them");
    }
    for (const std::size_t c : columns) {
      Output output{.kind = OutputKind::tokenize,
                    .group = group_of(transform, c),
                    .buckets = transform.buckets,
                    .word_ngrams_max = transform.word_ngrams_max,
                    .character_ngrams_min = transform.character_ngrams_min,
                    .character_ngrams_max =
                        std::max(transform.character_ngrams_min, transform.character_ngrams_max),
                    .lowercase = transform.lowercase,
                    .min_count = std::max(transform.min_count, 1U)};
      if (output.min_count > 1) output.vocabulary = frequent(c, output);
      add_output(c, std::move(output));
    }
    return {};
  }

  std::vector<Key> frequent(std::size_t c, const Output& output) const {
    std::vector<std::vector<Key>> keys(table_.blocks.size());
    parallel_for(table_.blocks.size(), threads_, [&](std::size_t b) {
      Tokenizer tokenizer(tokenize_options(output));
      std::string scratch;
      for (const std::uint32_t row : train_.rows[b]) {
        tokenizer.append_keys(
            read_fitted_text(table_, table_.blocks[b], c, pipeline_.columns[c], row, scratch),
            keys[b]);
      }
    });
    return frequent_keys(keys, output.min_count, threads_);
  }

  const Table& table_;
  const Selection& train_;
  Pipeline pipeline_;
  const std::uint32_t threads_;
};

}  // namespace

Pipeline unfitted(const Spec& spec, const Table& table, const std::vector<std::string>& classes) {
  Pipeline pipeline;
  for (const TableColumn& column : table.columns) {
    FittedColumn fitted;
    fitted.name = column.name;
    fitted.type = column.type;
    // A column that is only kept is as good as skipped to whoever reads the transforms.
    fitted.storage = column.type == ColumnType::skip ? Storage::none : column.storage;
    fitted.matrix_column = column.matrix_column;
    pipeline.columns.push_back(std::move(fitted));
  }
  pipeline.label = table.label;
  pipeline.weight = table.weight;
  pipeline.task = spec.model.task;
  pipeline.classes = classes;
  pipeline.matrix_width = table.matrix_width;
  pipeline.sparse = table.sparse;
  pipeline.dimension = table.dimension;
  return pipeline;
}

namespace {

// Categories and texts are no features by themselves.
Status check_all_used(const Table& table, const Pipeline& pipeline) {
  for (std::size_t c = 0; c < pipeline.columns.size(); ++c) {
    const FittedColumn& column = pipeline.columns[c];
    if (c == pipeline.label || !column.outputs.empty()) continue;
    if (column.type != ColumnType::category && column.type != ColumnType::text) continue;
    const std::string& cell = table.columns[c].not_numeric;
    const std::string why =
        cell.empty() ? "" : fmt::format(" (not all its cells are numbers: {})", cell);
    return Error{
        ErrorCode::invalid,
        column.type == ColumnType::category
            ? fmt::format("features: column {} holds categories{} and no transform makes features "
                          "of it; add one_hot or hash for it, or skip it in data.columns",
                          shown(column.name), why)
            : fmt::format("features: column {} holds text{} and no transform makes features of it; "
                          "add tokenize for it, or skip it in data.columns",
                          shown(column.name), why)};
  }
  const DataSchema schema = schema_of(pipeline);
  if (schema.dense.empty() && schema.sparse_groups.empty()) {
    return Error{
        ErrorCode::invalid,
        "data: expected at least one feature beside the label, saw none; read more columns"};
  }
  return {};
}

}  // namespace

Result<Pipeline> fit_pipeline(const Spec& spec, const Table& table, const Selection& train,
                              const std::vector<std::string>& classes, const FitOptions& options) {
  Fitter fitter(table, train, unfitted(spec, table, classes), options.threads);
  for (const TransformSpec& transform : spec.features) {
    if (transform.kind == TransformKind::drop_duplicates) continue;
    if (Status status = fitter.fit(transform); !status) return status.error();
  }
  Pipeline pipeline = std::move(fitter).finish();
  if (Status status = check_all_used(table, pipeline); !status) return status.error();
  return pipeline;
}

Result<std::optional<DuplicateRule>> duplicate_rule(const Spec& spec, const Table& table) {
  for (const TransformSpec& transform : spec.features) {
    if (transform.kind != TransformKind::drop_duplicates) continue;
    DuplicateRule rule;
    const bool whole_rows =
        transform.columns.empty() || transform.columns == std::vector<std::string>{"*"};
    if (whole_rows) {
      for (std::size_t c = 0; c < table.columns.size(); ++c) {
        if (table.columns[c].type != ColumnType::skip) rule.columns.push_back(c);
      }
      rule.sparse = table.sparse;
    } else {
      auto columns = select_columns(transform, unfitted(spec, table, {}));
      if (!columns) return columns.error();
      rule.columns = *std::move(columns);
    }
    return std::optional<DuplicateRule>(std::move(rule));
  }
  return std::optional<DuplicateRule>();
}

}  // namespace ballast
