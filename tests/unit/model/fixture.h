#pragma once

// What tests of models share: seeded data, weights by table, runs and BLAS.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/philox.h"
#include "common/math/aligned.h"
#include "tests/unit/model/memory_dataset.h"
#include "worker/model/model.h"

namespace ballast::test {

// Random words of a test, one after another.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : stream_(seed, Purpose::canary, 0) {}

  std::uint32_t below(std::uint32_t n) {
    return static_cast<std::uint32_t>(std::uint64_t{stream_.word(next_++)} * n >> 32);
  }
  // In [-bound, bound).
  float number(float bound = 1.0F) { return bound * (2.0F * stream_.uniform(next_++) - 1.0F); }
  std::uint64_t word64() {
    const std::uint64_t high = stream_.word(next_++);
    return high << 32 | stream_.word(next_++);
  }

 private:
  PhiloxStream stream_;
  std::uint64_t next_ = 0;
};

// The weights of every table, and the view that engines take.
class StoredWeights {
 public:
  struct Table {
    AlignedVector<float> values;
    std::vector<Key> keys;
  };

  explicit StoredWeights(std::size_t tables) : tables_(tables) {}

  [[nodiscard]] Table& operator[](std::size_t table) { return tables_[table]; }
  [[nodiscard]] const Table& operator[](std::size_t table) const { return tables_[table]; }
  [[nodiscard]] std::size_t size() const { return tables_.size(); }
  [[nodiscard]] Weights view() const;

 private:
  std::vector<Table> tables_;
};

// A spec with a list of layers; names are filled in by the model.
[[nodiscard]] Spec spec_of(std::vector<LayerSpec> layers, LossKind loss);
[[nodiscard]] Spec spec_of(ModelKind kind, LossKind loss);

// A schema with so many dense columns ("x0", "x1" ...), groups and classes.
[[nodiscard]] DataSchema schema_of(std::uint32_t dense, std::vector<std::string> groups,
                                   std::uint32_t classes);

// `count` seeded examples: dense numbers in [-1, 1), up to `entries_max` keys below `keys` in each
// group, labels among the classes or numbers.
struct ExampleOptions {
  std::uint32_t count = 8;
  std::uint32_t entries_max = 4;
  std::uint32_t keys = 6;
  std::uint64_t seed = 1;
};
[[nodiscard]] MemoryDataset examples_for(const DataSchema& schema, const ExampleOptions& options);

// Every key of the data set and random numbers in [-0.8, 0.8) for every table of the model, so that
// no layer is at a special place (zero biases, zero gains).
[[nodiscard]] StoredWeights random_weights(const Model& model, const Dataset& dataset,
                                           std::uint64_t seed);

[[nodiscard]] RunConfig run_of(const Model& model, std::uint32_t leaf_examples,
                               std::uint32_t evaluation_batch);

[[nodiscard]] std::shared_ptr<const Blas> blas();

[[nodiscard]] std::unique_ptr<Model> model_of(const Spec& spec, const DataSchema& schema);

// 0, 1 ... count - 1.
[[nodiscard]] std::vector<std::uint32_t> first_examples(std::uint32_t count);

// Whether two gradients are the same bits, -0 and 0 apart.
[[nodiscard]] bool same_bits(const Gradient& a, const Gradient& b);

}  // namespace ballast::test
