#include "common/job/fields.h"

#include <algorithm>
#include <string>

namespace ballast {
namespace {

constexpr std::string_view kPaths = "path or list of paths";
constexpr std::string_view kSource = "path, list of paths, or images and labels";
constexpr std::string_view kColumns = "list of columns";
constexpr std::string_view kWhole = "whole number";
constexpr std::string_view kNumber = "number";
constexpr std::string_view kFlag = "true or false";
constexpr std::string_view kDuration = "duration";
constexpr std::string_view kMapping = "mapping";
constexpr std::string_view kInitializer =
    "zeros, uniform_fan_in, he_uniform, glorot_uniform or normal";
constexpr std::string_view kSchedule = "constant, step, cosine, linear or inverse_sqrt";
constexpr std::string_view kLosses =
    "cross_entropy, binary_cross_entropy, focal, binary_focal, mean_squared_error or huber";
constexpr std::string_view kSplit =
    "k_fold, stratified, grouped, stratified_grouped, leave_one_group_out, shuffled, "
    "stratified_shuffled, expanding, sliding or given";
constexpr std::string_view kRequired = "required";
constexpr std::string_view kNone = "none";

constexpr Field kFields[] = {
    {"name", "text", "the file's name"},
    {"seed", kWhole, "`0`"},

    {"data", kMapping, kRequired},
    {"data.format", "csv, tsv, libsvm, idx or jsonl", "by the extension"},
    {"data.train", kSource, kRequired},
    {"data.train.images", kPaths, "required with idx"},
    {"data.train.labels", kPaths, "required with idx"},
    {"data.validation", "fraction, or as train", kNone},
    {"data.validation.images", kPaths, "required with idx"},
    {"data.validation.labels", kPaths, "required with idx"},
    {"data.test", kSource, kNone},
    {"data.test.images", kPaths, "required with idx"},
    {"data.test.labels", kPaths, "required with idx"},
    {"data.header", kFlag, "`true`"},
    {"data.delimiter", "one character, or tab", "`,`"},
    {"data.columns", "mapping of name to number, category, text or skip", "by the header"},
    {"data.missing", "text or list of texts", "`[]`"},
    {"data.comment", "text", kNone},
    {"data.label", "column, or mapping", "required, but for libsvm and idx"},
    {"data.label.column", "column", "required, but for libsvm and idx"},
    {"data.label.classes", "list of texts", "sorted as found"},
    {"data.label.strip", "text", kNone},
    {"data.weight", "column", kNone},
    {"data.libsvm", kMapping, kNone},
    {"data.libsvm.dimension", kWhole, "the largest index in training"},
    {"data.libsvm.dense", kFlag, "`false`"},
    {"data.on_bad_row", "stop or skip", "`stop`"},
    {"data.sha256", "mapping of address to digest", kNone},

    {"features", "list of transforms", "`[]`"},
    {"features[].drop_duplicates", "mapping, or columns", kNone},
    {"features[].drop_duplicates.columns", kColumns, "every column, the label too"},
    {"features[].impute", "mapping, or columns", kNone},
    {"features[].impute.columns", kColumns, kRequired},
    {"features[].impute.with", "mean, median, most_frequent or constant", "`mean`"},
    {"features[].impute.value", "text or number", "required with constant"},
    {"features[].clip", "mapping, or columns", kNone},
    {"features[].clip.columns", kColumns, "`number`"},
    {"features[].clip.by", "iqr or z_score", "`iqr`"},
    {"features[].clip.factor", kNumber, "1.5 with iqr, 3 with z_score"},
    {"features[].standardize", "mapping, or columns", kNone},
    {"features[].standardize.columns", kColumns, "`number`"},
    {"features[].min_max", "mapping, or columns", kNone},
    {"features[].min_max.columns", kColumns, "`number`"},
    {"features[].scale", "mapping, or number", kNone},
    {"features[].scale.columns", kColumns, "`number`"},
    {"features[].scale.factor", kNumber, kRequired},
    {"features[].one_hot", "mapping, or columns", kNone},
    {"features[].one_hot.columns", kColumns, kRequired},
    {"features[].one_hot.min_count", kWhole, "`1`"},
    {"features[].hash", "mapping, or columns", kNone},
    {"features[].hash.columns", kColumns, kRequired},
    {"features[].hash.buckets", kWhole, "`0`"},
    {"features[].hash.output", "text", "the column's name"},
    {"features[].bucketize", kMapping, kNone},
    {"features[].bucketize.columns", kColumns, kRequired},
    {"features[].bucketize.bins", kWhole, "bins or boundaries required"},
    {"features[].bucketize.boundaries", "list of numbers", "bins or boundaries required"},
    {"features[].bucketize.as", "one_hot or keys", "`one_hot`"},
    {"features[].bucketize.output", "text", "the column's name"},
    {"features[].tokenize", "mapping, or columns", kNone},
    {"features[].tokenize.columns", kColumns, kRequired},
    {"features[].tokenize.words", kWhole, "`1`"},
    {"features[].tokenize.characters", "whole number, or two", kNone},
    {"features[].tokenize.buckets", kWhole, "`0`"},
    {"features[].tokenize.min_count", kWhole, "`1`"},
    {"features[].tokenize.lowercase", kFlag, "`true`"},
    {"features[].tokenize.output", "text", "the column's name"},

    {"model", "linear, logistic, softmax, or mapping", kRequired},
    {"model.linear", kMapping, kNone},
    {"model.linear.bias", kFlag, "`true`"},
    {"model.logistic", kMapping, kNone},
    {"model.logistic.bias", kFlag, "`true`"},
    {"model.softmax", kMapping, kNone},
    {"model.softmax.bias", kFlag, "`true`"},
    {"model.layers", "list of layers", kNone},
    {"model.layers[].dense", "width, or mapping", kNone},
    {"model.layers[].dense.width", kWhole, kRequired},
    {"model.layers[].dense.bias", kFlag, "`true`"},
    {"model.layers[].dense.name", "text", "`dense_` and the position"},
    {"model.layers[].dense.initializer", kInitializer, "the layer's own"},
    {"model.layers[].dense.initial_scale", kNumber, "`1`"},
    {"model.layers[].relu", "nothing", kNone},
    {"model.layers[].sigmoid", "nothing", kNone},
    {"model.layers[].tanh", "nothing", kNone},
    {"model.layers[].gelu", "nothing", kNone},
    {"model.layers[].dropout", "rate, or mapping", kNone},
    {"model.layers[].dropout.rate", kNumber, "`0.5`"},
    {"model.layers[].layer_norm", kMapping, kNone},
    {"model.layers[].layer_norm.epsilon", kNumber, "`1e-5`"},
    {"model.layers[].layer_norm.name", "text", "`layer_norm_` and the position"},
    {"model.layers[].embedding", "width, or mapping", kNone},
    {"model.layers[].embedding.width", kWhole, kRequired},
    {"model.layers[].embedding.features", "list of sparse groups", "all groups"},
    {"model.layers[].embedding.name", "text", "`embedding_` and the position"},
    {"model.layers[].embedding.initializer", kInitializer, "the layer's own"},
    {"model.layers[].embedding.initial_scale", kNumber, "`1`"},
    {"model.layers[].embedding_bag", "width, or mapping", kNone},
    {"model.layers[].embedding_bag.width", kWhole, kRequired},
    {"model.layers[].embedding_bag.combine", "mean, sum or sqrt_n", "`mean`"},
    {"model.layers[].embedding_bag.features", "list of sparse groups", "all groups"},
    {"model.layers[].embedding_bag.name", "text", "`embedding_bag_` and the position"},
    {"model.layers[].embedding_bag.initializer", kInitializer, "the layer's own"},
    {"model.layers[].embedding_bag.initial_scale", kNumber, "`1`"},
    {"model.loss", kLosses, "follows from the model; required with layers"},
    {"model.loss.focal", kMapping, kNone},
    {"model.loss.focal.gamma", kNumber, "`2`"},
    {"model.loss.focal.alpha", "list of numbers", kNone},
    {"model.loss.binary_focal", kMapping, kNone},
    {"model.loss.binary_focal.gamma", kNumber, "`2`"},
    {"model.loss.binary_focal.alpha", kNumber, kNone},
    {"model.loss.huber", kMapping, kNone},
    {"model.loss.huber.delta", kNumber, "`1`"},

    {"optimizer", "sgd, adagrad, adam, adamw, rmsprop, ftrl, or mapping", "`adam`"},
    {"optimizer.sgd", kMapping, kNone},
    {"optimizer.sgd.learning_rate", kNumber, "`0.1`"},
    {"optimizer.sgd.momentum", kNumber, "`0`"},
    {"optimizer.sgd.nesterov", kFlag, "`false`"},
    {"optimizer.sgd.l2", kNumber, "`0`"},
    {"optimizer.sgd.decay_bias", kFlag, "`false`"},
    {"optimizer.sgd.schedule", kSchedule, "`constant`"},
    {"optimizer.adagrad", kMapping, kNone},
    {"optimizer.adagrad.learning_rate", kNumber, "`0.1`"},
    {"optimizer.adagrad.initial_accumulator", kNumber, "`0`"},
    {"optimizer.adagrad.epsilon", kNumber, "`1e-10`"},
    {"optimizer.adagrad.l2", kNumber, "`0`"},
    {"optimizer.adagrad.decay_bias", kFlag, "`false`"},
    {"optimizer.adagrad.schedule", kSchedule, "`constant`"},
    {"optimizer.adam", kMapping, kNone},
    {"optimizer.adam.learning_rate", kNumber, "`0.001`"},
    {"optimizer.adam.beta1", kNumber, "`0.9`"},
    {"optimizer.adam.beta2", kNumber, "`0.999`"},
    {"optimizer.adam.epsilon", kNumber, "`1e-8`"},
    {"optimizer.adam.l2", kNumber, "`0`"},
    {"optimizer.adam.decay_bias", kFlag, "`false`"},
    {"optimizer.adam.schedule", kSchedule, "`constant`"},
    {"optimizer.adamw", kMapping, kNone},
    {"optimizer.adamw.learning_rate", kNumber, "`0.001`"},
    {"optimizer.adamw.beta1", kNumber, "`0.9`"},
    {"optimizer.adamw.beta2", kNumber, "`0.999`"},
    {"optimizer.adamw.epsilon", kNumber, "`1e-8`"},
    {"optimizer.adamw.weight_decay", kNumber, "`0.01`"},
    {"optimizer.adamw.decay_bias", kFlag, "`false`"},
    {"optimizer.adamw.schedule", kSchedule, "`constant`"},
    {"optimizer.rmsprop", kMapping, kNone},
    {"optimizer.rmsprop.learning_rate", kNumber, "`0.001`"},
    {"optimizer.rmsprop.rho", kNumber, "`0.99`"},
    {"optimizer.rmsprop.momentum", kNumber, "`0`"},
    {"optimizer.rmsprop.epsilon", kNumber, "`1e-8`"},
    {"optimizer.rmsprop.l2", kNumber, "`0`"},
    {"optimizer.rmsprop.decay_bias", kFlag, "`false`"},
    {"optimizer.rmsprop.schedule", kSchedule, "`constant`"},
    {"optimizer.ftrl", kMapping, kNone},
    {"optimizer.ftrl.learning_rate", kNumber, "`0.1`"},
    {"optimizer.ftrl.beta", kNumber, "`1`"},
    {"optimizer.ftrl.l1", kNumber, "`0`"},
    {"optimizer.ftrl.l2", kNumber, "`0`"},
    {"optimizer.ftrl.decay_bias", kFlag, "`false`"},
    {"optimizer.ftrl.schedule", kSchedule, "`constant`"},
    {"optimizer.*.schedule.constant", kMapping, kNone},
    {"optimizer.*.schedule.constant.warmup_steps", kWhole, "`0`"},
    {"optimizer.*.schedule.step", kMapping, kNone},
    {"optimizer.*.schedule.step.every", kWhole, kRequired},
    {"optimizer.*.schedule.step.factor", kNumber, "`0.1`"},
    {"optimizer.*.schedule.step.warmup_steps", kWhole, "`0`"},
    {"optimizer.*.schedule.cosine", kMapping, kNone},
    {"optimizer.*.schedule.cosine.final_factor", kNumber, "`0`"},
    {"optimizer.*.schedule.cosine.warmup_steps", kWhole, "`0`"},
    {"optimizer.*.schedule.linear", kMapping, kNone},
    {"optimizer.*.schedule.linear.final_factor", kNumber, "`0`"},
    {"optimizer.*.schedule.linear.warmup_steps", kWhole, "`0`"},
    {"optimizer.*.schedule.inverse_sqrt", kMapping, kNone},
    {"optimizer.*.schedule.inverse_sqrt.warmup_steps", kWhole, "`0`"},

    {"training", kMapping, kNone},
    {"training.epochs", kNumber, "`10`"},
    {"training.steps", kWhole, "by epochs"},
    {"training.batch", kWhole, "`256`"},
    {"training.leaves", kWhole, "by batch"},
    {"training.shuffle", kFlag, "`true`"},
    {"training.clip_norm", kNumber, "`0`"},
    {"training.class_weights", "none, balanced, or mapping of class to weight", "`none`"},
    {"training.on_nonfinite", "stop or skip", "`stop`"},
    {"training.diverged_above", kNumber, kNone},
    {"training.log_every", kWhole, "`50`"},
    {"training.evaluate_every", kWhole, "every epoch"},
    {"training.early_stop", "metric, or mapping", kNone},
    {"training.early_stop.metric", "text", kRequired},
    {"training.early_stop.patience", kWhole, "`3`"},
    {"training.early_stop.min_gain", kNumber, "`0`"},
    {"training.early_stop.target", kNumber, kNone},
    {"training.threshold", "f1, balanced_accuracy, accuracy, youden or matthews", kNone},
    {"training.consistency", "synchronous, bounded, async, or mapping", "`synchronous`"},
    {"training.consistency.synchronous", kMapping, kNone},
    {"training.consistency.bounded", "whole number, or mapping", kNone},
    {"training.consistency.bounded.staleness", kWhole, "`1`"},
    {"training.consistency.async", kMapping, kNone},

    {"checkpoint", kMapping, kNone},
    {"checkpoint.every_steps", kWhole, "`0`"},
    {"checkpoint.every_seconds", kDuration, "`60`"},
    {"checkpoint.keep", kWhole, "`2`"},
    {"checkpoint.store", "address", "the output directory"},

    {"cluster", kMapping, kNone},
    {"cluster.partitions", kWhole, "`64`"},
    {"cluster.replicas", kWhole, "`0`"},
    {"cluster.durability", "checkpoint or step", "`checkpoint`"},
    {"cluster.return_within", kDuration, "`60s`"},
    {"cluster.kernel", "auto, haswell, zen, skylakex, cooperlake or sapphirerapids", "`auto`"},
    {"cluster.heartbeat", kDuration, "`1s`"},
    {"cluster.silence", kDuration, "`10s`"},

    {"cross_validation", kMapping, kNone},
    {"cross_validation.split", kSplit, "stratified for classes, k_fold for numbers"},
    {"cross_validation.folds", kWhole, "`5`"},
    {"cross_validation.repeats", kWhole, "`1`"},
    {"cross_validation.fraction", kNumber, "`0.2`"},
    {"cross_validation.group", "column", "required with groups"},
    {"cross_validation.time", "column", "required with expanding and sliding"},
    {"cross_validation.gap", kWhole, "`0`"},
    {"cross_validation.window", kWhole, "`0`"},
    {"cross_validation.column", "column", "required with given"},
    {"cross_validation.shuffle", kFlag, "`true`"},

    {"search", kMapping, kNone},
    {"search.method", "grid, random, halving or hyperband", "`grid`"},
    {"search.metric", "text", "`loss`"},
    {"search.configurations", kWhole, "`20`"},
    {"search.reduction", kWhole, "`3`"},
    {"search.steps_min", kWhole, "`100`"},
    {"search.choose", "best or one_standard_error", "`best`"},
    {"search.refit", kFlag, "`true`"},
    {"search.parameters", "mapping of field to values", kRequired},
    {"search.parameters[].choice", "list of values", kNone},
    {"search.parameters[].uniform", "two numbers", kNone},
    {"search.parameters[].log_uniform", "two numbers", kNone},
    {"search.parameters[].integer", "two whole numbers", kNone},
    {"search.nested", "as cross_validation", kNone},

    {"job", kMapping, kNone},
    {"job.runs_at_once", kWhole, "`0`"},
    {"job.workers_per_run", kWhole, "`1`"},
    {"job.seconds", kDuration, "`0`"},
    {"job.steps", kWhole, "`0`"},
};

// The name of a field directly below `path`, or nothing.
std::string_view name_below(std::string_view field, std::string_view path) {
  if (!path.empty()) {
    if (!field.starts_with(path) || field.size() <= path.size() || field[path.size()] != '.') {
      return {};
    }
    field.remove_prefix(path.size() + 1);
  }
  return field.find_first_of(".[") == std::string_view::npos ? field : std::string_view{};
}

}  // namespace

std::span<const Field> all_fields() { return kFields; }

std::vector<std::string_view> fields_below(std::string_view path) {
  std::vector<std::string_view> names;
  for (const Field& field : kFields) {
    const std::string_view name = name_below(field.path, path);
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

std::vector<std::string_view> fields_named(std::string_view name) {
  std::vector<std::string_view> paths;
  for (const Field& field : kFields) {
    const std::size_t dot = field.path.rfind('.');
    const std::size_t begin = dot == std::string_view::npos ? 0 : dot + 1;
    if (field.path.substr(begin) == name) paths.push_back(field.path);
  }
  return paths;
}

}  // namespace ballast
