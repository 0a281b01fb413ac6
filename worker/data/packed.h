#pragma once

// The arrays of a prepared split, and the Dataset over them: mapped from files or in memory.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/data/dataset.h"

namespace ballast {

// The bag of example i is keys[offsets[i] .. offsets[i + 1]), with values alike or none.
struct PackedGroup {
  std::span<const std::uint64_t> offsets;
  std::span<const Key> keys;
  std::span<const float> values;
};

struct PackedSplit {
  std::uint64_t examples = 0;
  std::uint64_t width = 0;  // Dense numbers per example.
  std::span<const float> labels;
  std::span<const double> weights;  // Or none.
  std::span<const float> dense;     // Row by row.
  std::vector<PackedGroup> groups;  // In the schema's order.
};

inline constexpr std::size_t kSplits = 3;

// Whether all are what a weight can be: finite, and not negative.
[[nodiscard]] bool are_weights(std::span<const double> numbers);

// Where arrays are written. What allocate() returned stays valid as long as the store.
class ArrayStore {
 public:
  virtual ~ArrayStore() = default;
  // Zeroed memory, 64-byte aligned, under a name that is used once.
  [[nodiscard]] virtual Result<std::span<std::byte>> allocate(const std::string& name,
                                                              std::size_t bytes) = 0;
};

class MemoryArrays final : public ArrayStore {
 public:
  [[nodiscard]] Result<std::span<std::byte>> allocate(const std::string& name,
                                                      std::size_t bytes) override;
  // Of all arrays together.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  std::vector<std::unique_ptr<std::byte, Free>> arrays_;
  std::size_t bytes_ = 0;
};

class PackedDataset final : public Dataset {
 public:
  // `owner` keeps what the spans of the splits point at.
  PackedDataset(DataSchema schema, std::string digest, std::array<PackedSplit, kSplits> splits,
                std::shared_ptr<const void> owner)
      : schema_(std::move(schema)),
        digest_(std::move(digest)),
        splits_(std::move(splits)),
        owner_(std::move(owner)) {}

  [[nodiscard]] const DataSchema& schema() const override { return schema_; }
  [[nodiscard]] const std::string& digest() const override { return digest_; }
  [[nodiscard]] std::uint64_t examples(Split split) const override { return of(split).examples; }
  [[nodiscard]] float label(Split split, std::uint64_t example) const override {
    return of(split).labels[example];
  }
  [[nodiscard]] std::span<const double> weights(Split split) const override {
    return of(split).weights;
  }
  [[nodiscard]] std::span<const float> dense(Split split, std::uint64_t example) const override {
    const PackedSplit& packed = of(split);
    return packed.dense.subspan(example * packed.width, packed.width);
  }
  [[nodiscard]] Bag bag(Split split, std::uint64_t example, std::uint32_t group) const override {
    const PackedGroup& packed = of(split).groups[group];
    const std::uint64_t begin = packed.offsets[example];
    const std::uint64_t count = packed.offsets[example + 1] - begin;
    return {.keys = packed.keys.subspan(begin, count),
            .values = packed.values.empty() ? packed.values : packed.values.subspan(begin, count)};
  }

 private:
  [[nodiscard]] const PackedSplit& of(Split split) const {
    return splits_[static_cast<std::size_t>(split)];
  }

  const DataSchema schema_;
  const std::string digest_;
  const std::array<PackedSplit, kSplits> splits_;
  const std::shared_ptr<const void> owner_;
};

}  // namespace ballast
