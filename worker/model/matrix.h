#pragma once

// The workspaces of an engine: float32 matrices, one row per example, allocated once. Rows start
// on a cache line, so every product sees the same alignment and leading dimension (R4). The
// columns between width and stride belong to nobody: they hold something finite, or not, and no
// result reads them.

#include <algorithm>
#include <cstdint>
#include <span>

#include "common/base/check.h"
#include "common/math/aligned.h"

namespace ballast {

// A view of rows that somebody else owns.
struct Matrix {
  float* values = nullptr;
  std::uint32_t rows = 0;
  std::uint32_t width = 0;
  std::uint32_t stride = 0;

  [[nodiscard]] std::span<float> row(std::uint32_t r) const {
    return {values + std::size_t{r} * stride, width};
  }
  // The first `count` rows as they lie in memory, unowned columns included.
  [[nodiscard]] std::span<float> block(std::uint32_t count) const {
    return {values, std::size_t{count} * stride};
  }
  [[nodiscard]] std::span<float> block() const { return block(rows); }
  [[nodiscard]] bool empty() const { return values == nullptr; }

  // Sets the rows from `first` on to zero: the padding of a short leaf.
  void clear_from(std::uint32_t first) const {
    std::fill(row(first).data(), values + std::size_t{rows} * stride, 0.0F);
  }
};

class Workspace {
 public:
  Workspace() = default;
  Workspace(std::uint32_t rows, std::uint32_t width)
      : rows_(rows), width_(width), stride_(padded(width)) {
    values_.resize(std::size_t{rows} * stride_);
  }

  [[nodiscard]] Matrix view() {
    return {.values = values_.data(), .rows = rows_, .width = width_, .stride = stride_};
  }

 private:
  // Whole cache lines.
  static std::uint32_t padded(std::uint32_t width) {
    constexpr std::uint32_t kFloats = kAlignment / sizeof(float);
    return (width + kFloats - 1) / kFloats * kFloats;
  }

  std::uint32_t rows_ = 0;
  std::uint32_t width_ = 0;
  std::uint32_t stride_ = 0;
  AlignedVector<float> values_;
};

}  // namespace ballast
