// Sorting, gathering and adding: against the standard library's ordered containers.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "common/base/hash.h"
#include "tests/unit/model/fixture.h"
#include "tests/unit/model/layer_specs.h"
#include "worker/model/key_sort.h"

namespace ballast::test::sparse_test {
namespace {

// Key ranges that leave different numbers of bytes to sort by.
const std::uint64_t kMasks[] = {0x0, 0x1, 0xff, 0xfffff, 0xff00ff0000000000, ~std::uint64_t{0}};

TEST(KeySort, KeepsTheOrderOfEqualKeys) {
  for (const std::uint64_t mask : kMasks) {
    for (const std::uint32_t count : {0U, 1U, 2U, 3U, 100U, 5000U}) {
      SCOPED_TRACE(testing::Message() << std::hex << mask << std::dec << " x " << count);
      Draw draw(count + mask);
      std::vector<Occurrence> items;
      for (std::uint32_t i = 0; i < count; ++i) items.push_back({draw.word64() & mask, i});
      std::vector<Occurrence> expected = items;
      std::stable_sort(expected.begin(), expected.end(),
                       [](const auto& a, const auto& b) { return a.key < b.key; });
      std::vector<Occurrence> scratch(count);
      sort_by_key(items, scratch);
      EXPECT_TRUE(std::equal(
          items.begin(), items.end(), expected.begin(),
          [](const auto& a, const auto& b) { return a.key == b.key && a.position == b.position; }));
    }
  }
}

TEST(KeySort, KeepsOneOfEach) {
  for (const std::uint64_t mask : kMasks) {
    for (const std::uint32_t count : {0U, 1U, 2U, 777U}) {
      Draw draw(count + mask);
      std::vector<Key> keys;
      for (std::uint32_t i = 0; i < count; ++i) keys.push_back(draw.word64() & mask);
      const std::set<Key> expected(keys.begin(), keys.end());
      sort_unique(keys);
      EXPECT_EQ(keys, std::vector<Key>(expected.begin(), expected.end()));
    }
  }
}

TEST(Gather, GivesTheKeysOfTheExamplesByTable) {
  const DataSchema schema = schema_of(1, {"a", "b"}, 2);
  const auto model = model_of(
      spec_of({embedding(2, {"b"}), bag(3, {"b", "a"}), dense(2)}, LossKind::cross_entropy),
      schema);
  const MemoryDataset dataset = examples_for(schema, {.count = 50, .entries_max = 9, .keys = 1000});
  KeySets keys = {{99}, {99}, {99}};  // What was there before is gone.
  const std::vector<std::uint32_t> examples = {4, 40, 7, 4};
  model->gather(dataset, Split::train, examples, keys);

  std::set<Key> alone;
  std::set<Key> together;
  for (const std::uint32_t example : examples) {
    for (const Key key : dataset.bag(Split::train, example, 1).keys) {
      alone.insert(key);
      together.insert(mix(key, 1));
    }
    for (const Key key : dataset.bag(Split::train, example, 0).keys) together.insert(mix(key, 2));
  }
  ASSERT_EQ(keys.size(), model->tables().size());
  EXPECT_EQ(keys[0], std::vector<Key>(alone.begin(), alone.end()));
  EXPECT_EQ(keys[1], std::vector<Key>(together.begin(), together.end()));
  EXPECT_TRUE(keys[2].empty());
  EXPECT_TRUE(keys[3].empty());

  model->gather(dataset, Split::train, {}, keys);
  for (const auto& set : keys) EXPECT_TRUE(set.empty());
}

// ---- add_gradients ------------------------------------------------------------------------------

using Rows = std::map<Key, std::vector<float>>;

Gradient::Table sparse(const Rows& rows) {
  Gradient::Table table;
  for (const auto& [key, row] : rows) {
    table.keys.push_back(key);
    table.values.insert(table.values.end(), row.begin(), row.end());
  }
  return table;
}

Rows add(const Rows& left, const Rows& right) {
  Rows sum = left;
  for (const auto& [key, row] : right) {
    const auto [place, absent] = sum.try_emplace(key, row);
    if (absent) continue;
    for (std::size_t i = 0; i < row.size(); ++i) place->second[i] += row[i];
  }
  return sum;
}

Rows random_rows(Draw& draw, std::uint32_t count, std::uint32_t width) {
  Rows rows;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::vector<float>& row = rows[draw.below(60)];
    row.clear();
    for (std::uint32_t c = 0; c < width; ++c) row.push_back(draw.number());
  }
  return rows;
}

TEST(AddGradients, AddsRowsByKeyLikeAMap) {
  Draw draw(11);
  Gradient sum;  // Reused, as a worker does.
  for (const std::uint32_t left_count : {0U, 1U, 20U, 200U}) {
    for (const std::uint32_t right_count : {0U, 1U, 25U, 200U}) {
      for (const std::uint32_t width : {1U, 3U, 16U}) {
        const Rows left = random_rows(draw, left_count, width);
        const Rows right = random_rows(draw, right_count, width);
        const Gradient a{.tables = {sparse(left)}, .figures = {.loss = 1.5, .examples = 3}};
        const Gradient b{.tables = {sparse(right)},
                         .figures = {.loss = 2.0, .examples = 4, .correct = 2, .nonfinite = 1}};
        add_gradients(a, b, sum);
        const Gradient expected{
            .tables = {sparse(add(left, right))},
            .figures = {.loss = 3.5, .examples = 7, .correct = 2, .nonfinite = 1}};
        EXPECT_TRUE(same_bits(sum, expected));
      }
    }
  }
}

TEST(AddGradients, AbsentIsNotZero) {
  const Gradient::Table dense{.values = {-0.0F, 1.0F, -0.0F}, .keys = {}};
  const Gradient::Table row{.values = {-0.0F, -0.0F}, .keys = {5}};
  const Gradient::Table other{.values = {2.0F, 3.0F}, .keys = {9}};
  const Gradient some{.tables = {dense, row}, .figures = {.loss = 1.0, .examples = 1}};
  const Gradient none{.tables = {{}, {}}, .figures = {}};
  const Gradient apart{.tables = {{}, other}, .figures = {}};

  Gradient sum;
  add_gradients(some, none, sum);
  EXPECT_TRUE(same_bits(sum, some));
  add_gradients(none, some, sum);
  EXPECT_TRUE(same_bits(sum, some));
  add_gradients(none, none, sum);
  EXPECT_TRUE(same_bits(sum, none));

  add_gradients(apart, some, sum);
  EXPECT_TRUE(std::signbit(sum.tables[0].values[0]));
  EXPECT_EQ(sum.tables[1].keys, (std::vector<Key>{5, 9}));
  EXPECT_TRUE(std::signbit(sum.tables[1].values[0]));
  EXPECT_EQ(sum.tables[1].values[3], 3.0F);
}

TEST(AddGradients, AddsDenseTablesElementByElement) {
  const Gradient a{.tables = {{.values = {1.0F, 2.0F, 0.1F}, .keys = {}}}, .figures = {}};
  const Gradient b{.tables = {{.values = {0.5F, -2.0F, 0.2F}, .keys = {}}}, .figures = {}};
  Gradient sum{.tables = {{.values = {9.0F}, .keys = {7}}}, .figures = {}};
  add_gradients(a, b, sum);
  EXPECT_EQ(sum.tables[0].values, (std::vector<float>{1.5F, 0.0F, 0.1F + 0.2F}));
  EXPECT_TRUE(sum.tables[0].keys.empty());
}

}  // namespace
}  // namespace ballast::test::sparse_test
