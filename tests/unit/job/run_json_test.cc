#include "common/job/run_json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

namespace ballast {
namespace {

// No field has its default, and numbers are of the kind that text loses easily.
RunConfig full_run() {
  RunConfig run;
  run.name = "adult \"mlp\"\n";
  run.seed = std::numeric_limits<std::uint64_t>::max();
  run.spec = "data:\n  train: \xE4\xB8\xAD\xF0\x9F\x98\x80\n";
  run.spec_directory = "/tmp/caf\xE9";  // Not UTF-8: paths are bytes.
  run.dataset = "/cache/x";
  run.dataset_digest = "0123abcd";
  run.packed = "/cache/y";
  run.tables = {
      {TableId{0},
       "dense_0.weight",
       TableKind::dense,
       {784, 256},
       Initializer::he_uniform,
       0.1F,
       true},
      {TableId{1},
       "dense_0.bias",
       TableKind::dense,
       {256},
       Initializer::uniform_fan_in,
       0x1p-149F,
       false},
      {TableId{2}, "rows", TableKind::sparse, {16}, Initializer::normal, 3.4e38F, true},
      {TableId{3}, "empty", TableKind::sparse, {}, Initializer::glorot_uniform, 0.0F, false},
  };
  run.partitions = 65536;
  run.leaves = 1U << 31;
  run.leaf_examples = 12;
  run.batch = 4294967295U;
  run.train_examples = (1ULL << 53) + 1;  // The first whole number that no double holds.
  run.validation_examples = 5;
  run.test_examples = 6;
  run.steps_per_epoch = 7;
  run.steps = 18446744073709551614ULL;
  run.evaluation_batch = 8;
  run.outputs = 9;
  run.task = Task::regression;
  run.loss = LossKind::huber;
  run.classes = {"", "<=50K", "\xFF\x00z", "\xED\xA0\x80", "{\"bytes\": \"00\"}"};
  run.optimizer = {.kind = OptimizerKind::ftrl,
                   .learning_rate = 0.1,
                   .momentum = 1.0 / 3.0,
                   .nesterov = true,
                   .beta1 = 0.1 + 0.2,
                   .beta2 = std::nextafter(1.0, 0.0),
                   .rho = 5e-324,
                   .epsilon = 1.7976931348623157e308,
                   .initial_accumulator = 123456789.123456789,
                   .ftrl_beta = 2.5,
                   .l1 = 1e-300,
                   .l2 = 1.0 / 32561.0,
                   .weight_decay = 4.9406564584124654e-310,
                   .decay_bias = true,
                   .schedule = {.kind = ScheduleKind::inverse_sqrt,
                                .warmup_steps = 11,
                                .step_every = 12,
                                .step_factor = -0.0,
                                .final_factor = 0.3}};
  run.training = {
      .epochs = 0.7,
      .steps = 13,
      .batch = 14,
      .leaves = 16,
      .shuffle = false,
      .clip_norm = 1e22,
      .on_nonfinite = NonFinite::skip,
      .log_every = 15,
      .evaluate_every = 17,
      .early_stop = {.metric = "rmse", .patience = 18, .min_gain = 1e-17, .target = 0.1},
      .consistency = Consistency::bounded,
      .staleness = 21,
      .diverged_above = 1e3,
      .threshold = ThresholdMetric::youden};
  run.weights =
      ExampleWeights{.has_own = true, .classes = {0.1, 1e-300, 0.0, 3.0, 1.0 / 3.0}, .scale = 0.7};
  run.threshold = ChosenThreshold{.metric = ThresholdMetric::matthews,
                                  .value = 1.0 / 3.0,
                                  .score = -0.25,
                                  .source = ThresholdSource::out_of_fold};
  run.checkpoint = {
      .every_steps = 19, .every_seconds = 0.001, .keep = 20, .store = "s3://bucket/prefix"};
  run.cluster = {.partitions = 21,
                 .kernel = KernelFamily::sapphirerapids,
                 .heartbeat_seconds = 0.05,
                 .silence_seconds = 0.7};
  return run;
}

TEST(RunJson, ComesBackWithTheSameBits) {
  const RunConfig run = full_run();
  const std::string text = run_to_json(run);
  const auto again = run_from_json(text);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(*again, run);
  EXPECT_TRUE(std::signbit(again->optimizer.schedule.step_factor));
  EXPECT_EQ(run_to_json(*again), text);
}

TEST(RunJson, DefaultsComeBackToo) {
  const auto again = run_from_json(run_to_json(RunConfig()));
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(*again, RunConfig());
}

// What runs without these fields were written as, they still are: fingerprints and checkpoints
// hold.
TEST(RunJson, LeavesOutWhatIsNotSet) {
  RunConfig run = full_run();
  run.training.early_stop.target.reset();
  run.training.diverged_above.reset();
  run.training.threshold.reset();
  run.weights.reset();
  run.threshold.reset();
  run.checkpoint.store.reset();
  const auto json = nlohmann::json::parse(run_to_json(run));
  EXPECT_FALSE(json["run"]["training"].contains("diverged_above"));
  EXPECT_FALSE(json["run"]["training"].contains("threshold"));
  EXPECT_FALSE(json["run"].contains("weights"));
  EXPECT_FALSE(json["run"]["checkpoint"].contains("store"));
  EXPECT_FALSE(json["run"].contains("threshold"));
  EXPECT_FALSE(json["run"]["training"]["early_stop"].contains("target"));
  const auto again = run_from_json(json.dump());
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(*again, run);
}

// Walks every value of the text; each one taken away, or replaced, must be refused.
void expect_refused(const nlohmann::json& json, const std::string& what) {
  SCOPED_TRACE(what);
  const auto run = run_from_json(json.dump());
  ASSERT_FALSE(run.has_value());
  EXPECT_EQ(run.error().code, ErrorCode::corrupt);
  EXPECT_EQ(run.error().message.find('\n'), std::string::npos);
}

TEST(RunJson, RefusesMissingUnknownAndMistypedFields) {
  const auto whole = nlohmann::json::parse(run_to_json(full_run()));
  const std::set<std::string> optional = {"/run/training/early_stop/target",
                                          "/run/training/diverged_above", "/run/training/threshold",
                                          "/run/checkpoint/store"};
  std::size_t fields = 0;
  const nlohmann::json flat = whole.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    const nlohmann::json::json_pointer path(pointer);
    nlohmann::json mistyped = whole;
    mistyped[path] = nlohmann::json{{"no", "such"}, {"value", 1}};
    expect_refused(mistyped, pointer + " replaced");
    const nlohmann::json& parent = whole[path.parent_pointer()];
    if (!parent.is_object()) continue;
    fields += 1;
    nlohmann::json missing = whole;
    missing[path.parent_pointer()].erase(path.back());
    if (!optional.contains(pointer)) expect_refused(missing, pointer + " missing");
    nlohmann::json unknown = whole;
    unknown[path.parent_pointer()]["surplus"] = 1;
    if (path.parent_pointer().empty()) continue;  // The envelope may grow; its format counts.
    expect_refused(unknown, pointer + " beside a surplus field");
  }
  EXPECT_GT(fields, 60U);
}

TEST(RunJson, SaysWhatIsWrong) {
  struct Case {
    const char* name;
    std::string text;
    ErrorCode code;
    const char* message;
  };
  const auto changed = [](const char* pointer, const nlohmann::json& value) {
    auto json = nlohmann::json::parse(run_to_json(full_run()));
    json[nlohmann::json::json_pointer(pointer)] = value;
    return json.dump();
  };
  const Case cases[] = {
      {"another version", changed("/format", 99), ErrorCode::unsupported,
       "format 3, got format 99; use the same version of ballast everywhere"},
      {"no JSON", "{\"format\": 1", ErrorCode::corrupt, "the description of the run is damaged"},
      {"no object", "[1]", ErrorCode::corrupt, "expected an object with the field \"format\""},
      {"empty", "", ErrorCode::corrupt, "damaged"},
      {"deep", std::string(100000, '['), ErrorCode::corrupt, "damaged"},
      {"too large", changed("/run/partitions", 4294967296), ErrorCode::corrupt,
       "partitions: expected a whole number from 0 to 4294967295, got 4294967296"},
      {"negative", changed("/run/outputs", -1), ErrorCode::corrupt, "outputs: expected"},
      {"a fraction", changed("/run/batch", 1.5), ErrorCode::corrupt, "batch: expected"},
      {"an unknown name", changed("/run/task", "ranking"), ErrorCode::corrupt,
       "task: expected one of the names that the spec knows, got \"ranking\""},
      {"nested", changed("/run/optimizer/schedule/kind", 5), ErrorCode::corrupt,
       "optimizer.schedule.kind: expected"},
      {"too large for float32", changed("/run/tables/0/initial_bound", 1e39), ErrorCode::corrupt,
       "tables[0].initial_bound: expected a finite number"},
      {"a hole among tables", changed("/run/tables/1/id", 3), ErrorCode::corrupt,
       "tables[1].id: expected 1, got 3"},
      {"leaves", changed("/run/leaves", 3), ErrorCode::corrupt,
       "leaves: expected a power of two, got 3"},
      {"weights of other classes", changed("/run/weights/classes", {1.0, 2.0}), ErrorCode::corrupt,
       "weights.classes: expected one for each of the 5 classes, got 2"},
      {"half a byte", changed("/run/name", nlohmann::json{{"bytes", "abc"}}), ErrorCode::corrupt,
       "name: expected a text"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto run = run_from_json(c.text);
    ASSERT_FALSE(run.has_value());
    EXPECT_EQ(run.error().code, c.code);
    EXPECT_NE(run.error().message.find(c.message), std::string::npos) << run.error().message;
  }
}

}  // namespace
}  // namespace ballast
