#include "worker/data/split_values.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/data/fixtures.h"
#include "worker/data/labels.h"

namespace ballast::split_values_test {
namespace {

CrossValidationSpec of_kind(SplitKind kind) {
  CrossValidationSpec spec;
  spec.split = kind;
  return spec;
}

Result<SplitValues> values_of(const CrossValidationSpec& spec, std::string_view text) {
  const Spec job = csv_spec();
  auto table = read_texts(job, {text}, {.chunk_bytes = 1});
  EXPECT_TRUE(table) << table.error().message;
  const auto classes = find_classes(job, *table);
  const auto labels = read_labels(job, *classes, {}, *table);
  EXPECT_TRUE(labels);
  Selection rows = all_rows(*table);
  rows.rows[1].clear();  // The second row is dropped.
  return read_split_values(spec, *table, rows, *labels, *classes);
}

TEST(SplitValues, AreThoseOfTheSelectedRows) {
  const std::string_view text =
      "user,t,fold,y\nann,3,0,no\nbob,1,1,yes\ncid,2.5,,yes\nann,1,-1,no\nbob,1,7,maybe\n";
  CrossValidationSpec spec = of_kind(SplitKind::stratified_grouped);
  spec.group = "user";
  auto values = values_of(spec, text);
  ASSERT_TRUE(values) << values.error().message;
  EXPECT_EQ(values->examples, 4U);
  EXPECT_EQ(values->class_names, (std::vector<std::string>{"maybe", "no", "yes"}));
  EXPECT_EQ(values->classes, (std::vector<std::uint32_t>{1, 2, 1, 0}));
  EXPECT_EQ(values->groups.names, (std::vector<std::string>{"ann", "bob", "cid"}));
  EXPECT_EQ(values->groups.of, (std::vector<std::uint32_t>{0, 2, 0, 1}));

  spec = of_kind(SplitKind::expanding);
  spec.time = "t";
  values = values_of(spec, text);
  ASSERT_TRUE(values) << values.error().message;
  EXPECT_EQ(values->times.of, (std::vector<std::uint32_t>{2, 1, 0, 0}));

  spec = of_kind(SplitKind::given);
  spec.column = "fold";
  values = values_of(spec, text);
  ASSERT_TRUE(values) << values.error().message;
  EXPECT_EQ(values->folds.of, (std::vector<std::uint32_t>{0, kNoCategory, kNoCategory, 1}));
  EXPECT_EQ(values->folds.names, (std::vector<std::string>{"0", "7"}));
}

TEST(SplitValues, SayWhichRowHasNone) {
  const std::string_view text = "user,y\nann,no\nbob,yes\n,yes\n";
  CrossValidationSpec spec = of_kind(SplitKind::grouped);
  spec.group = "user";
  auto values = values_of(spec, text);
  ASSERT_FALSE(values);
  EXPECT_EQ(values.error().message,
            "a.csv:4: cross_validation.group: expected a value of \"user\" for each example, saw "
            "none; fill it in, or drop the row");
  spec.group = "usr";
  values = values_of(spec, text);
  ASSERT_FALSE(values);
  EXPECT_EQ(values.error().message,
            "cross_validation.group: there is no column \"usr\"; did you mean \"user\"?");
}

}  // namespace
}  // namespace ballast::split_values_test
