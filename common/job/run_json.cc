#include "common/job/run_json.h"

#include <cmath>
#include <concepts>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/check.h"
#include "common/job/json_text.h"
#include "common/job/names.h"
#include "common/job/text.h"

// Each struct lists its fields once, for writing and for reading, as a structured binding: a field
// added to the struct and forgotten here does not compile.

namespace ballast {
namespace {

using Json = nlohmann::json;

template <class Io, class S>
void visit(Io& io, S& spec) requires std::same_as<std::remove_const_t<S>, ScheduleSpec> {
  auto& [kind, warmup_steps, step_every, step_factor, final_factor] = spec;
  io("kind", kind);
  io("warmup_steps", warmup_steps);
  io("step_every", step_every);
  io("step_factor", step_factor);
  io("final_factor", final_factor);
}

template <class Io, class S>
void visit(Io& io, S& spec) requires std::same_as<std::remove_const_t<S>, OptimizerSpec> {
  auto& [kind, learning_rate, momentum, nesterov, beta1, beta2, rho, epsilon, initial_accumulator,
         ftrl_beta, l1, l2, weight_decay, decay_bias, schedule] = spec;
  io("kind", kind);
  io("learning_rate", learning_rate);
  io("momentum", momentum);
  io("nesterov", nesterov);
  io("beta1", beta1);
  io("beta2", beta2);
  io("rho", rho);
  io("epsilon", epsilon);
  io("initial_accumulator", initial_accumulator);
  io("ftrl_beta", ftrl_beta);
  io("l1", l1);
  io("l2", l2);
  io("weight_decay", weight_decay);
  io("decay_bias", decay_bias);
  io("schedule", schedule);
}

template <class Io, class S>
void visit(Io& io, S& spec) requires std::same_as<std::remove_const_t<S>, EarlyStopSpec> {
  auto& [metric, patience, min_gain, target] = spec;
  io("metric", metric);
  io("patience", patience);
  io("min_gain", min_gain);
  io.optional("target", target);
}

template <class Io, class S>
void visit(Io& io, S& spec) requires std::same_as<std::remove_const_t<S>, TrainingSpec> {
  auto& [epochs, steps, batch, leaves, shuffle, clip_norm, on_nonfinite, log_every, evaluate_every,
         early_stop, consistency, staleness, diverged_above, threshold] = spec;
  io("epochs", epochs);
  io("steps", steps);
  io("batch", batch);
  io("leaves", leaves);
  io("shuffle", shuffle);
  io("clip_norm", clip_norm);
  io("on_nonfinite", on_nonfinite);
  io("log_every", log_every);
  io("evaluate_every", evaluate_every);
  io("early_stop", early_stop);
  io("consistency", consistency);
  io("staleness", staleness);
  io.optional("diverged_above", diverged_above);
  io.optional("threshold", threshold);
}

template <class Io, class S>
void visit(Io& io, S& spec) requires std::same_as<std::remove_const_t<S>, CheckpointSpec> {
  auto& [every_steps, every_seconds, keep, store] = spec;
  io("every_steps", every_steps);
  io("every_seconds", every_seconds);
  io("keep", keep);
  io.optional("store", store);
}

template <class Io, class S>
void visit(Io& io, S& spec) requires std::same_as<std::remove_const_t<S>, ClusterSpec> {
  auto& [partitions, kernel, heartbeat_seconds, silence_seconds, replicas, durability,
         return_seconds] = spec;
  io("partitions", partitions);
  io("kernel", kernel);
  io("heartbeat_seconds", heartbeat_seconds);
  io("silence_seconds", silence_seconds);
  io("replicas", replicas);
  io("durability", durability);
  io("return_seconds", return_seconds);
}

template <class Io, class S>
void visit(Io& io, S& table) requires std::same_as<std::remove_const_t<S>, TableSpec> {
  auto& [id, name, kind, shape, initializer, initial_bound, decays] = table;
  io("id", id);
  io("name", name);
  io("kind", kind);
  io("shape", shape);
  io("initializer", initializer);
  io("initial_bound", initial_bound);
  io("decays", decays);
}

template <class Io, class S>
void visit(Io& io, S& weights) requires std::same_as<std::remove_const_t<S>, ExampleWeights> {
  auto& [has_own, classes, scale] = weights;
  io("has_own", has_own);
  io("classes", classes);
  io("scale", scale);
}

template <class Io, class S>
void visit(Io& io, S& threshold) requires std::same_as<std::remove_const_t<S>, ChosenThreshold> {
  auto& [metric, value, score, source] = threshold;
  io("metric", metric);
  io("value", value);
  io("score", score);
  io("source", source);
}

template <class Io, class S>
void visit(Io& io, S& run) requires std::same_as<std::remove_const_t<S>, RunConfig> {
  auto& [name, seed, spec, spec_directory, dataset, dataset_digest, packed, tables, partitions,
         leaves, leaf_examples, batch, train_examples, validation_examples, test_examples,
         steps_per_epoch, steps, until, evaluation_batch, outputs, task, loss, classes, weights,
         threshold, optimizer, training, checkpoint, cluster] = run;
  io("name", name);
  io("seed", seed);
  io("spec", spec);
  io("spec_directory", spec_directory);
  io("dataset", dataset);
  io("dataset_digest", dataset_digest);
  io("packed", packed);
  io("tables", tables);
  io("partitions", partitions);
  io("leaves", leaves);
  io("leaf_examples", leaf_examples);
  io("batch", batch);
  io("train_examples", train_examples);
  io("validation_examples", validation_examples);
  io("test_examples", test_examples);
  io("steps_per_epoch", steps_per_epoch);
  io("steps", steps);
  io.optional("until", until);
  io("evaluation_batch", evaluation_batch);
  io("outputs", outputs);
  io("task", task);
  io("loss", loss);
  io("classes", classes);
  io.optional("weights", weights);
  io.optional("threshold", threshold);
  io("optimizer", optimizer);
  io("training", training);
  io("checkpoint", checkpoint);
  io("cluster", cluster);
}

// ---- writing ------------------------------------------------------------------------------------

// JSON texts are UTF-8; class names and paths are whatever bytes the user's files have. Others than
// UTF-8 are written as {"bytes": "<hexadecimal>"}.
Json to_json(const std::string& text) {
  if (is_utf8(text)) return text;
  return Json{{"bytes", hexadecimal(text)}};
}

template <class T>
requires std::is_arithmetic_v<T> Json to_json(T value) {
  if constexpr (std::is_floating_point_v<T>) BALLAST_CHECK(std::isfinite(value));
  return value;
}

template <class E>
requires std::is_enum_v<E> Json to_json(E value) {
  if constexpr (std::same_as<E, TableId>) {
    return index(value);
  } else {
    return name_of(value);
  }
}

template <class S>
requires std::is_class_v<S> Json to_json(const S& value);

template <class T>
Json to_json(const std::vector<T>& values) {
  Json array = Json::array();
  for (const T& value : values) array.push_back(to_json(value));
  return array;
}

struct Writer {
  Json object = Json::object();

  template <class T>
  void operator()(const char* name, const T& value) {
    object[name] = to_json(value);
  }
  // Absent when it is not set: a run that does not use the field is written as it was before there
  // was one, and so keeps its fingerprint and its checkpoints.
  template <class T>
  void optional(const char* name, const std::optional<T>& value) {
    if (value) object[name] = to_json(*value);
  }
};

template <class S>
requires std::is_class_v<S> Json to_json(const S& value) {
  Writer writer;
  visit(writer, value);
  return std::move(writer.object);
}

// ---- reading ------------------------------------------------------------------------------------

// The first fault ends the reading: `fault` is set and nothing is touched any more.
class Reader {
 public:
  Reader(const Json& object, std::string path, std::string& fault)
      : object_(object), path_(std::move(path)), fault_(fault) {
    if (!object_.is_object()) complain(path_, "an object", object_);
  }

  template <class T>
  void operator()(const char* name, T& out) {
    if (!fault_.empty()) return;
    const std::string path = path_.empty() ? name : fmt::format("{}.{}", path_, name);
    const auto found = object_.find(name);
    if (found == object_.end()) {
      fault_ = fmt::format("{}: missing", path);
      return;
    }
    count_ += 1;
    read(*found, path, out);
  }

  template <class T>
  void optional(const char* name, std::optional<T>& out) {
    out.reset();
    if (object_.is_object() && object_.contains(name)) (*this)(name, out.emplace());
  }

  // A field that nobody asked for is of a meaning we do not know.
  void finish() {
    if (fault_.empty() && object_.size() != count_) {
      fault_ = fmt::format("{}: expected {} fields, got {}", path_.empty() ? "run" : path_, count_,
                           object_.size());
    }
  }

 private:
  void complain(const std::string& path, std::string_view expected, const Json& seen) {
    if (!fault_.empty()) return;
    // Only scalars are shown: dumping recurses, and nesting may be hostile.
    std::string text = seen.is_structured() ? fmt::format("an {}", seen.type_name())
                                            : json_text(seen, -1, BadUtf8::escape);
    if (text.size() > 60) text = text.substr(0, 60) + "...";
    fault_ = fmt::format("{}: expected {}, got {}", path, expected, text);
  }

  void read(const Json& json, const std::string& path, bool& out) {
    if (!json.is_boolean()) return complain(path, "true or false", json);
    out = json.get<bool>();
  }

  template <class T>
  requires(std::unsigned_integral<T> &&
           !std::same_as<T, bool>) void read(const Json& json, const std::string& path, T& out) {
    if (!json.is_number_unsigned() || json.get<std::uint64_t>() > std::numeric_limits<T>::max()) {
      return complain(
          path, fmt::format("a whole number from 0 to {}", std::numeric_limits<T>::max()), json);
    }
    out = static_cast<T>(json.get<std::uint64_t>());
  }

  template <std::floating_point T>
  void read(const Json& json, const std::string& path, T& out) {
    if (!json.is_number()) return complain(path, "a number", json);
    const double value = json.get<double>();
    if (!std::isfinite(value) ||
        std::abs(value) > static_cast<double>(std::numeric_limits<T>::max())) {
      return complain(path, "a finite number", json);
    }
    out = static_cast<T>(value);
  }

  void read(const Json& json, const std::string& path, std::string& out) {
    if (json.is_string()) {
      out = json.get<std::string>();
      return;
    }
    const auto bytes = json.is_object() && json.size() == 1 ? json.find("bytes") : json.end();
    if (!json.is_object() || bytes == json.end() || !bytes->is_string() ||
        !from_hexadecimal(bytes->get_ref<const std::string&>(), out)) {
      complain(path, "a text", json);
    }
  }

  template <class E>
  requires std::is_enum_v<E>
  void read(const Json& json, const std::string& path, E& out) {
    if constexpr (std::same_as<E, TableId>) {
      std::underlying_type_t<E> value = 0;
      read(json, path, value);
      out = E{value};
    } else {
      const auto value = json.is_string() ? value_named<E>(json.get_ref<const std::string&>())
                                          : std::optional<E>();
      if (!value) return complain(path, "one of the names that the spec knows", json);
      out = *value;
    }
  }

  template <class T>
  void read(const Json& json, const std::string& path, std::vector<T>& out) {
    if (!json.is_array()) return complain(path, "a list", json);
    out.clear();
    for (std::size_t i = 0; i < json.size() && fault_.empty(); ++i) {
      read(json[i], fmt::format("{}[{}]", path, i), out.emplace_back());
    }
  }

  template <class S>
  requires std::is_class_v<S>
  void read(const Json& json, const std::string& path, S& out) {
    Reader reader(json, path, fault_);
    visit(reader, out);
    reader.finish();
  }

  const Json& object_;
  const std::string path_;
  std::string& fault_;
  std::size_t count_ = 0;
};

Error corrupt(const std::string& what) {
  return Error{ErrorCode::corrupt, "the description of the run is damaged: " + what};
}

// What arithmetic and indexing rely on, whoever wrote the text.
std::string broken_promise(const RunConfig& run) {
  for (std::size_t i = 0; i < run.tables.size(); ++i) {
    if (index(run.tables[i].id) != i) {
      return fmt::format("tables[{}].id: expected {}, got {}", i, i, index(run.tables[i].id));
    }
  }
  if (run.leaves == 0 || (run.leaves & (run.leaves - 1)) != 0) {
    return fmt::format("leaves: expected a power of two, got {}", run.leaves);
  }
  if (run.partitions == 0) return "partitions: expected at least 1, got 0";
  if (run.weights && !run.weights->classes.empty() &&
      run.weights->classes.size() != run.classes.size()) {
    return fmt::format("weights.classes: expected one for each of the {} classes, got {}",
                       run.classes.size(), run.weights->classes.size());
  }
  if (run.evaluation_batch == 0) return "evaluation_batch: expected at least 1, got 0";
  return "";
}

}  // namespace

std::string run_to_json(const RunConfig& run) {
  return json_text(Json{{"format", kRunFormat}, {"run", to_json(run)}});
}

Result<RunConfig> run_from_json(std::string_view text) try {
  const Json json = parse_json<Json>(text);
  const auto format = json.is_object() ? json.find("format") : json.end();
  if (!json.is_object() || format == json.end() || !format->is_number_integer()) {
    return corrupt("expected an object with the field \"format\"");
  }
  if (format->get<std::int64_t>() != kRunFormat) {
    return Error{ErrorCode::unsupported,
                 fmt::format("expected the description of a run in format {}, got format {}; use "
                             "the same version of ballast everywhere",
                             kRunFormat, format->get<std::int64_t>())};
  }
  const auto body = json.find("run");
  if (body == json.end()) return corrupt("run: missing");
  std::string fault;
  RunConfig run;
  Reader reader(*body, "", fault);
  visit(reader, run);
  reader.finish();
  if (fault.empty()) fault = broken_promise(run);
  if (!fault.empty()) return corrupt(fault);
  return run;
} catch (const Json::exception& exception) {
  return corrupt(exception.what());
}

}  // namespace ballast
