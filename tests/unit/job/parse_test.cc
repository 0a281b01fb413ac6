#include "common/job/parse.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include "tests/unit/job/specs.h"

namespace ballast {
namespace {

Spec parsed(std::string_view yaml, const std::vector<std::string>& overrides = {}) {
  auto spec = parse_spec(yaml, "folder/adult.yaml", overrides);
  EXPECT_TRUE(spec.has_value()) << spec.error().message;
  return spec ? *spec : Spec();
}

using Texts = std::vector<std::string>;

TEST(Parse, FillsInDefaults) {
  const Spec spec = parsed(kSmallSpec);
  Spec expected;
  expected.name = "adult";
  expected.directory = "folder";
  expected.data.train.paths = {"a.csv"};
  expected.data.label = "y";
  expected.model.kind = ModelKind::logistic;
  expected.model.loss = LossKind::binary_cross_entropy;
  expected.model.task = Task::binary;
  expected.source = "name: adult\ndata:\n  train: a.csv\n  label: y\nmodel: logistic\n";
  EXPECT_EQ(spec, expected);
}

TEST(Parse, ReadsData) {
  const Spec spec = parsed(kFullSpec);
  EXPECT_EQ(spec.name, "adult-logistic");
  EXPECT_EQ(spec.seed, 18446744073709551615ULL);
  const DataSpec expected{
      .format = DataFormat::csv,
      .train = {.paths = {"a.data.gz", "b/*.data"}, .label_paths = {}},
      .validation = {},
      .validation_fraction = 0.1,
      .test = {.paths = {"adult.test.gz"}, .label_paths = {}},
      .header = false,
      .delimiter = ';',
      .columns = {{"age", ColumnType::number},
                  {"hours", ColumnType::number},
                  {"fnlwgt", ColumnType::skip},
                  {"workclass", ColumnType::category},
                  {"city", ColumnType::category},
                  {"review", ColumnType::text},
                  {"income", ColumnType::category}},
      .missing = {"?", "NA"},
      .comment = "#",
      .label = "income",
      .classes = {"<=50K", ">50K"},
      .label_strip_suffix = ".",
      .weight = "fnlwgt",
      .libsvm_dimension = 0,
      .libsvm_dense = false,
      .on_bad_row = BadRow::skip,
      .sha256 = {},
  };
  EXPECT_EQ(spec.data, expected);
}

TEST(Parse, ReadsTransforms) {
  const std::vector<TransformSpec> features = parsed(kFullSpec).features;
  ASSERT_EQ(features.size(), 13U);
  const auto expect = [&](std::size_t i, TransformKind kind, const Texts& columns) {
    SCOPED_TRACE(i);
    EXPECT_EQ(features[i].kind, kind);
    EXPECT_EQ(features[i].columns, columns);
  };
  expect(0, TransformKind::drop_duplicates, {});
  expect(1, TransformKind::impute, {"number"});
  EXPECT_EQ(features[1].impute_with, ImputeWith::median);
  expect(2, TransformKind::impute, {"workclass"});
  EXPECT_EQ(features[2].impute_with, ImputeWith::constant);
  EXPECT_EQ(features[2].impute_constant, "unknown");
  expect(3, TransformKind::clip, {"hours"});
  EXPECT_EQ(features[3].clip_by, ClipBy::z_score);
  EXPECT_EQ(features[3].clip_factor, 3.0);
  expect(4, TransformKind::clip, {"age"});
  EXPECT_EQ(features[4].clip_by, ClipBy::iqr);
  EXPECT_EQ(features[4].clip_factor, 1.5);
  expect(5, TransformKind::standardize, {"hours"});
  expect(6, TransformKind::min_max, {"number"});
  expect(7, TransformKind::scale, {"h*"});
  EXPECT_EQ(features[7].factor, 1.0 / 255.0);
  expect(8, TransformKind::one_hot, {"workclass"});
  EXPECT_EQ(features[8].min_count, 5U);
  expect(9, TransformKind::hash, {"category"});
  EXPECT_EQ(features[9].buckets, 1024U);
  expect(10, TransformKind::bucketize, {"age"});
  EXPECT_EQ(features[10].bins, 8U);
  EXPECT_TRUE(features[10].bucketize_as_sparse);
  EXPECT_EQ(features[10].output, "decade");
  expect(11, TransformKind::bucketize, {"hours"});
  EXPECT_EQ(features[11].boundaries, (std::vector<double>{-1.5, 0.0, 1000.0}));
  EXPECT_FALSE(features[11].bucketize_as_sparse);
  expect(12, TransformKind::tokenize, {"text"});
  EXPECT_EQ(features[12].word_ngrams_max, 2U);
  EXPECT_EQ(features[12].character_ngrams_min, 3U);
  EXPECT_EQ(features[12].character_ngrams_max, 5U);
  EXPECT_EQ(features[12].buckets, 2097152U);
  EXPECT_EQ(features[12].min_count, 3U);
  EXPECT_FALSE(features[12].lowercase);
  EXPECT_EQ(features[12].output, "words");
  EXPECT_EQ(features[12].line, 36U);
}

TEST(Parse, ReadsShortFormsOfTransforms) {
  const Spec spec = parsed(
      std::string(kSmallSpec) +
      "features: [standardize, {one_hot: [city, \"job_*\"]}, {scale: 2}, {drop_duplicates: id}]\n");
  ASSERT_EQ(spec.features.size(), 4U);
  EXPECT_EQ(spec.features[3].columns, Texts{"id"});
  EXPECT_EQ(spec.features[0].columns, Texts{"number"});
  EXPECT_EQ(spec.features[1].columns, (Texts{"city", "job_*"}));
  EXPECT_EQ(spec.features[2].columns, Texts{"number"});
  EXPECT_EQ(spec.features[2].factor, 2.0);
}

TEST(Parse, ReadsLayers) {
  const ModelSpec model = parsed(kFullSpec).model;
  EXPECT_EQ(model.kind, ModelKind::layers);
  EXPECT_EQ(model.loss, LossKind::binary_focal);
  EXPECT_EQ(model.focal_gamma, 1.5);
  EXPECT_EQ(model.focal_alpha, std::vector<double>{0.25});
  EXPECT_EQ(model.task, Task::binary);
  ASSERT_EQ(model.layers.size(), 10U);
  const LayerSpec& embedding = model.layers[0];
  EXPECT_EQ(embedding.kind, LayerKind::embedding);
  EXPECT_EQ(embedding.name, "embedding_0");
  EXPECT_EQ(embedding.width, 8U);
  EXPECT_EQ(embedding.features, (Texts{"city", "decade"}));
  EXPECT_EQ(embedding.initializer, Initializer::normal);
  EXPECT_EQ(embedding.initial_scale, 0.1);
  const LayerSpec& bag = model.layers[1];
  EXPECT_EQ(bag.kind, LayerKind::embedding_bag);
  EXPECT_EQ(bag.name, "bag");
  EXPECT_EQ(bag.combine, Combine::sqrt_n);
  EXPECT_EQ(bag.features, Texts{"words"});
  EXPECT_EQ(bag.initializer, std::nullopt);
  const LayerSpec& first = model.layers[2];
  EXPECT_EQ(first.kind, LayerKind::dense);
  EXPECT_EQ(first.name, "first");
  EXPECT_EQ(first.width, 64U);
  EXPECT_FALSE(first.bias);
  EXPECT_EQ(first.initializer, Initializer::he_uniform);
  EXPECT_EQ(first.initial_scale, 2.0);
  EXPECT_EQ(model.layers[3].kind, LayerKind::layer_norm);
  EXPECT_EQ(model.layers[3].epsilon, 1e-3);
  EXPECT_EQ(model.layers[3].name, "norm");
  EXPECT_EQ(model.layers[4].kind, LayerKind::relu);
  EXPECT_EQ(model.layers[5].kind, LayerKind::gelu);
  EXPECT_EQ(model.layers[6].kind, LayerKind::tanh);
  EXPECT_EQ(model.layers[7].kind, LayerKind::sigmoid);
  EXPECT_EQ(model.layers[8].kind, LayerKind::dropout);
  EXPECT_EQ(model.layers[8].rate, 0.2);
  EXPECT_EQ(model.layers[9].name, "dense_9");
  EXPECT_EQ(model.layers[9].width, 1U);
}

TEST(Parse, ReadsHowToTrain) {
  const Spec spec = parsed(kFullSpec);
  OptimizerSpec optimizer;
  optimizer.kind = OptimizerKind::sgd;
  optimizer.learning_rate = 0.5;
  optimizer.momentum = 0.9;
  optimizer.nesterov = true;
  optimizer.l2 = 0.001;
  optimizer.decay_bias = true;
  optimizer.schedule = {.kind = ScheduleKind::cosine, .warmup_steps = 100, .final_factor = 0.1};
  EXPECT_EQ(spec.optimizer, optimizer);
  const TrainingSpec training{
      .epochs = 2.5,
      .steps = 0,
      .batch = 512,
      .leaves = 4,
      .shuffle = false,
      .clip_norm = 1.5,
      .on_nonfinite = NonFinite::skip,
      .log_every = 7,
      .evaluate_every = 100,
      .early_stop = {.metric = "roc_auc", .patience = 4, .min_gain = 0.01, .target = 0.99},
      .diverged_above = 50.0,
      .threshold = ThresholdMetric::matthews,
  };
  EXPECT_EQ(spec.training, training);
  const ClassWeightsSpec weights{ClassWeighting::given, {{"<=50K", 0.5, 0}, {">50K", 3.0, 0}}};
  EXPECT_EQ(without_lines(spec).class_weights, weights);
  EXPECT_GT(spec.class_weights.given[0].line, 0U);
  EXPECT_EQ(spec.checkpoint,
            (CheckpointSpec{.every_steps = 500, .every_seconds = 120.0, .keep = 5}));
  EXPECT_EQ(spec.cluster, (ClusterSpec{.partitions = 32,
                                       .kernel = KernelFamily::haswell,
                                       .heartbeat_seconds = 0.25,
                                       .silence_seconds = 5.0}));
}

TEST(Parse, ReadsClassWeights) {
  const auto kind = [](const std::string& text) {
    return parsed(std::string(kSmallSpec) + "training: {class_weights: " + text + "}\n")
        .class_weights.kind;
  };
  EXPECT_EQ(kind("balanced"), ClassWeighting::balanced);
  EXPECT_EQ(kind("none"), ClassWeighting::none);
  EXPECT_EQ(kind("{1: 2, 0: 0.5}"), ClassWeighting::given);
}

TEST(Parse, ReadsConsistency) {
  struct Case {
    const char* text;
    Consistency consistency;
    std::uint64_t staleness;
  };
  constexpr Case kCases[] = {
      {"synchronous", Consistency::synchronous, 1},
      {"async", Consistency::async, 1},
      {"bounded", Consistency::bounded, 1},
      {"{bounded: 3}", Consistency::bounded, 3},
      {"{bounded: {staleness: 0}}", Consistency::bounded, 0},
  };
  for (const auto& [text, consistency, staleness] : kCases) {
    SCOPED_TRACE(text);
    const auto spec = parse_spec(
        "data: {train: a.csv, label: y}\nmodel: logistic\ntraining: "
        "{consistency: " +
            std::string(text) + "}\n",
        "f.yaml");
    ASSERT_TRUE(spec.has_value()) << spec.error().message;
    EXPECT_EQ(spec->training.consistency, consistency);
    EXPECT_EQ(spec->training.staleness, staleness);
  }
}

TEST(Parse, KnowsTheTaskOfAModel) {
  struct Case {
    const char* model;
    LossKind loss;
    Task task;
  };
  const Case cases[] = {
      {"logistic", LossKind::binary_cross_entropy, Task::binary},
      {"{logistic: {bias: false}}", LossKind::binary_cross_entropy, Task::binary},
      {"softmax", LossKind::cross_entropy, Task::multiclass},
      {"linear", LossKind::mean_squared_error, Task::regression},
      {"{linear: , loss: {huber: {delta: 2}}}", LossKind::huber, Task::regression},
      {"{layers: [dense: 3], loss: cross_entropy}", LossKind::cross_entropy, Task::multiclass},
      {"{softmax: , loss: {focal: {alpha: [1, 2]}}}", LossKind::focal, Task::multiclass},
      {"{logistic: , loss: {binary_focal: {gamma: 0}}}", LossKind::binary_focal, Task::binary},
      {"{layers: [dense: 3], loss: focal}", LossKind::focal, Task::multiclass},
      {"{layers: [dense: 1], loss: binary_cross_entropy}", LossKind::binary_cross_entropy,
       Task::binary},
      {"{layers: [dense: 1], loss: huber}", LossKind::huber, Task::regression},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.model);
    const Spec spec = parsed(kSmallSpec, {std::string("model=") + c.model});
    EXPECT_EQ(spec.model.loss, c.loss);
    EXPECT_EQ(spec.model.task, c.task);
  }
  EXPECT_FALSE(parsed(kSmallSpec, {"model={logistic: {bias: false}}"}).model.bias);
  EXPECT_EQ(parsed(kSmallSpec, {"model={linear: , loss: {huber: {delta: 2}}}"}).model.huber_delta,
            2.0);
}

TEST(Parse, KnowsTheFormatByTheExtension) {
  struct Case {
    const char* train;
    DataFormat format;
    char delimiter;
  };
  const Case cases[] = {
      {"a.csv", DataFormat::csv, ','},         {"a.csv.gz", DataFormat::csv, ','},
      {"a.tsv.zst", DataFormat::tsv, '\t'},    {"x/*.jsonl", DataFormat::jsonl, ','},
      {"a.ndjson.gz", DataFormat::jsonl, ','},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.train);
    const Spec spec = parsed(kSmallSpec, {std::string("data.train=\"") + c.train + '"'});
    EXPECT_EQ(spec.data.format, c.format);
    EXPECT_EQ(spec.data.delimiter, c.delimiter);
  }
  const Spec libsvm = parsed(
      "data: {train: a.svm, libsvm: {dimension: 3, dense: true}}\n"
      "model: linear\n");
  EXPECT_EQ(libsvm.data.format, DataFormat::libsvm);
  EXPECT_EQ(libsvm.data.label, "label");
  EXPECT_EQ(libsvm.data.libsvm_dimension, 3U);
  EXPECT_TRUE(libsvm.data.libsvm_dense);
  const Spec idx = parsed("data: {train: {images: [i1, i2], labels: [l1, l2]}}\nmodel: softmax\n");
  EXPECT_EQ(idx.data.format, DataFormat::idx);
  EXPECT_EQ(idx.data.train.paths, (Texts{"i1", "i2"}));
  EXPECT_EQ(idx.data.train.label_paths, (Texts{"l1", "l2"}));
}

TEST(Parse, NestedSplitsAreLikeTheOuterOnesUnlessTheySayHow) {
  const auto nested = [](const std::string& outer, const std::string& inner) {
    const auto spec =
        parse_spec("data: {train: f.csv, label: y}\nmodel: linear\n" + outer +
                       "search: {nested: " + inner + ", parameters: {training.batch: [1, 2]}}\n",
                   "f.yaml");
    EXPECT_TRUE(spec.has_value()) << (spec ? "" : spec.error().message);
    return *spec->search->nested;
  };
  const std::string groups =
      "cross_validation: {split: grouped, group: user, folds: 4, repeats: 2}\n";
  CrossValidationSpec inner = nested(groups, "{folds: 3}");
  EXPECT_EQ(inner.split, SplitKind::grouped);
  EXPECT_EQ(inner.group, "user");
  EXPECT_EQ(inner.folds, 3U);
  EXPECT_EQ(inner.repeats, 1U) << "how often is its own to say";
  EXPECT_EQ(nested(groups, "{group: city}").group, "city");
  inner = nested(groups, "{split: k_fold}");
  EXPECT_EQ(inner.split, SplitKind::k_fold);
  EXPECT_TRUE(inner.group.empty());
  inner = nested("cross_validation: {split: expanding, time: day, gap: 7}\n", "{}");
  EXPECT_EQ(inner.split, SplitKind::expanding);
  EXPECT_EQ(inner.time, "day");
  EXPECT_EQ(inner.gap, 7U);
  EXPECT_EQ(inner.folds, 5U);
  EXPECT_EQ(nested("", "{folds: 2}").split, SplitKind::k_fold) << "of numbers";
}

TEST(Parse, ReadsJobsOfManyRuns) {
  const Spec spec = parsed(kFullSpec);
  CrossValidationSpec split;
  split.split = SplitKind::stratified_grouped;
  split.folds = 4;
  split.repeats = 3;
  split.group = "city";
  EXPECT_EQ(spec.cross_validation, split);
  CrossValidationSpec inner;
  inner.split = SplitKind::shuffled;
  inner.folds = 2;
  inner.fraction = 0.25;
  ASSERT_TRUE(spec.search.has_value());
  EXPECT_EQ(spec.search->method, SearchMethod::hyperband);
  EXPECT_EQ(spec.search->metric, "accuracy");
  EXPECT_EQ(spec.search->reduction, 4U);
  EXPECT_EQ(spec.search->steps_min, 25U);
  EXPECT_EQ(spec.search->choose, ChoiceRule::one_standard_error);
  EXPECT_FALSE(spec.search->refit);
  EXPECT_EQ(spec.search->nested, inner);
  std::vector<ParameterSpec> parameters = spec.search->parameters;
  for (ParameterSpec& parameter : parameters) parameter.line = 0;
  const std::vector<ParameterSpec> expected = {
      {"optimizer.learning_rate", ParameterKind::log_uniform, {}, 1e-3, 1.0},
      {"optimizer.sgd.momentum", ParameterKind::uniform, {}, 0.5, 0.99},
      {"training.batch", ParameterKind::integer, {}, 64.0, 512.0},
      {"model.layers.8.dropout", ParameterKind::choice, {"0.1", "0.5"}},
      {"optimizer.schedule", ParameterKind::choice, {"constant", "step:\n  every: 10"}},
  };
  EXPECT_EQ(parameters, expected);
  EXPECT_EQ(spec.job, (JobSpec{.runs_at_once = 6, .workers_per_run = 2, .seconds = 3600.0}));
}

TEST(Parse, SplitsByTheTaskWhenNothingIsSaid) {
  const std::string section = "cross_validation: {folds: 3}\n";
  EXPECT_EQ(parsed(std::string(kSmallSpec) + section).cross_validation->split,
            SplitKind::stratified);
  EXPECT_EQ(
      parsed("data: {train: a.csv, label: y}\nmodel: linear\n" + section).cross_validation->split,
      SplitKind::k_fold);
  EXPECT_FALSE(parsed(kSmallSpec).cross_validation.has_value());
}

TEST(Parse, TellsAFractionFromAPathByItsQuotes) {
  const Spec fraction = parsed(kSmallSpec, {"data.validation=0.25"});
  EXPECT_EQ(fraction.data.validation_fraction, 0.25);
  EXPECT_TRUE(fraction.data.validation.paths.empty());
  const Spec path = parsed(kSmallSpec, {"data.validation=\"0.25\""});
  EXPECT_EQ(path.data.validation_fraction, 0.0);
  EXPECT_EQ(path.data.validation.paths, Texts{"0.25"});
}

TEST(Parse, NamesTheJobByItsFile) {
  struct Case {
    const char* file;
    const char* name;
    const char* directory;
  };
  const Case cases[] = {
      {"examples/adult/mlp.yaml", "mlp", "examples/adult"},
      {"mlp.yaml", "mlp", "."},
      {"/a/my job (2).yaml", "my-job--2-", "/a"},
      {"-.yaml", "job", "."},
      {"", "job", "."},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.file);
    const auto spec = parse_spec(kSmallSpec, c.file);
    ASSERT_TRUE(spec.has_value()) << spec.error().message;
    EXPECT_EQ(spec->name, c.name);
    EXPECT_EQ(spec->directory, c.directory);
  }
}

// The source kept with a model says all that the file and the command line said.
TEST(Parse, SourceParsesToTheSameSpec) {
  struct Case {
    std::string yaml;
    std::vector<std::string> overrides;
  };
  std::vector<Case> cases = {
      {std::string(kSmallSpec), {}},
      {std::string(kFullSpec), {}},
      {std::string(kFullSpec), {"training.batch=64", "optimizer=adam", "data.validation=\"0.1\""}},
      {std::string(kSmallSpec),
       {"name=null-model", "data.missing=[~x, 'null', \"a: b\", ' ', '']"}},
  };
  for (const auto& path : example_specs()) cases.push_back({file_text(path), {}});
  for (const Case& c : cases) {
    SCOPED_TRACE(c.yaml);
    const Spec first = parsed(c.yaml, c.overrides);
    const auto second = parse_spec(first.source, "folder/another-name.yaml");
    ASSERT_TRUE(second.has_value()) << second.error().message << "\n" << first.source;
    EXPECT_EQ(without_lines(*second), without_lines(first));
  }
}

TEST(Parse, ReadsFiles) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "ballast_parse_test";
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "small.yaml").string();
  std::ofstream(path) << kSmallSpec;
  const auto spec = load_spec((folder / "." / "small.yaml").string());
  ASSERT_TRUE(spec.has_value()) << spec.error().message;
  EXPECT_EQ(spec->name, "small");
  EXPECT_EQ(spec->directory, std::filesystem::absolute(folder).lexically_normal().string());

  const auto missing = load_spec((folder / "none.yaml").string());
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_NE(missing.error().message.find("none.yaml: expected the file of a job spec"),
            std::string::npos);
  const auto directory = load_spec(folder.string());
  ASSERT_FALSE(directory.has_value());
  EXPECT_EQ(directory.error().code, ErrorCode::invalid);
  std::filesystem::remove_all(folder);
}

TEST(Parse, ReadsEveryExample) {
  const auto paths = example_specs();
  ASSERT_GE(paths.size(), 7U);
  for (const auto& path : paths) {
    SCOPED_TRACE(path.string());
    const auto spec = load_spec(path.string());
    ASSERT_TRUE(spec.has_value()) << spec.error().message;
    EXPECT_TRUE(spec->training.shuffle);
    EXPECT_TRUE(!spec->data.test.paths.empty() || spec->cross_validation);
    const bool is_network = path.filename() == "mlp.yaml";
    const auto& layers = spec->model.layers;
    EXPECT_TRUE(!is_network || std::any_of(layers.begin(), layers.end(), [](const LayerSpec& l) {
      return l.kind == LayerKind::dropout && l.rate > 0.0;
    }));
  }
}

}  // namespace
}  // namespace ballast
