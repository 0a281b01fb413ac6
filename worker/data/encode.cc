#include "worker/data/encode.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "common/base/check.h"
#include "worker/data/apply.h"
#include "worker/data/cells.h"
#include "worker/data/tokenize.h"
#include "worker/data/vocabulary.h"

namespace ballast {

namespace {

// Rows encoded at once: their dense numbers stay in the cache while columns are gone through.
constexpr std::size_t kTileRows = 256;

template <class T>
Result<std::span<T>> allocate(ArrayStore& store, const std::string& name, std::uint64_t count) {
  auto bytes = store.allocate(name, count * sizeof(T));
  if (!bytes) return bytes.error();
  return std::span<T>(reinterpret_cast<T*>(bytes->data()), count);
}

// The first example of every block, and behind them the number of all.
std::vector<std::uint64_t> first_examples(const Selection& selection) {
  std::vector<std::uint64_t> firsts = {0};
  for (const auto& rows : selection.rows) firsts.push_back(firsts.back() + rows.size());
  return firsts;
}

// ---- dense ------------------------------------------------------------------------------------

class DenseEncoder {
 public:
  explicit DenseEncoder(const EncodeRequest& request)
      : request_(request), width_(schema_of(request.pipeline).dense.size()) {}

  [[nodiscard]] std::size_t width() const { return width_; }

  // Encodes the selected rows of a block into `out`, which is zero. Returns what is wrong.
  std::optional<Error> encode(std::size_t block, std::span<float> out) const {
    const auto& rows = request_.selection.rows[block];
    for (std::size_t first = 0; first < rows.size(); first += kTileRows) {
      const std::size_t count = std::min(kTileRows, rows.size() - first);
      auto error = encode_tile(request_.table.blocks[block], std::span(rows).subspan(first, count),
                               out.subspan(first * width_, count * width_));
      if (error) return error;
    }
    return std::nullopt;
  }

 private:
  std::optional<Error> encode_tile(const Block& block, std::span<const std::uint32_t> rows,
                                   std::span<float> out) const {
    std::size_t at = 0;
    for (std::size_t c = 0; c < request_.pipeline.columns.size(); ++c) {
      const FittedColumn& column = request_.pipeline.columns[c];
      if (c == request_.pipeline.label || column.type == ColumnType::skip) continue;
      if (column.passes_through()) {
        if (auto error = pass(block, c, column, rows, out, at)) return error;
        at += 1;
      }
      for (const Output& output : column.outputs) {
        if (!output.group.empty()) continue;
        mark(block, c, column, output, rows, out, at);
        at += width_of(output);
      }
    }
    return std::nullopt;
  }

  std::optional<Error> pass(const Block& block, std::size_t c, const FittedColumn& column,
                            std::span<const std::uint32_t> rows, std::span<float> out,
                            std::size_t at) const {
    double numbers[kTileRows];
    read_fitted(request_.table, block, c, column, rows, numbers);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto value = static_cast<float>(numbers[i]);
      if (!std::isfinite(value)) return not_a_feature(block, column, rows[i], numbers[i]);
      out[i * width_ + at] = value;
    }
    return std::nullopt;
  }

  void mark(const Block& block, std::size_t c, const FittedColumn& column, const Output& output,
            std::span<const std::uint32_t> rows, std::span<float> out, std::size_t at) const {
    const std::uint32_t width = width_of(output);
    std::string scratch;
    double numbers[kTileRows];
    const bool one_hot = output.kind == OutputKind::one_hot;
    if (!one_hot) read_fitted(request_.table, block, c, column, rows, numbers);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::uint32_t index =
          one_hot ? one_hot_index(output, read_fitted_text(request_.table, block, c, column,
                                                           rows[i], scratch))
                  : bucket_index(output, numbers[i]);
      if (index < width) out[i * width_ + at + index] = 1.0F;
    }
  }

  Error not_a_feature(const Block& block, const FittedColumn& column, std::size_t row,
                      double number) const {
    const std::string place = place_of(request_.table, block, row);
    if (std::isnan(number)) {
      return {ErrorCode::invalid,
              fmt::format("{}: expected a number in column {}, but the cell is missing and nothing "
                          "fills it; add impute for the column under features",
                          place, shown(column.name))};
    }
    return {ErrorCode::invalid,
            fmt::format("{}: expected column {} to give a number that 32 bits can hold, saw {}; "
                        "clip, scale or standardize the column under features",
                        place, shown(column.name), number_text(number))};
  }

  const EncodeRequest& request_;
  const std::size_t width_;
};

// ---- sparse -----------------------------------------------------------------------------------

// The entries of the selected rows of one block in one group.
struct GroupPart {
  std::vector<std::uint32_t> counts;  // By row.
  std::vector<Key> keys;
  std::vector<float> values;  // Empty: all are one.
};

struct GroupOutput {
  std::size_t column;
  const Output* output;
  std::shared_ptr<const KeySet> vocabulary;  // tokenize with min_count
};

using GroupOutputs = std::vector<std::vector<GroupOutput>>;  // By group.

GroupOutputs group_outputs(const Pipeline& pipeline, const DataSchema& schema) {
  GroupOutputs groups(schema.sparse_groups.size());
  std::map<std::string, std::size_t> positions;
  for (std::size_t g = 0; g < schema.sparse_groups.size(); ++g) {
    positions[schema.sparse_groups[g]] = g;
  }
  for (std::size_t c = 0; c < pipeline.columns.size(); ++c) {
    for (const Output& output : pipeline.columns[c].outputs) {
      if (output.group.empty()) continue;
      std::shared_ptr<const KeySet> vocabulary;
      if (output.min_count > 1) vocabulary = std::make_shared<const KeySet>(output.vocabulary);
      groups[positions.at(output.group)].push_back({c, &output, std::move(vocabulary)});
    }
  }
  return groups;
}

// Appends the keys that outputs give for a row; one per thread, for the tokenizers' buffers.
class KeyWriter {
 public:
  KeyWriter(const EncodeRequest& request, const std::vector<GroupOutput>& outputs)
      : request_(request), outputs_(outputs) {
    for (const GroupOutput& output : outputs) {
      tokenizers_.emplace_back(tokenize_options(*output.output));
    }
  }

  void append(const Block& block, std::size_t row, std::vector<Key>& keys) {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const std::size_t c = outputs_[i].column;
      const FittedColumn& column = request_.pipeline.columns[c];
      const Output& output = *outputs_[i].output;
      if (output.kind == OutputKind::bucketize) {
        append_bucket(block, c, column, output, row, keys);
        continue;
      }
      const std::string_view text =
          read_fitted_text(request_.table, block, c, column, row, scratch_);
      if (output.kind == OutputKind::hash) {
        keys.push_back(hash_key(column.name, text, output.buckets));
      } else {
        append_tokens(i, text, keys);
      }
    }
  }

 private:
  void append_bucket(const Block& block, std::size_t c, const FittedColumn& column,
                     const Output& output, std::size_t row, std::vector<Key>& keys) const {
    const auto index = static_cast<std::uint32_t>(row);
    double number = 0.0;
    read_fitted(request_.table, block, c, column, {&index, 1}, &number);
    const std::uint32_t bucket = bucket_index(output, number);
    const auto known = output.boundaries.size() + (output.has_missing_bucket ? 2 : 1);
    if (bucket < known) keys.push_back(bucket_key(column.name, bucket));
  }

  void append_tokens(std::size_t i, std::string_view text, std::vector<Key>& keys) {
    const std::size_t before = keys.size();
    tokenizers_[i].append_keys(text, keys);
    if (const auto& vocabulary = outputs_[i].vocabulary) {
      const auto first = keys.begin() + static_cast<std::ptrdiff_t>(before);
      keys.erase(
          std::remove_if(first, keys.end(), [&](Key key) { return !vocabulary->contains(key); }),
          keys.end());
    }
    const std::uint64_t buckets = outputs_[i].output->buckets;
    if (buckets == 0) return;
    for (std::size_t k = before; k < keys.size(); ++k) keys[k] %= buckets;
  }

  const EncodeRequest& request_;
  const std::vector<GroupOutput>& outputs_;
  std::vector<Tokenizer> tokenizers_;
  std::string scratch_;
};

GroupPart encode_outputs(const EncodeRequest& request, const std::vector<GroupOutput>& outputs,
                         std::size_t b) {
  GroupPart part;
  KeyWriter writer(request, outputs);
  for (const std::uint32_t row : request.selection.rows[b]) {
    const std::size_t before = part.keys.size();
    writer.append(request.table.blocks[b], row, part.keys);
    part.counts.push_back(static_cast<std::uint32_t>(part.keys.size() - before));
  }
  return part;
}

GroupPart encode_sparse_rows(const EncodeRequest& request, std::size_t b) {
  GroupPart part;
  const SparseRows& sparse = request.table.blocks[b].sparse;
  const double factor = request.pipeline.sparse_factor;
  bool all_ones = true;
  for (const std::uint32_t row : request.selection.rows[b]) {
    const std::uint64_t begin = row == 0 ? 0 : sparse.ends[row - 1];
    for (std::uint64_t entry = begin; entry < sparse.ends[row]; ++entry) {
      part.keys.push_back(sparse.indices[entry]);
      const auto value = static_cast<float>(static_cast<double>(sparse.values[entry]) * factor);
      part.values.push_back(value);
      all_ones = all_ones && value == 1.0F;
    }
    part.counts.push_back(static_cast<std::uint32_t>(sparse.ends[row] - begin));
  }
  if (all_ones) part.values.clear();
  return part;
}

// Joins the parts of all blocks into the arrays of one group.
Result<PackedGroup> join(const std::vector<GroupPart>& parts, const EncodeRequest& request,
                         std::size_t group, ArrayStore& store) {
  std::vector<std::uint64_t> first_key = {0};
  bool has_values = false;
  for (const GroupPart& part : parts) {
    first_key.push_back(first_key.back() + part.keys.size());
    has_values = has_values || !part.values.empty();
  }
  auto offsets = allocate<std::uint64_t>(store, offsets_array(request.name, group),
                                         request.selection.examples() + 1);
  if (!offsets) return offsets.error();
  auto keys = allocate<Key>(store, keys_array(request.name, group), first_key.back());
  if (!keys) return keys.error();
  std::span<float> values;
  if (has_values) {
    auto allocated = allocate<float>(store, values_array(request.name, group), first_key.back());
    if (!allocated) return allocated.error();
    values = *allocated;
  }
  const std::vector<std::uint64_t> first_example = first_examples(request.selection);
  parallel_for(parts.size(), request.threads, [&](std::size_t b) {
    const GroupPart& part = parts[b];
    std::uint64_t at = first_key[b];
    for (std::size_t row = 0; row < part.counts.size(); ++row) {
      (*offsets)[first_example[b] + row] = at;
      at += part.counts[row];
    }
    std::copy(part.keys.begin(), part.keys.end(),
              keys->begin() + static_cast<std::ptrdiff_t>(first_key[b]));
    if (!has_values) return;
    const auto to = values.begin() + static_cast<std::ptrdiff_t>(first_key[b]);
    if (part.values.empty()) {
      std::fill_n(to, part.keys.size(), 1.0F);
    } else {
      std::copy(part.values.begin(), part.values.end(), to);
    }
  });
  offsets->back() = first_key.back();
  return PackedGroup{.offsets = *offsets, .keys = *keys, .values = values};
}

Result<std::span<float>> encode_labels(const EncodeRequest& request, ArrayStore& store) {
  auto labels = allocate<float>(store, labels_array(request.name), request.selection.examples());
  if (!labels) return labels;
  std::size_t at = 0;
  for (std::size_t b = 0; b < request.selection.rows.size(); ++b) {
    for (const std::uint32_t row : request.selection.rows[b]) {
      (*labels)[at++] = request.labels[b][row];
    }
  }
  return labels;
}

// None where rows have no weights.
Result<std::span<double>> encode_weights(const EncodeRequest& request, ArrayStore& store) {
  if (!request.table.weight) return std::span<double>();
  auto weights = allocate<double>(store, weights_array(request.name), request.selection.examples());
  if (!weights) return weights;
  std::size_t at = 0;
  for (std::size_t b = 0; b < request.selection.rows.size(); ++b) {
    for (const std::uint32_t row : request.selection.rows[b]) {
      (*weights)[at++] = weight_of(request.table, request.table.blocks[b], row);
    }
  }
  return weights;
}

Result<std::span<float>> encode_dense(const EncodeRequest& request, const DenseEncoder& encoder,
                                      ArrayStore& store, Meter& meter) {
  const std::size_t width = encoder.width();
  auto dense =
      allocate<float>(store, dense_array(request.name), request.selection.examples() * width);
  if (!dense) return dense;
  const std::vector<std::uint64_t> first = first_examples(request.selection);
  std::vector<std::optional<Error>> errors(request.table.blocks.size());
  parallel_for(errors.size(), request.threads, [&](std::size_t b) {
    const std::size_t rows = request.selection.rows[b].size();
    errors[b] = encoder.encode(b, dense->subspan(first[b] * width, rows * width));
    meter.add(rows);
  });
  for (auto& error : errors) {
    if (error) return *std::move(error);
  }
  return dense;
}

}  // namespace

Result<PackedSplit> encode_split(const EncodeRequest& request, ArrayStore& store, Meter& meter) {
  const DataSchema schema = schema_of(request.pipeline);
  const DenseEncoder encoder(request);
  PackedSplit split;
  split.examples = request.selection.examples();
  split.width = encoder.width();
  meter.begin("encoding", split.examples * (1 + schema.sparse_groups.size()));

  auto labels = encode_labels(request, store);
  if (!labels) return labels.error();
  split.labels = *labels;
  auto weights = encode_weights(request, store);
  if (!weights) return weights.error();
  split.weights = *weights;
  auto dense = encode_dense(request, encoder, store, meter);
  if (!dense) return dense.error();
  split.dense = *dense;

  const GroupOutputs outputs = group_outputs(request.pipeline, schema);
  for (std::size_t g = 0; g < outputs.size(); ++g) {
    std::vector<GroupPart> parts(request.table.blocks.size());
    parallel_for(parts.size(), request.threads, [&](std::size_t b) {
      parts[b] = request.pipeline.sparse ? encode_sparse_rows(request, b)
                                         : encode_outputs(request, outputs[g], b);
      meter.add(request.selection.rows[b].size());
    });
    auto group = join(parts, request, g, store);
    if (!group) return group.error();
    split.groups.push_back(*group);
  }
  return split;
}

std::string labels_array(std::string_view split) { return fmt::format("{}.labels.f32", split); }
std::string weights_array(std::string_view split) { return fmt::format("{}.weights.f64", split); }
std::string dense_array(std::string_view split) { return fmt::format("{}.dense.f32", split); }
std::string offsets_array(std::string_view split, std::size_t group) {
  return fmt::format("{}.{}.offsets.u64", split, group);
}
std::string keys_array(std::string_view split, std::size_t group) {
  return fmt::format("{}.{}.keys.u64", split, group);
}
std::string values_array(std::string_view split, std::size_t group) {
  return fmt::format("{}.{}.values.f32", split, group);
}

}  // namespace ballast
