#include "worker/data/rows.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/data/fixtures.h"
#include "worker/data/fit.h"

namespace ballast {
namespace {

// The cells of a column in the selected rows.
Cells selected(const Table& table, const Selection& selection, const std::string& name) {
  Cells cells;
  std::string scratch;
  for (std::size_t b = 0; b < table.blocks.size(); ++b) {
    for (const std::uint32_t row : selection.rows[b]) {
      cells.emplace_back(text_of(table, table.blocks[b], *find_column(table, name), row, scratch));
    }
  }
  return cells;
}

TEST(DropDuplicates, KeepsTheFirstOfEqualRows) {
  struct Case {
    const char* name;
    std::vector<std::string> columns;
    Cells kept;
  };
  // id, x, c, y; rows 1 and 4 are equal but for their id, as are 2 and 3 but for their label.
  const std::string text =
      "id,x,c,y\n0,1,red,a\n1,2,blue,b\n2,-0,,a\n3,0,,b\n4,2.0,blue,b\n5,,red,a\n6,,red,a\n";
  const Case cases[] = {
      {"whole rows", {}, {"0", "1", "2", "3", "4", "5", "6"}},
      {"every column", {"*"}, {"0", "1", "2", "3", "4", "5", "6"}},
      {"without the id", {"x", "c"}, {"0", "1", "2", "5"}},
      {"one column", {"c"}, {"0", "1", "2"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    for (const std::size_t chunk_bytes : {std::size_t{1}, std::size_t{1} << 20}) {
      Spec spec = csv_spec();
      spec.features = {transform(TransformKind::drop_duplicates, c.columns)};
      const auto table = read_texts(spec, {text}, {.chunk_bytes = chunk_bytes});
      ASSERT_TRUE(table) << table.error().message;
      const auto rule = duplicate_rule(spec, *table);
      ASSERT_TRUE(rule && rule->has_value());
      Selection rows = all_rows(*table);
      const std::uint64_t dropped = drop_duplicates(*table, **rule, 2, rows);
      EXPECT_EQ(selected(*table, rows, "id"), c.kept);
      EXPECT_EQ(dropped, 7 - c.kept.size());
    }
  }
}

TEST(DropDuplicates, WholeRowsCountTheLabelAndSparseEntries) {
  Spec spec;
  spec.data.format = DataFormat::libsvm;
  spec.data.label = "label";
  spec.features = {transform(TransformKind::drop_duplicates)};
  const auto table = read_texts(spec, {"1 1:1 2:1\n-1 1:1 2:1\n1 1:1 2:2\n1 1:1\n1 1:1 2:1\n"});
  ASSERT_TRUE(table) << table.error().message;
  const auto rule = duplicate_rule(spec, *table);
  ASSERT_TRUE(rule && rule->has_value());
  Selection rows = all_rows(*table);
  EXPECT_EQ(drop_duplicates(*table, **rule, 1, rows), 1U);
  EXPECT_EQ(rows.rows[0], (std::vector<std::uint32_t>{0, 1, 2, 3}));
}

TEST(TakeValidation, IsAFunctionOfSeedAndRowAlone) {
  std::string text = "x,y\n";
  for (int i = 0; i < 4000; ++i) text += std::to_string(i) + (i % 2 == 0 ? ",a\n" : ",b\n");
  const Spec spec = csv_spec();
  const auto table = read_texts(spec, {text}, {.chunk_bytes = 1000});
  const auto whole = read_texts(spec, {text});
  ASSERT_TRUE(table && whole);
  Selection train = all_rows(*table);
  const Selection validation = take_validation(*table, 7, 0.25, train);
  EXPECT_EQ(train.examples() + validation.examples(), 4000U);
  // 1000 expected, deviation 27.
  EXPECT_NEAR(static_cast<double>(validation.examples()), 1000.0, 140.0);

  Selection whole_train = all_rows(*whole);
  const Selection whole_validation = take_validation(*whole, 7, 0.25, whole_train);
  EXPECT_EQ(selected(*whole, whole_validation, "x"), selected(*table, validation, "x"));
  EXPECT_EQ(selected(*whole, whole_train, "x"), selected(*table, train, "x"));

  // Leaving out rows moves none of the others.
  Selection fewer = all_rows(*table);
  fewer.rows[0].erase(fewer.rows[0].begin(), fewer.rows[0].begin() + 50);
  const Selection fewer_validation = take_validation(*table, 7, 0.25, fewer);
  for (std::size_t b = 1; b < fewer.rows.size(); ++b) {
    EXPECT_EQ(fewer_validation.rows[b], validation.rows[b]);
  }

  Selection other = all_rows(*table);
  EXPECT_NE(selected(*table, take_validation(*table, 8, 0.25, other), "x"),
            selected(*table, validation, "x"));
}

}  // namespace
}  // namespace ballast
