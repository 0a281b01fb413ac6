#pragma once

// A data set in memory, the same examples in every split, for tests of models.

#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "worker/data/dataset.h"

namespace ballast::test {

struct MemoryBag {
  std::vector<Key> keys;
  std::vector<float> values;  // Empty: all one.
};

struct MemoryExample {
  float label = 0.0F;
  std::vector<float> dense = {};
  std::vector<MemoryBag> bags = {};  // One per sparse group.
  double weight = 1.0;
};

class MemoryDataset final : public Dataset {
 public:
  MemoryDataset(DataSchema schema, std::vector<MemoryExample> examples)
      : schema_(std::move(schema)), examples_(std::move(examples)) {
    for (const MemoryExample& example : examples_) {
      BALLAST_CHECK(example.dense.size() == schema_.dense.size());
      BALLAST_CHECK(example.bags.size() == schema_.sparse_groups.size());
    }
  }

  [[nodiscard]] const DataSchema& schema() const override { return schema_; }
  [[nodiscard]] const std::string& digest() const override { return digest_; }
  [[nodiscard]] std::uint64_t examples(Split) const override { return examples_.size(); }
  [[nodiscard]] float label(Split, std::uint64_t example) const override {
    return examples_[example].label;
  }
  // As many as set_weighted() found; changed examples are weighed anew by it.
  [[nodiscard]] std::span<const double> weights(Split) const override { return weights_; }
  void set_weighted() {
    weights_.clear();
    for (const MemoryExample& example : examples_) weights_.push_back(example.weight);
  }
  [[nodiscard]] std::span<const float> dense(Split, std::uint64_t example) const override {
    return examples_[example].dense;
  }
  [[nodiscard]] Bag bag(Split, std::uint64_t example, std::uint32_t group) const override {
    const MemoryBag& bag = examples_[example].bags[group];
    return {.keys = bag.keys, .values = bag.values};
  }

  [[nodiscard]] std::vector<MemoryExample>& mutable_examples() { return examples_; }

 private:
  DataSchema schema_;
  std::vector<MemoryExample> examples_;
  std::vector<double> weights_;
  std::string digest_ = "in memory";
};

}  // namespace ballast::test
