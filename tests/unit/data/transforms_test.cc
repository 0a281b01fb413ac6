#include <gtest/gtest.h>

#include <cmath>

#include "common/base/hash.h"
#include "tests/unit/data/fixtures.h"
#include "worker/data/apply.h"
#include "worker/data/encode.h"
#include "worker/data/fit.h"
#include "worker/data/labels.h"
#include "worker/data/select.h"

namespace ballast {
namespace {

// What a spec makes of a text, in memory: the arrays and their schema.
struct Encoded {
  Pipeline pipeline;
  DataSchema schema;
  PackedSplit split;
  std::unique_ptr<MemoryArrays> store = std::make_unique<MemoryArrays>();

  [[nodiscard]] std::vector<float> column(const std::string& name) const {
    std::vector<float> values;
    for (std::size_t c = 0; c < schema.dense.size(); ++c) {
      if (schema.dense[c] != name) continue;
      for (std::uint64_t i = 0; i < split.examples; ++i) {
        values.push_back(split.dense[i * split.width + c]);
      }
    }
    EXPECT_FALSE(values.empty()) << "no column " << name;
    return values;
  }
  [[nodiscard]] std::vector<Key> keys(std::size_t group, std::uint64_t example) const {
    const PackedGroup& packed = split.groups[group];
    return {packed.keys.begin() + static_cast<std::ptrdiff_t>(packed.offsets[example]),
            packed.keys.begin() + static_cast<std::ptrdiff_t>(packed.offsets[example + 1])};
  }
};

Result<Encoded> encode_with(const Pipeline& pipeline, Table& table, const Spec& spec,
                            const ReadOptions& options) {
  Encoded encoded;
  auto labels = read_labels(spec, pipeline.classes, options.label_rule, table);
  if (!labels) return labels.error();
  encoded.pipeline = pipeline;
  encoded.schema = schema_of(pipeline);
  const Selection all = all_rows(table);
  Meter meter(nullptr);
  auto split = encode_split({.table = table,
                             .selection = all,
                             .labels = *labels,
                             .pipeline = pipeline,
                             .name = "train",
                             .threads = options.threads},
                            *encoded.store, meter);
  if (!split) return split.error();
  encoded.split = *std::move(split);
  return encoded;
}

Result<Encoded> fit_and_encode(const Spec& spec, std::string_view text,
                               const ReadOptions& options = {}) {
  auto table = read_texts(spec, {text}, options);
  if (!table) return table.error();
  auto classes = find_classes(spec, *table);
  if (!classes) return classes.error();
  auto pipeline =
      fit_pipeline(spec, *table, all_rows(*table), *classes, {.threads = options.threads});
  if (!pipeline) return pipeline.error();
  return encode_with(*pipeline, *table, spec, options);
}

// The same fitted transforms on other rows, by way of JSON, as `predict` does.
Result<Encoded> encode_more(const Encoded& fitted, const Spec& spec, std::string_view text) {
  const auto pipeline = pipeline_from_json(to_json(fitted.pipeline));
  if (!pipeline) return pipeline.error();
  EXPECT_EQ(*pipeline, fitted.pipeline);
  const Table like = table_like(*pipeline);
  const ReadOptions options{.label_rule = LabelRule::optional};
  auto table = read_texts(spec, {text}, options, &like);
  if (!table) return table.error();
  return encode_with(*pipeline, *table, spec, options);
}

// One number column "x" and a label that has two classes.
std::string rows_of(std::initializer_list<const char*> cells) {
  std::string text = "x,y\n";
  int row = 0;
  for (const char* cell : cells) text += std::string(cell) + (row++ % 2 == 0 ? ",a\n" : ",b\n");
  return text;
}

Spec spec_with(std::vector<TransformSpec> features, std::vector<ColumnSpec> columns = {}) {
  Spec spec = csv_spec(std::move(columns));
  spec.features = std::move(features);
  return spec;
}

using Floats = std::vector<float>;

// Reference values below: scikit-learn 1.x (SimpleImputer, StandardScaler, MinMaxScaler,
// KBinsDiscretizer) and numpy.percentile on the same numbers.

TEST(Impute, FillsWithWhatTheTrainingRowsSay) {
  struct Case {
    const char* name;
    ImputeWith with;
    const char* constant;
    float filled;
  };
  const Case cases[] = {
      {"mean", ImputeWith::mean, "", 4.0833335F},
      {"median", ImputeWith::median, "", 4.5F},
      {"most frequent", ImputeWith::most_frequent, "", 7.0F},
      {"constant", ImputeWith::constant, "-1.5", -1.5F},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    TransformSpec impute = transform(TransformKind::impute, {"x"});
    impute.impute_with = c.with;
    impute.impute_constant = c.constant;
    const Spec spec = spec_with({impute});
    const auto encoded = fit_and_encode(spec, rows_of({"2", "", "7", "7", "-3", "10", "1.5", ""}));
    ASSERT_TRUE(encoded) << encoded.error().message;
    EXPECT_EQ(encoded->column("x"), (Floats{2, c.filled, 7, 7, -3, 10, 1.5F, c.filled}));
    // Predicting fills with what training said; an empty line is no row, quotes make it one.
    const auto more = encode_more(*encoded, spec, "x\n\n\"\"\n5\n");
    ASSERT_TRUE(more) << more.error().message;
    EXPECT_EQ(more->column("x"), (Floats{c.filled, 5}));
  }
}

TEST(Impute, AlsoFillsCategories) {
  const std::string text = "c,y\nred,a\n,b\nblue,a\nblue,b\nred,a\ngreen,b\n";
  TransformSpec impute = transform(TransformKind::impute, {"c"});
  impute.impute_with = ImputeWith::most_frequent;  // red and blue twice each: the first by bytes.
  const auto encoded =
      fit_and_encode(spec_with({impute, transform(TransformKind::one_hot, {"c"})}), text);
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_EQ(encoded->schema.dense, (Cells{"c=blue", "c=green", "c=red"}));
  EXPECT_EQ(encoded->column("c=blue"), (Floats{0, 1, 1, 1, 0, 0}));

  impute.impute_with = ImputeWith::constant;
  impute.impute_constant = "none";
  const auto filled =
      fit_and_encode(spec_with({impute, transform(TransformKind::one_hot, {"c"})}), text);
  ASSERT_TRUE(filled) << filled.error().message;
  EXPECT_EQ(filled->column("c=none"), (Floats{0, 1, 0, 0, 0, 0}));
}

const std::initializer_list<const char*> kNumbers = {"2", "4", "4", "4", "5", "5", "7", "9", "100"};

TEST(Standardize, GivesMeanZeroAndDeviationOne) {
  const auto encoded =
      fit_and_encode(spec_with({transform(TransformKind::standardize, {"x"})}), rows_of(kNumbers));
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_EQ(encoded->column("x"),
            (Floats{-0.45313412F, -0.38627827F, -0.38627827F, -0.38627827F, -0.35285035F,
                    -0.35285035F, -0.2859945F, -0.21913864F, 2.8228028F}));
}

TEST(Standardize, AConstantColumnBecomesZero) {
  const auto encoded = fit_and_encode(spec_with({transform(TransformKind::standardize, {"x"})}),
                                      rows_of({"3", "3", "3"}));
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_EQ(encoded->column("x"), (Floats{0, 0, 0}));
}

TEST(Standardize, AConstantColumnHasNoDeviationFromRounding) {
  std::string text = "x,y\n";
  for (int row = 0; row < 1000; ++row) text += row % 2 == 0 ? "0.1,a\n" : "0.1,b\n";
  const Spec spec = spec_with({transform(TransformKind::standardize, {"x"})});
  const auto encoded = fit_and_encode(spec, text);
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_EQ(encoded->column("x"), Floats(1000, 0.0F));
  const auto more = encode_more(*encoded, spec, "x\n1.1\n");
  ASSERT_TRUE(more) << more.error().message;
  EXPECT_EQ(more->column("x"), (Floats{1}));
}

TEST(MinMax, MapsTheTrainingRangeToTheUnitInterval) {
  const Spec spec = spec_with({transform(TransformKind::min_max, {"x"})});
  const auto encoded = fit_and_encode(spec, rows_of({"2", "4", "10"}));
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_EQ(encoded->column("x"), (Floats{0, 0.25F, 1}));
  const auto more = encode_more(*encoded, spec, "x\n12\n-2\n");
  ASSERT_TRUE(more) << more.error().message;
  EXPECT_EQ(more->column("x"), (Floats{1.25F, -0.5F}));
  EXPECT_TRUE(std::isnan(more->split.labels[0]));
}

TEST(Clip, ByQuartilesAndByDeviations) {
  TransformSpec iqr = transform(TransformKind::clip, {"x"});
  const auto by_iqr = fit_and_encode(spec_with({iqr}), rows_of(kNumbers));
  ASSERT_TRUE(by_iqr) << by_iqr.error().message;
  // Quartiles 4 and 7: everything is brought into [-0.5, 11.5].
  EXPECT_EQ(by_iqr->column("x"), (Floats{2, 4, 4, 4, 5, 5, 7, 9, 11.5F}));

  TransformSpec z = transform(TransformKind::clip, {"x"});
  z.clip_by = ClipBy::z_score;
  z.clip_factor = 2.0;
  const auto by_z = fit_and_encode(spec_with({z}), rows_of(kNumbers));
  ASSERT_TRUE(by_z) << by_z.error().message;
  EXPECT_EQ(by_z->column("x"),
            (Floats{2, 4, 4, 4, 5, 5, 7, 9, static_cast<float>(75.38576799866539)}));
}

TEST(Transforms, EachSeesWhatTheOneBeforeItLeaves) {
  TransformSpec impute = transform(TransformKind::impute, {"x"});
  impute.impute_with = ImputeWith::median;
  const auto encoded = fit_and_encode(spec_with({impute, transform(TransformKind::clip, {"number"}),
                                                 transform(TransformKind::standardize, {"*"})}),
                                      rows_of(kNumbers));
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_EQ(encoded->column("x"),
            (Floats{-1.3389293F, -0.6195046F, -0.6195046F, -0.6195046F, -0.25979224F, -0.25979224F,
                    0.45963243F, 1.1790571F, 2.0783379F}));
}

TEST(Scale, Multiplies) {
  TransformSpec scale = transform(TransformKind::scale, {"*"});
  scale.factor = 1.0 / 255;
  const auto encoded = fit_and_encode(spec_with({scale}), rows_of({"0", "51", "255"}));
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_EQ(encoded->column("x"), (Floats{0, 0.2F, 1}));
}

TEST(OneHot, HasAColumnPerValueAndNoneForTheUnknown) {
  const Spec spec = spec_with({transform(TransformKind::one_hot, {"category"})});
  const auto encoded = fit_and_encode(spec, "c,n,y\nred,1,a\nblue,2,b\n,3,a\nred,4,b\n");
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_EQ(encoded->schema.dense, (Cells{"c=blue", "c=missing", "c=red", "n"}));
  EXPECT_EQ(encoded->column("c=red"), (Floats{1, 0, 0, 1}));
  EXPECT_EQ(encoded->column("c=missing"), (Floats{0, 0, 1, 0}));
  EXPECT_EQ(encoded->schema.classes, (Cells{"a", "b"}));
  const auto more = encode_more(*encoded, spec, "n,c\n7,black\n8,blue\n");
  ASSERT_TRUE(more) << more.error().message;
  EXPECT_EQ(std::vector<float>(more->split.dense.begin(), more->split.dense.end()),
            (Floats{0, 0, 0, 7, 1, 0, 0, 8}));
}

TEST(OneHot, RareValuesShareAColumnThatUnknownOnesGetToo) {
  TransformSpec one_hot = transform(TransformKind::one_hot, {"c"});
  one_hot.min_count = 2;
  const Spec spec = spec_with({one_hot});
  const auto encoded =
      fit_and_encode(spec, "c,y\nred,a\nblue,b\nred,a\ngreen,b\nother,a\nother,b\n");
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_EQ(encoded->schema.dense, (Cells{"c=red", "c=other"}));
  EXPECT_EQ(encoded->column("c=other"), (Floats{0, 1, 0, 1, 1, 1}));
  const auto more = encode_more(*encoded, spec, "c,y\nblack,a\nred,b\n");
  ASSERT_TRUE(more) << more.error().message;
  EXPECT_EQ(more->column("c=other"), (Floats{1, 0}));
}

TEST(OneHot, TakesNumbersByTheirText) {
  const auto encoded = fit_and_encode(spec_with({transform(TransformKind::one_hot, {"x"})}),
                                      rows_of({"3", "1", "3.0", ""}));
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_EQ(encoded->schema.dense, (Cells{"x=1", "x=3", "x=missing"}));
  EXPECT_EQ(encoded->column("x=3"), (Floats{1, 0, 1, 0}));
}

TEST(Hash, KeysDependOnColumnAndValue) {
  const std::string text = "c,d,y\nred,red,a\nblue,,b\n";
  const auto encoded = fit_and_encode(spec_with({transform(TransformKind::hash, {"*"})}), text);
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_EQ(encoded->schema.sparse_groups, (Cells{"c", "d"}));
  EXPECT_EQ(encoded->keys(0, 0), std::vector<Key>{hash_text("red", hash_text("c"))});
  EXPECT_EQ(encoded->keys(1, 0), std::vector<Key>{hash_text("red", hash_text("d"))});
  EXPECT_EQ(encoded->keys(1, 1), std::vector<Key>{hash_text("", hash_text("d"))});
  EXPECT_TRUE(encoded->split.groups[0].values.empty());

  TransformSpec together = transform(TransformKind::hash, {"c", "d"});
  together.output = "both";
  together.buckets = 10;
  const auto joined = fit_and_encode(spec_with({together}), text);
  ASSERT_TRUE(joined) << joined.error().message;
  EXPECT_EQ(joined->schema.sparse_groups, (Cells{"both"}));
  EXPECT_EQ(joined->keys(0, 0), (std::vector<Key>{hash_text("red", hash_text("c")) % 10,
                                                  hash_text("red", hash_text("d")) % 10}));
}

TEST(Bucketize, ByQuantilesByBoundariesAndAsKeys) {
  TransformSpec quantiles = transform(TransformKind::bucketize, {"x"});
  quantiles.bins = 4;
  const auto by_quantiles = fit_and_encode(spec_with({quantiles}), rows_of(kNumbers));
  ASSERT_TRUE(by_quantiles) << by_quantiles.error().message;
  EXPECT_EQ(by_quantiles->schema.dense, (Cells{"x=[-inf,4)", "x=[4,5)", "x=[5,7)", "x=[7,inf)"}));
  EXPECT_EQ(by_quantiles->column("x=[5,7)"), (Floats{0, 0, 0, 0, 1, 1, 0, 0, 0}));
  EXPECT_EQ(by_quantiles->column("x=[7,inf)"), (Floats{0, 0, 0, 0, 0, 0, 1, 1, 1}));

  TransformSpec given = transform(TransformKind::bucketize, {"x"});
  given.boundaries = {10, 5};
  const auto by_boundaries = fit_and_encode(spec_with({given}), rows_of({"1", "5", "", "10"}));
  ASSERT_TRUE(by_boundaries) << by_boundaries.error().message;
  EXPECT_EQ(by_boundaries->schema.dense,
            (Cells{"x=[-inf,5)", "x=[5,10)", "x=[10,inf)", "x=missing"}));
  EXPECT_EQ(
      std::vector<float>(by_boundaries->split.dense.begin(), by_boundaries->split.dense.end()),
      (Floats{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0}));

  given.bucketize_as_sparse = true;
  given.output = "bucket";
  const auto as_keys = fit_and_encode(spec_with({given}), rows_of({"1", "7", "", "2"}));
  ASSERT_TRUE(as_keys) << as_keys.error().message;
  EXPECT_EQ(as_keys->schema.sparse_groups, (Cells{"bucket"}));
  EXPECT_EQ(as_keys->keys(0, 0), std::vector<Key>{bucket_key("x", 0)});
  EXPECT_EQ(as_keys->keys(0, 1), std::vector<Key>{bucket_key("x", 1)});
  EXPECT_EQ(as_keys->keys(0, 2), std::vector<Key>{bucket_key("x", 3)});
}

TEST(Tokenize, RareTokensArePruned) {
  TransformSpec words = transform(TransformKind::tokenize, {"t"});
  words.min_count = 2;
  const Spec spec = spec_with({words}, {{"t", ColumnType::text}, {"y", ColumnType::category}});
  const auto encoded = fit_and_encode(spec, "t,y\ngood good film,a\nbad film,b\n,a\n",
                                      {.threads = 2, .chunk_bytes = 1});
  ASSERT_TRUE(encoded) << encoded.error().message;
  const Key good = hash_text("good");
  const Key film = hash_text("film");
  EXPECT_EQ(encoded->keys(0, 0), (std::vector<Key>{good, good, film}));
  EXPECT_EQ(encoded->keys(0, 1), (std::vector<Key>{film}));
  EXPECT_EQ(encoded->keys(0, 2), (std::vector<Key>{}));
  const auto more = encode_more(*encoded, spec, "t\nan unseen good film\n");
  ASSERT_TRUE(more) << more.error().message;
  EXPECT_EQ(more->keys(0, 0), (std::vector<Key>{good, film}));
}

TEST(Tokenize, SeveralColumnsMayShareAGroup) {
  TransformSpec words = transform(TransformKind::tokenize, {"a", "b"});
  words.output = "words";
  const auto encoded = fit_and_encode(spec_with({words}), "a,b,y\none two,three,p\nfour,,q\n");
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_EQ(encoded->schema.sparse_groups, (Cells{"words"}));
  EXPECT_EQ(encoded->keys(0, 0),
            (std::vector<Key>{hash_text("one"), hash_text("two"), hash_text("three")}));
  EXPECT_EQ(encoded->keys(0, 1), (std::vector<Key>{hash_text("four")}));
}

TEST(LibSvmFeatures, PassAsOneSparseGroup) {
  Spec spec;
  spec.data.format = DataFormat::libsvm;
  spec.data.label = "label";
  const auto ones = fit_and_encode(spec, "-1 3:1 7:1\n+1\n");
  ASSERT_TRUE(ones) << ones.error().message;
  EXPECT_EQ(ones->schema.sparse_groups, (Cells{"features"}));
  EXPECT_EQ(ones->schema.classes, (Cells{"-1", "+1"}));
  EXPECT_EQ(ones->keys(0, 0), (std::vector<Key>{3, 7}));
  EXPECT_EQ(ones->keys(0, 1), (std::vector<Key>{}));
  EXPECT_TRUE(ones->split.groups[0].values.empty());
  EXPECT_EQ(std::vector<float>(ones->split.labels.begin(), ones->split.labels.end()),
            (Floats{0, 1}));

  TransformSpec scale = transform(TransformKind::scale);
  scale.factor = 0.5;
  spec.features = {scale};
  const auto halves = fit_and_encode(spec, "-1 3:1 7:3\n+1 1:2\n");
  ASSERT_TRUE(halves) << halves.error().message;
  const auto values = halves->split.groups[0].values;
  EXPECT_EQ(std::vector<float>(values.begin(), values.end()), (Floats{0.5F, 1.5F, 1}));
}

TEST(Transforms, SayWhatIsWrong) {
  struct Case {
    const char* name;
    std::vector<TransformSpec> features;
    const char* text;
    const char* message;
  };
  TransformSpec misspelt = transform(TransformKind::one_hot, {"colour"});
  misspelt.line = 12;
  TransformSpec constant = transform(TransformKind::impute, {"n"});
  constant.impute_with = ImputeWith::constant;
  constant.impute_constant = "none";
  const TransformSpec one_hot = transform(TransformKind::one_hot, {"color"});
  const TransformSpec standardize = transform(TransformKind::standardize, {"n"});
  const char* text = "color,n,y\nred,1,a\nblue,2,b\n";
  const Case cases[] = {
      {"unknown column",
       {misspelt},
       text,
       "features (line 12): one_hot: there is no column \"colour\"; did you mean \"color\"?"},
      {"the label",
       {transform(TransformKind::one_hot, {"y"})},
       text,
       "features: one_hot: expected features, but \"y\" is the label; take it out of the columns"},
      {"numbers only",
       {transform(TransformKind::standardize, {"color"})},
       text,
       "features: standardize: column \"color\" holds categories, which this transform is not for; "
       "use one_hot, hash or tokenize for it, or read it as number in data.columns"},
      {"mean of categories",
       {transform(TransformKind::impute, {"color"})},
       text,
       "features: impute: column \"color\" holds categories, which this transform is not for; use "
       "most_frequent or constant for it"},
      {"text only",
       {transform(TransformKind::tokenize, {"n"})},
       text,
       "features: tokenize: column \"n\" holds numbers, which this transform is not for; use it on "
       "text columns, or read the column as text in data.columns"},
      {"a selector of nothing",
       {transform(TransformKind::tokenize, {"text"})},
       text,
       "features: tokenize: \"text\" selects no column that this transform is for; name the "
       "columns, "
       "or take the transform out"},
      {"too late",
       {transform(TransformKind::hash, {"n"}), standardize},
       text,
       "features: standardize: column \"n\" was turned into features by an earlier transform; move "
       "this one before it"},
      {"no value to fit from",
       {one_hot, standardize},
       "color,n,y\nred,,a\nblue,,b\n",
       "features: standardize: column \"n\" has no value in the training rows to fit from; take it "
       "out, or impute a constant before"},
      {"a constant that is no number",
       {one_hot, constant},
       text,
       "features: impute: expected a number to fill column \"n\" with, saw \"none\"; write one, or "
       "leave out number columns"},
      {"a category without transform",
       {},
       text,
       "features: column \"color\" holds categories (not all its cells are numbers: a.csv:2: "
       "\"red\") and no transform makes features of it; add one_hot or hash for it, or skip it in "
       "data.columns"},
      {"a missing number",
       {one_hot},
       "color,n,y\nred,1,a\nblue,,b\n",
       "a.csv:3: expected a number in column \"n\", but the cell is missing and nothing fills it; "
       "add impute for the column under features"},
      {"a number too large",
       {one_hot},
       "color,n,y\nred,1,a\nblue,1e300,b\n",
       "a.csv:3: expected column \"n\" to give a number that 32 bits can hold, saw 1e+300; clip, "
       "scale or standardize the column under features"},
      {"no feature at all",
       {},
       "y\na\nb\n",
       "data: expected at least one feature beside the label, saw none; read more columns"},
      {"one class",
       {one_hot},
       "color,n,y\nred,1,a\n",
       "data.label: expected at least 2 classes in column \"y\", saw 1: \"a\"; check the label "
       "column "
       "and the model's loss"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto encoded =
        fit_and_encode(spec_with(c.features), c.text, {.threads = 2, .chunk_bytes = 1});
    ASSERT_FALSE(encoded);
    EXPECT_EQ(encoded.error().message, c.message);
  }
}

TEST(SelectColumns, PatternsTakeWhatTheTransformIsFor) {
  struct Case {
    const char* name;
    TransformKind kind;
    std::vector<std::string> columns;
    std::vector<std::size_t> selected;
  };
  // cap_a: number, cap_b: category, note: text, y: the label.
  Pipeline pipeline;
  const auto add = [&](const char* name, ColumnType type) {
    FittedColumn column;
    column.name = name;
    column.type = type;
    pipeline.columns.push_back(column);
  };
  add("cap_a", ColumnType::number);
  add("cap_b", ColumnType::category);
  add("note", ColumnType::text);
  add("y", ColumnType::category);
  add("unread", ColumnType::skip);
  pipeline.label = 3;
  const Case cases[] = {
      {"all numbers", TransformKind::standardize, {"*"}, {0}},
      {"nothing written", TransformKind::standardize, {}, {0}},
      {"all categories", TransformKind::one_hot, {"*"}, {1}},
      {"all text", TransformKind::tokenize, {"*"}, {2}},
      {"by prefix", TransformKind::one_hot, {"cap_*"}, {1}},
      {"by type", TransformKind::hash, {"number", "category"}, {0, 1}},
      {"by name, twice", TransformKind::hash, {"note", "cap_b", "note"}, {1, 2}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto selected = select_columns(transform(c.kind, c.columns), pipeline);
    ASSERT_TRUE(selected) << selected.error().message;
    EXPECT_EQ(*selected, c.selected);
  }
  EXPECT_TRUE(matches_pattern("a*c*", "abbcd"));
  EXPECT_FALSE(matches_pattern("a*c", "abbcd"));
}

TEST(Labels, ClassesAreOrderedAndMatched) {
  struct Case {
    const char* name;
    std::vector<std::string> given;
    const char* text;
    Cells classes;
    Floats labels;
  };
  const Case cases[] = {
      {"numbers by value", {}, "x,y\n1,10\n2,9\n3,-1\n", {"-1", "9", "10"}, {2, 1, 0}},
      {"texts by bytes", {}, "x,y\n1,>50K\n2,<=50K\n", {"<=50K", ">50K"}, {1, 0}},
      {"as given", {"no", "yes"}, "x,y\n1,yes\n2,no\n", {"no", "yes"}, {1, 0}},
      {"positions of names",
       {"shirt", "shoe", "bag"},
       "x,y\n1,2\n2,0\n",
       {"shirt", "shoe", "bag"},
       {2, 0}},
      {"one value in two spellings", {"0", "1"}, "x,y\n1,0\n2,1\n", {"0", "1"}, {0, 1}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Spec spec = csv_spec();
    spec.data.classes = c.given;
    auto table = read_texts(spec, {c.text});
    ASSERT_TRUE(table) << table.error().message;
    const auto classes = find_classes(spec, *table);
    ASSERT_TRUE(classes) << classes.error().message;
    EXPECT_EQ(*classes, c.classes);
    const auto labels = read_labels(spec, *classes, LabelRule::required, *table);
    ASSERT_TRUE(labels) << labels.error().message;
    EXPECT_EQ(labels->front(), c.labels);
  }
}

TEST(Labels, AnUnknownClassIsAnErrorOrASkippedRow) {
  Spec spec = csv_spec();
  spec.data.classes = {"no", "yes"};
  auto table = read_texts(spec, {"x,y\n1,yes\n2,yes.\n3,7\n"});
  ASSERT_TRUE(table);
  const auto stopped = read_labels(spec, spec.data.classes, LabelRule::required, *table);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().message,
            "a.csv:3: expected a label among \"no\", \"yes\", saw \"yes.\"; add it to "
            "data.label.classes, strip what it ends with by data.label.strip, or correct the row");
  spec.data.on_bad_row = BadRow::skip;
  const auto skipped = read_labels(spec, spec.data.classes, LabelRule::required, *table);
  ASSERT_TRUE(skipped);
  EXPECT_EQ(skipped->front()[0], 1.0F);
  EXPECT_TRUE(std::isnan(skipped->front()[1]) && std::isnan(skipped->front()[2]));
  EXPECT_EQ(table->rows_skipped, 2U);
}

TEST(Labels, AnUnknownClassIsNoLabelWhereNoneIsNeeded) {
  struct Case {
    const char* name;
    DataFormat format;
    std::vector<std::string> classes;
    const char* text;
  };
  const Case cases[] = {
      {"a placeholder", DataFormat::csv, {"no", "yes"}, "x,y\n1,yes\n2,?\n"},
      {"the 0 of LibSVM", DataFormat::libsvm, {"-1", "+1"}, "+1 1:1\n0 2:1\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Spec spec = csv_spec();
    spec.data.format = c.format;
    auto table = read_texts(spec, {c.text}, {.label_rule = LabelRule::optional});
    ASSERT_TRUE(table) << table.error().message;
    const auto labels = read_labels(spec, c.classes, LabelRule::optional, *table);
    ASSERT_TRUE(labels) << labels.error().message;
    EXPECT_EQ(labels->front()[0], 1.0F);
    EXPECT_TRUE(std::isnan(labels->front()[1]));
  }
}

TEST(Labels, TargetsOfRegressionAreNumbers) {
  Spec spec = csv_spec();
  spec.model.task = Task::regression;
  const auto encoded = fit_and_encode(spec, "x,y\n1,-2.5\n2,1e3\n");
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_EQ(std::vector<float>(encoded->split.labels.begin(), encoded->split.labels.end()),
            (Floats{-2.5F, 1000}));
  EXPECT_TRUE(encoded->schema.classes.empty());
  const auto bad = fit_and_encode(spec, "x,y\n1,cheap\n");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message.substr(0, 64),
            "a.csv:2:3: expected a number in column \"y\", saw \"cheap\"; correct");
}

TEST(Transforms, DependOnNoThreadCount) {
  std::string text = "n,c,t,y\n";
  for (int i = 0; i < 3000; ++i) {
    text += (i % 11 == 0 ? std::string() : std::to_string(0.1 * (i * 7919 % 1009))) + "," +
            std::to_string(i % 13) + "x,word" + std::to_string(i % 97) + " and " +
            std::to_string(i % 5) + (i % 3 == 0 ? ",a\n" : ",b\n");
  }
  TransformSpec tokenize = transform(TransformKind::tokenize, {"t"});
  tokenize.min_count = 20;
  TransformSpec clip = transform(TransformKind::clip, {"n"});
  clip.clip_by = ClipBy::z_score;
  const Spec spec = spec_with({transform(TransformKind::impute, {"n"}), clip,
                               transform(TransformKind::standardize, {"n"}),
                               transform(TransformKind::one_hot, {"c"}), tokenize});
  const auto one = fit_and_encode(spec, text, {.threads = 1, .chunk_bytes = 512});
  const auto four = fit_and_encode(spec, text, {.threads = 4, .chunk_bytes = 512});
  ASSERT_TRUE(one && four);
  EXPECT_EQ(to_json(one->pipeline), to_json(four->pipeline));
  EXPECT_TRUE(std::equal(one->split.dense.begin(), one->split.dense.end(),
                         four->split.dense.begin(), four->split.dense.end()));
  EXPECT_TRUE(std::equal(one->split.groups[0].keys.begin(), one->split.groups[0].keys.end(),
                         four->split.groups[0].keys.begin(), four->split.groups[0].keys.end()));
}

TEST(PipelineJson, RefusesColumnsThatItsMatrixDoesNotHave) {
  FittedColumn pixel;
  pixel.name = "pixel_0";
  pixel.storage = Storage::matrix;
  Pipeline pipeline;
  pipeline.matrix_width = 3;
  for (; pixel.matrix_column < pipeline.matrix_width; ++pixel.matrix_column) {
    pixel.name = "pixel_" + std::to_string(pixel.matrix_column);
    pipeline.columns.push_back(pixel);
  }
  const std::string json = to_json(pipeline);
  const auto good = pipeline_from_json(json);
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(*good, pipeline);

  struct Case {
    const char* name;
    std::string from;
    std::string to;
  };
  const Case cases[] = {
      {"too many", "\"repeat\":3", "\"repeat\":4"},
      {"more than memory holds", "\"repeat\":3", "\"repeat\":4000000000000"},
      {"below none", "\"repeat\":3", "\"repeat\":-1"},
      {"too few", "\"repeat\":3", "\"repeat\":2"},
      {"repeated, but not in the matrix", "\"storage\":\"matrix\"", "\"storage\":\"numbers\""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::string changed = json;
    ASSERT_NE(changed.find(c.from), std::string::npos) << json;
    changed.replace(changed.find(c.from), c.from.size(), c.to);
    const auto read = pipeline_from_json(changed);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::corrupt);
  }
}

TEST(PipelineJson, RefusesWhatItDidNotWrite) {
  for (const char* text : {"", "{}", "[1]", "{\"version\": 1}"}) {
    const auto pipeline = pipeline_from_json(text);
    ASSERT_FALSE(pipeline) << text;
    EXPECT_EQ(pipeline.error().code, ErrorCode::corrupt);
  }
  const auto newer = pipeline_from_json("{\"version\": 2}");
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().message,
            "transforms: expected version 1, saw 2; use the version of ballast that trained the "
            "model");
}

}  // namespace
}  // namespace ballast
