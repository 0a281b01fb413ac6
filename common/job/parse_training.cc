#include <string>
#include <vector>

#include <fmt/format.h>

#include "common/base/address.h"
#include "common/job/parse_sections.h"
#include "common/job/text.h"

namespace ballast {
namespace {

constexpr double kDaySeconds = 86400.0;
constexpr NumberRange kPeriod{0.0, kDaySeconds, NumberRange::Ends::low_open,
                              "above 0 and at most a day"};
constexpr NumberRange kPeriodOrNone{0.0, 365 * kDaySeconds, NumberRange::Ends::closed,
                                    "0 or more and at most a year"};

void parse_schedule(const Place& schedule, ScheduleSpec& out) {
  const auto variant = schedule.variant("a schedule", words_of<ScheduleKind>(), {});
  if (!variant) return;
  out.kind = names_of<ScheduleKind>()[variant->choice].value;
  const Place body = variant->place();
  if (!body.check_fields()) return;
  body.read("warmup_steps", WholeRange{}, out.warmup_steps);
  switch (out.kind) {
    case ScheduleKind::constant:
      return;
    case ScheduleKind::step:
      if (!body.require("every", "write after how many steps the rate falls")) return;
      body.read("every", WholeRange{.low = 1}, out.step_every);
      return body.read("factor", kPositive, out.step_factor);
    case ScheduleKind::cosine:
    case ScheduleKind::linear:
      return body.read("final_factor", kFromZeroToOne, out.final_factor);
    case ScheduleKind::inverse_sqrt:
      return;
  }
}

// The defaults that differ between optimizers; the others are OptimizerSpec's own.
void set_defaults(OptimizerSpec& out) {
  switch (out.kind) {
    case OptimizerKind::sgd:
    case OptimizerKind::ftrl:
      out.learning_rate = 0.1;
      return;
    case OptimizerKind::adagrad:
      out.learning_rate = 0.1;
      out.epsilon = 1e-10;
      return;
    case OptimizerKind::adamw:
      out.weight_decay = 0.01;
      return;
    case OptimizerKind::adam:
    case OptimizerKind::rmsprop:
      return;
  }
}

void read_adam(const Place& body, OptimizerSpec& out) {
  body.read("beta1", kBelowOne, out.beta1);
  body.read("beta2", kBelowOne, out.beta2);
  body.read("epsilon", kPositive, out.epsilon);
}

void read_own_fields(const Place& body, OptimizerSpec& out) {
  switch (out.kind) {
    case OptimizerKind::sgd:
      body.read("momentum", kBelowOne, out.momentum);
      body.read("nesterov", out.nesterov);
      if (out.nesterov && out.momentum == 0.0) {
        body.refuse("nesterov", "nesterov needs momentum; add momentum: 0.9, or remove it");
      }
      return body.read("l2", kNotNegative, out.l2);
    case OptimizerKind::adagrad:
      body.read("initial_accumulator", kNotNegative, out.initial_accumulator);
      body.read("epsilon", kPositive, out.epsilon);
      return body.read("l2", kNotNegative, out.l2);
    case OptimizerKind::adam:
      read_adam(body, out);
      return body.read("l2", kNotNegative, out.l2);
    case OptimizerKind::adamw:
      read_adam(body, out);
      return body.read("weight_decay", kNotNegative, out.weight_decay);
    case OptimizerKind::rmsprop:
      body.read("rho", kBelowOne, out.rho);
      body.read("momentum", kBelowOne, out.momentum);
      body.read("epsilon", kPositive, out.epsilon);
      return body.read("l2", kNotNegative, out.l2);
    case OptimizerKind::ftrl:
      body.read("beta", kNotNegative, out.ftrl_beta);
      body.read("l1", kNotNegative, out.l1);
      return body.read("l2", kNotNegative, out.l2);
  }
}

void parse_early_stop(const Place& place, EarlyStopSpec& out) {
  const YamlNode fields = place.long_form("metric");
  const Place early_stop = place.with(fields);
  if (!early_stop.check_fields()) return;
  if (!early_stop.require("metric", "write the validation metric to watch, such as accuracy")) {
    return;
  }
  early_stop.read("metric", out.metric);
  early_stop.read("patience", WholeRange{.low = 1}, out.patience);
  early_stop.read("min_gain", kNotNegative, out.min_gain);
  if (early_stop.has("target")) out.target = early_stop.at("target").number(kAnyNumber);
}

void parse_consistency(const Place& place, TrainingSpec& out) {
  const auto variant =
      place.variant("a consistency mode", words_of<Consistency>(), {"", "staleness", ""});
  if (!variant) return;
  out.consistency = names_of<Consistency>()[variant->choice].value;
  const Place body = variant->place();
  if (!body.check_fields()) return;
  if (out.consistency == Consistency::bounded) {
    body.read("staleness", WholeRange{.low = 0, .high = kStepsMax}, out.staleness);
  }
}

void parse_length(const Place& training, TrainingSpec& out) {
  training.read("epochs", kPositive, out.epochs);
  training.read("steps", WholeRange{.low = 1, .high = kStepsMax}, out.steps);
  if (training.has("epochs") && training.has("steps")) {
    training.refuse("steps", "epochs says how long to train already; remove one of the two");
  }
}

void parse_batch(const Place& training, TrainingSpec& out) {
  training.read("batch", WholeRange{.low = 1, .high = 1U << 24}, out.batch);
  if (!training.has("leaves")) return;
  const Place place = training.at("leaves");
  const auto leaves = place.whole({.low = 1, .high = 65536});
  if (!leaves) return;
  out.leaves = static_cast<std::uint32_t>(*leaves);
  if ((out.leaves & (out.leaves - 1)) != 0) {
    place.complain(fmt::format(
        "expected a power of two (1, 2, 4, 8, ...), got {}; gradients are added along a tree",
        out.leaves));
  } else if (out.leaves > out.batch) {
    place.complain(
        fmt::format("expected at most as many leaves as the batch has examples, {}, "
                    "got {}",
                    out.batch, out.leaves));
  }
}

}  // namespace

void parse_optimizer(const Place& optimizer, OptimizerSpec& out) {
  const auto variant = optimizer.variant("an optimizer", words_of<OptimizerKind>(), {});
  if (!variant) return;
  out.kind = names_of<OptimizerKind>()[variant->choice].value;
  set_defaults(out);
  const Place body = variant->place();
  if (!body.check_fields()) return;
  // A rate of 0 would train nothing; who wants that can predict with the initial model.
  body.read("learning_rate", kPositive, out.learning_rate);
  body.read("decay_bias", out.decay_bias);
  read_own_fields(body, out);
  if (body.has("schedule")) {
    parse_schedule(body.at("schedule").as("optimizer.*.schedule"), out.schedule);
  }
}

void parse_training(const Place& training, TrainingSpec& out) {
  if (!training.check_fields()) return;
  parse_length(training, out);
  parse_batch(training, out);
  training.read("shuffle", out.shuffle);
  training.read("clip_norm", kNotNegative, out.clip_norm);
  training.read("on_nonfinite", out.on_nonfinite);
  if (training.has("diverged_above")) {
    out.diverged_above = training.at("diverged_above").number(kPositive);
  }
  if (training.has("threshold")) out.threshold = training.at("threshold").choice<ThresholdMetric>();
  training.read("log_every", WholeRange{.low = 1}, out.log_every);
  training.read("evaluate_every", WholeRange{}, out.evaluate_every);
  if (training.has("consistency")) parse_consistency(training.at("consistency"), out);
  if (training.has("early_stop")) parse_early_stop(training.at("early_stop"), out.early_stop);
}

void parse_class_weights(const Place& training, ClassWeightsSpec& out) {
  if (!training.is(YamlNode::Kind::mapping) || !training.has("class_weights")) return;
  const Place place = training.at("class_weights");
  if (!place.is(YamlNode::Kind::mapping)) {
    const auto word = place.is(YamlNode::Kind::scalar) ? place.text() : std::nullopt;
    out.kind = word == "balanced" ? ClassWeighting::balanced : ClassWeighting::none;
    if (word == "balanced" || word == "none") return;
    return place.complain_expected(
        "none, balanced, or classes and their weights, such as {yes: 10}");
  }
  out.kind = ClassWeighting::given;
  if (place.node().items.empty()) place.complain_expected("at least one class and its weight");
  for (std::size_t i = 0; i < place.node().items.size(); ++i) {
    const auto weight = place.item(i).number(kNotNegative);
    if (!weight) continue;
    out.given.push_back({.label = place.node().keys[i].text,
                         .weight = *weight,
                         .line = place.node().keys[i].mark.line});
  }
}

void parse_store(const Place& place, CheckpointSpec& out) {
  auto text = place.text();
  if (!text) return;
  while (text->ends_with('/')) text->pop_back();
  const auto address = parse_address(*text);
  if (!address || address->scheme != AddressScheme::s3 || address->path.empty() ||
      address->path.find_first_of("*?[") != std::string::npos) {
    place.complain(
        fmt::format("expected s3://BUCKET/PREFIX, got {}; without it checkpoints are "
                    "kept in the output directory",
                    in_quotes(shown_address(*text))));
    return;
  }
  out.store = std::move(*text);
}

void parse_checkpoint(const Place& checkpoint, CheckpointSpec& out) {
  if (!checkpoint.check_fields()) return;
  if (checkpoint.has("store")) parse_store(checkpoint.at("store"), out);
  checkpoint.read("every_steps", WholeRange{}, out.every_steps);
  checkpoint.read_seconds("every_seconds", kPeriodOrNone, out.every_seconds);
  checkpoint.read("keep", WholeRange{.low = 1, .high = 1000}, out.keep);
}

void parse_cluster(const Place& cluster, ClusterSpec& out) {
  if (!cluster.check_fields()) return;
  cluster.read("partitions", WholeRange{.low = 1, .high = 65536}, out.partitions);
  cluster.read("kernel", out.kernel);
  cluster.read("replicas", WholeRange{.low = 0, .high = 2}, out.replicas);
  cluster.read("durability", out.durability);
  cluster.read_seconds("return_within", kPeriod, out.return_seconds);
  cluster.read_seconds("heartbeat", kPeriod, out.heartbeat_seconds);
  cluster.read_seconds("silence", kPeriod, out.silence_seconds);
  // One lost heartbeat must not look like a death.
  if (out.silence_seconds < 2.0 * out.heartbeat_seconds) {
    (cluster.has("silence") ? cluster.at("silence") : cluster)
        .complain(fmt::format("expected at least two heartbeats, {} s, got {} s; a member would be "
                              "taken for dead by one late heartbeat",
                              2.0 * out.heartbeat_seconds, out.silence_seconds));
  }
}

}  // namespace ballast
