#pragma once

// A prepared data set: what training reads. prepare.h makes it once per spec and source (parse,
// fit, transform, pack); every worker then maps the same files. Each split is a sequence of
// examples, in source order, with a label, a dense vector of fixed width and one bag of
// (key, value) pairs per sparse group.
//
// Immutable after open(); any number of threads may read.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/job/run.h"
#include "common/job/spec.h"

namespace ballast {

// What a model may ask of the data: known before any example is read.
struct DataSchema {
  std::vector<std::string> dense;          // One name per dense column: "age", "workclass=Private".
  std::vector<std::string> sparse_groups;  // Names, in the order of Example::bags.
  std::vector<std::string> classes;        // Class names by index; empty for regression.
};

// One example's entries in one sparse group. `values` is empty when all are one.
struct Bag {
  std::span<const Key> keys;
  std::span<const float> values;
};

class Dataset {
 public:
  virtual ~Dataset() = default;

  [[nodiscard]] virtual const DataSchema& schema() const = 0;
  [[nodiscard]] virtual const std::string& digest() const = 0;  // Of the manifest's content.
  [[nodiscard]] virtual std::uint64_t examples(Split split) const = 0;

  // REQUIRES: example < examples(split), group < schema().sparse_groups.size().
  [[nodiscard]] virtual float label(Split split, std::uint64_t example) const = 0;
  // By example how much it counts, 0 or more; none: all alike.
  [[nodiscard]] virtual std::span<const double> weights(Split split) const = 0;
  [[nodiscard]] virtual std::span<const float> dense(Split split, std::uint64_t example) const = 0;
  [[nodiscard]] virtual Bag bag(Split split, std::uint64_t example, std::uint32_t group) const = 0;
};

// Opens a directory that prepare() wrote, checking every checksum once.
[[nodiscard]] Result<std::unique_ptr<Dataset>> open_dataset(const std::string& directory);

}  // namespace ballast
