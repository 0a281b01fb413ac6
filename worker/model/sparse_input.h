#pragma once

// What a sparse layer does for one leaf or evaluation batch: looks up the rows of the examples'
// keys, sums them into columns of the first layer's input, and on the way back sums the gradients
// of each key's occurrences into one row.
//
//   out[example, source] = sum over entries of weight(entry) * row(key)
//
// where weight is value (sum), value / sum of |values| (mean), or value / sqrt(sum of values^2)
// (sqrt_n) over the entries that are combined; with all values one these are the plain sum, mean
// and sum / sqrt(n). Entries whose divisor is zero weigh zero. An example without entries gives
// zeros.
//
// Order: forward adds the entries of an example as the data lists them, group by group; backward
// adds the occurrences of a key in example order, then entry order, starting from the first one
// (not from zero: 0 + -0 is another number than -0). A key is in the gradient when an example has
// it, whatever its value (R1).
//
// One per engine; not thread-safe.

#include <cstdint>
#include <span>
#include <vector>

#include "worker/data/dataset.h"
#include "worker/model/architecture.h"
#include "worker/model/key_sort.h"
#include "worker/model/matrix.h"
#include "worker/model/model.h"

namespace ballast {

// The key that a source's entry has in the layer's table.
[[nodiscard]] Key table_key(const SparseLayer::Source& source, Key key);

// Appends the keys of these examples, in order of entries.
void append_keys(const SparseLayer& layer, const Dataset& dataset, Split split,
                 std::span<const std::uint32_t> examples, std::vector<Key>& keys);

class SparseInput {
 public:
  // `column` is the first of the layer's columns in the input.
  SparseInput(const SparseLayer& layer, std::uint32_t column) : layer_(layer), column_(column) {}

  [[nodiscard]] TableId table() const { return layer_.table; }

  // REQUIRES: table.keys holds every key of these examples.
  void look_up(const Dataset& dataset, Split split, std::span<const std::uint32_t> examples,
               const Weights::Table& table);

  // Writes the layer's columns of the rows that were looked up.
  void forward(const Weights::Table& table, Matrix input) const;

  // Writes the gradient of the rows, by sorted key. Called after look_up of the same examples.
  void backward(Matrix input_gradient, Gradient::Table& gradient) const;

 private:
  // One (key, value) pair of one example, in the order of the data.
  struct Entry {
    float weight = 0.0F;
    std::uint32_t example = 0;  // Row of the input.
    std::uint32_t column = 0;
    std::uint32_t row = 0;  // Of the table.
  };

  void read_entries(const Dataset& dataset, Split split, std::span<const std::uint32_t> examples);
  void weigh(std::size_t first);
  void find_rows(std::span<const Key> keys);

  const SparseLayer layer_;
  const std::uint32_t column_;
  std::uint32_t examples_ = 0;
  std::vector<Entry> entries_;
  std::vector<Occurrence> sorted_;  // By key, then position in entries_.
  std::vector<Occurrence> scratch_;
  std::size_t unique_ = 0;
};

}  // namespace ballast
