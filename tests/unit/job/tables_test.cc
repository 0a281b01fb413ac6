#include "common/job/tables.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace ballast {
namespace {

TableSpec table(TableKind kind, std::vector<std::uint32_t> shape, Initializer initializer,
                float bound) {
  TableSpec table;
  table.id = TableId{3};
  table.name = "t";
  table.kind = kind;
  table.shape = std::move(shape);
  table.initializer = initializer;
  table.initial_bound = bound;
  return table;
}

std::vector<float> initial(const TableSpec& table, std::uint64_t seed, Key key,
                           std::size_t floats) {
  std::vector<float> values(floats, std::nanf(""));
  initialize(table, seed, key, values);
  return values;
}

TEST(Tables, AreCutIntoBlocksWithAShortOneAtTheEnd) {
  struct Case {
    std::vector<std::uint32_t> shape;
    std::uint64_t floats;
    std::vector<std::uint32_t> blocks;
  };
  const Case cases[] = {
      {{1}, 1, {1}},
      {{kBlockFloats}, kBlockFloats, {kBlockFloats}},
      {{kBlockFloats + 1}, kBlockFloats + 1, {kBlockFloats, 1}},
      {{784, 50}, 39200, {16384, 16384, 6432}},
      {{65536, 65537}, 65536ULL * 65537, {}},  // Too many to list; the count must not overflow.
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.floats);
    const TableSpec dense = table(TableKind::dense, c.shape, Initializer::zeros, 0.0F);
    EXPECT_EQ(floats_of(dense), c.floats);
    if (c.blocks.empty()) {
      EXPECT_EQ(blocks_of(dense), 262148U);
      continue;
    }
    ASSERT_EQ(blocks_of(dense), c.blocks.size());
    for (std::uint32_t block = 0; block < c.blocks.size(); ++block) {
      EXPECT_EQ(floats_of_block(dense, block), c.blocks[block]);
    }
  }
}

TEST(Tables, StartAsAPureFunctionOfSeedTableAndKey) {
  const TableSpec rows = table(TableKind::sparse, {16}, Initializer::uniform_fan_in, 0.25F);
  const std::vector<float> values = initial(rows, 7, 12345, 16);
  EXPECT_EQ(initial(rows, 7, 12345, 16), values);
  EXPECT_NE(initial(rows, 8, 12345, 16), values);
  EXPECT_NE(initial(rows, 7, 12346, 16), values);
  TableSpec other = rows;
  other.id = TableId{4};
  EXPECT_NE(initial(other, 7, 12345, 16), values);
}

TEST(Tables, StartWithinTheirBounds) {
  const std::size_t n = 20000;
  const auto moments = [&](const TableSpec& spec) {
    double sum = 0.0;
    double squares = 0.0;
    float largest = 0.0F;
    for (const float value : initial(spec, 1, 0, n)) {
      sum += value;
      squares += double{value} * value;
      largest = std::max(largest, std::abs(value));
    }
    return std::array<double, 3>{sum / n, std::sqrt(squares / n), largest};
  };
  const auto [mean, deviation, largest] =
      moments(table(TableKind::dense, {200, 100}, Initializer::he_uniform, 0.5F));
  EXPECT_NEAR(mean, 0.0, 0.01);
  EXPECT_NEAR(deviation, 0.5 / std::sqrt(3.0), 0.01);  // Of a uniform distribution.
  EXPECT_LE(largest, 0.5);
  EXPECT_GT(largest, 0.49);

  const auto [normal_mean, normal_deviation, normal_largest] =
      moments(table(TableKind::dense, {200, 100}, Initializer::normal, 0.5F));
  EXPECT_NEAR(normal_mean, 0.0, 0.02);
  EXPECT_NEAR(normal_deviation, 0.5, 0.01);
  EXPECT_LE(normal_largest, 0.5 * 3.4642);  // Four uniforms reach no further.

  for (const float value :
       initial(table(TableKind::dense, {9}, Initializer::zeros, 0.5F), 1, 0, 9)) {
    EXPECT_EQ(value, 0.0F);
  }
}

}  // namespace
}  // namespace ballast
