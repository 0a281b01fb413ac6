#include "worker/model/sparse_input.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"
#include "common/base/hash.h"

namespace ballast {
namespace {

// out += weight * row, plain enough for the compiler to vectorize; rows are too short for a call
// through the kernel table to pay. Elementwise, so every vector width gives the same bits.
void add_row(float weight, const float* __restrict row, std::uint32_t width,
             float* __restrict out) {
  for (std::uint32_t i = 0; i < width; ++i) out[i] += weight * row[i];
}

void set_row(float weight, const float* __restrict row, std::uint32_t width,
             float* __restrict out) {
  for (std::uint32_t i = 0; i < width; ++i) out[i] = weight * row[i];
}

// Rows lie all over a table that no cache holds: they are asked for so many entries ahead.
constexpr std::size_t kPrefetch = 12;

void prefetch(const float* row, std::uint32_t width) {
  constexpr std::uint32_t kLine = 16;
  for (std::uint32_t i = 0; i < width; i += kLine) __builtin_prefetch(row + i);
}

// The first place from `from` on whose key is not below `key`: steps double until they pass it, so
// looking up sorted keys in turn costs the logarithm of the distance between them.
std::size_t gallop(std::span<const Key> keys, std::size_t from, Key key) {
  std::size_t step = 1;
  std::size_t low = from;
  while (low + step < keys.size() && keys[low + step] < key) {
    low += step;
    step *= 2;
  }
  const std::size_t high = std::min(low + step + 1, keys.size());
  const auto found = std::lower_bound(keys.begin() + static_cast<std::ptrdiff_t>(low),
                                      keys.begin() + static_cast<std::ptrdiff_t>(high), key);
  return static_cast<std::size_t>(found - keys.begin());
}

}  // namespace

Key table_key(const SparseLayer::Source& source, Key key) {
  return source.salt == 0 ? key : mix(key, source.salt);
}

void append_keys(const SparseLayer& layer, const Dataset& dataset, Split split,
                 std::span<const std::uint32_t> examples, std::vector<Key>& keys) {
  for (const std::uint32_t example : examples) {
    for (const SparseLayer::Source& source : layer.sources) {
      for (const Key key : dataset.bag(split, example, source.group).keys) {
        keys.push_back(table_key(source, key));
      }
    }
  }
}

void SparseInput::look_up(const Dataset& dataset, Split split,
                          std::span<const std::uint32_t> examples, const Weights::Table& table) {
  read_entries(dataset, split, examples);
  BALLAST_CHECK(sorted_.size() <= UINT32_MAX);
  scratch_.resize(sorted_.size());
  sort_by_key(sorted_, scratch_);
  find_rows(table.keys);
}

void SparseInput::read_entries(const Dataset& dataset, Split split,
                               std::span<const std::uint32_t> examples) {
  examples_ = static_cast<std::uint32_t>(examples.size());
  entries_.clear();
  sorted_.clear();
  for (std::uint32_t r = 0; r < examples_; ++r) {
    const std::size_t first = entries_.size();
    for (const SparseLayer::Source& source : layer_.sources) {
      const Bag bag = dataset.bag(split, examples[r], source.group);
      BALLAST_CHECK(bag.values.empty() || bag.values.size() == bag.keys.size());
      for (std::size_t i = 0; i < bag.keys.size(); ++i) {
        sorted_.push_back(
            {table_key(source, bag.keys[i]), static_cast<std::uint32_t>(entries_.size())});
        entries_.push_back({.weight = bag.values.empty() ? 1.0F : bag.values[i],
                            .example = r,
                            .column = column_ + source.column});
      }
    }
    weigh(first);
  }
}

// Turns the values of one example's entries, from `first` on, into their weights.
void SparseInput::weigh(std::size_t first) {
  if (layer_.combine == Combine::sum) return;
  double divisor = 0.0;
  for (std::size_t i = first; i < entries_.size(); ++i) {
    const double value = entries_[i].weight;
    divisor += layer_.combine == Combine::mean ? std::abs(value) : value * value;
  }
  if (layer_.combine == Combine::sqrt_n) divisor = std::sqrt(divisor);
  for (std::size_t i = first; i < entries_.size(); ++i) {
    const double value = entries_[i].weight;
    entries_[i].weight = divisor == 0.0 ? 0.0F : static_cast<float>(value / divisor);
  }
}

void SparseInput::find_rows(std::span<const Key> keys) {
  unique_ = 0;
  std::size_t row = 0;
  for (std::size_t i = 0; i < sorted_.size(); ++i) {
    const Key key = sorted_[i].key;
    if (i == 0 || key != sorted_[i - 1].key) {
      row = gallop(keys, row, key);
      // Pulling weights for fewer keys than the examples have is our own bug.
      BALLAST_CHECK(row < keys.size() && keys[row] == key);
      ++unique_;
    }
    entries_[sorted_[i].position].row = static_cast<std::uint32_t>(row);
  }
}

void SparseInput::forward(const Weights::Table& table, Matrix input) const {
  for (std::uint32_t r = 0; r < examples_; ++r) {
    const auto columns = input.row(r).subspan(column_, layer_.outputs);
    std::fill(columns.begin(), columns.end(), 0.0F);
  }
  const std::uint32_t width = layer_.width;
  const auto row = [&](const Entry& entry) {
    return table.values.data() + std::size_t{entry.row} * width;
  };
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (i + kPrefetch < entries_.size()) prefetch(row(entries_[i + kPrefetch]), width);
    const Entry& entry = entries_[i];
    add_row(entry.weight, row(entry), width, input.row(entry.example).data() + entry.column);
  }
}

void SparseInput::backward(Matrix input_gradient, Gradient::Table& gradient) const {
  const std::uint32_t width = layer_.width;
  gradient.keys.resize(unique_);
  gradient.values.resize(unique_ * width);
  std::size_t row = 0;
  for (std::size_t i = 0; i < sorted_.size(); ++i) {
    const Entry& entry = entries_[sorted_[i].position];
    const float* from = input_gradient.row(entry.example).data() + entry.column;
    if (i == 0 || sorted_[i].key != sorted_[i - 1].key) {
      gradient.keys[row] = sorted_[i].key;
      set_row(entry.weight, from, width, gradient.values.data() + row * width);
      ++row;
    } else {
      add_row(entry.weight, from, width, gradient.values.data() + (row - 1) * width);
    }
  }
}

}  // namespace ballast
