#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "common/job/names.h"
#include "common/job/parse_sections.h"
#include "common/job/text.h"

namespace ballast {
namespace {

bool validates(const Spec& spec) {
  return spec.data.validation_fraction > 0.0 || !spec.data.validation.paths.empty() ||
         spec.cross_validation.has_value();
}

void check_early_stop(const Place& root, const Spec& spec) {
  const EarlyStopSpec& early_stop = spec.training.early_stop;
  if (early_stop.metric.empty()) return;
  Place place = root.at("training").at("early_stop");
  if (place.is(YamlNode::Kind::mapping)) place = place.at("metric");
  if (!validates(spec)) {
    place.complain(
        "early_stop watches the validation split, and there is none; add "
        "data.validation, such as 0.1");
    return;
  }
  check_metric(place, spec.model.task, early_stop.metric);
}

std::string_view shown_model(const ModelSpec& model) {
  return model.kind == ModelKind::layers ? name_of(model.loss) : name_of(model.kind);
}

void check_classes(const Place& root, const Spec& spec) {
  const std::size_t classes = spec.data.classes.size();
  if (classes == 0) return;
  const Place place = root.at("data").at("label").at("classes");
  const ModelSpec& model = spec.model;
  if (model.task == Task::regression) {
    place.complain(
        fmt::format("{} predicts a number, which has no classes; remove this, or choose "
                    "another model",
                    shown_model(model)));
  } else if (model.task == Task::binary && classes != 2) {
    place.complain(fmt::format("{} tells two classes apart, got {}; use {}", shown_model(model),
                               classes,
                               model.kind == ModelKind::layers ? "cross_entropy" : "softmax"));
  } else if (model.kind == ModelKind::layers && model.task == Task::multiclass &&
             model.layers.back().kind == LayerKind::dense && model.layers.back().width != classes) {
    const Place layers = root.at("model").at("layers");
    layers.item(model.layers.size() - 1)
        .complain(fmt::format("expected one output for each of the {} classes, got a last layer "
                              "of width {}",
                              classes, model.layers.back().width));
  }
}

// A text that stands for a number has no mean; a number to predict is no category.
void check_label_type(const Place& root, const Spec& spec) {
  if (spec.model.task != Task::regression) return;
  for (const ColumnSpec& column : spec.data.columns) {
    if (column.name != spec.data.label || column.type == ColumnType::number) continue;
    root.at("data").at("label").complain(
        fmt::format("{} predicts a number, and the label {} is a column of type {}",
                    name_of(spec.model.loss), in_quotes(column.name), name_of(column.type)));
  }
}

// Classes that only the data knows are compared with it when it is there.
void check_class_weights(const Place& root, const Spec& spec) {
  if (spec.class_weights.kind == ClassWeighting::none) return;
  const Place place = root.at("training").at("class_weights");
  if (spec.model.task == Task::regression) {
    place.complain(
        fmt::format("{} predicts a number, which has no classes; remove this, or weigh "
                    "the examples by data.weight",
                    shown_model(spec.model)));
    return;
  }
  const std::vector<std::string_view> classes(spec.data.classes.begin(), spec.data.classes.end());
  for (std::size_t i = 0; i < spec.class_weights.given.size() && !classes.empty(); ++i) {
    const std::string& label = spec.class_weights.given[i].label;
    if (std::find(classes.begin(), classes.end(), label) != classes.end()) continue;
    const std::string_view near = nearest(label, classes);
    place.item(i).complain(fmt::format(
        "expected one of data.label.classes, got {}{}", in_quotes(label),
        near.empty() ? std::string() : fmt::format("; did you mean {}?", in_quotes(near))));
  }
}

void check_threshold(const Place& root, const Spec& spec) {
  if (!spec.training.threshold) return;
  const Place place = root.at("training").at("threshold");
  if (spec.model.task != Task::binary) {
    place.complain(fmt::format(
        "a threshold tells the classes of a binary model apart, and {} {}; remove this",
        shown_model(spec.model),
        spec.model.task == Task::regression ? "predicts a number" : "takes the likeliest class"));
  } else if (!validates(spec)) {
    place.complain(
        "the threshold is chosen on the validation split, and there is none; add data.validation, "
        "such as 0.1");
  }
}

// What needs one version that all share.
void check_consistency(const Place& root, const Spec& spec) {
  const TrainingSpec& training = spec.training;
  if (training.consistency == Consistency::synchronous) return;
  const auto refuse = [&](std::string_view section, std::string_view field, std::string_view why) {
    root.at(section).at(field).complain(fmt::format("{}; remove this, or training.consistency: {}",
                                                    why, name_of(training.consistency)));
  };
  if (!training.early_stop.metric.empty()) {
    refuse("training", "early_stop",
           "early stop watches evaluations of one version, which only synchronous training has");
  }
  if (training.clip_norm > 0.0) {
    refuse("training", "clip_norm",
           "the norm of a step's gradient is known in synchronous training alone");
  }
  if (training.diverged_above) {
    refuse("training", "diverged_above",
           "the loss of a step is known in synchronous training alone");
  }
  if (spec.cluster.replicas > 0) {
    refuse("cluster", "replicas", "replicas are kept in synchronous training alone");
  }
  if (spec.cluster.durability == DurabilityMode::step) {
    refuse("cluster", "durability", "only synchronous training has steps to log");
  }
}

}  // namespace

void check_metric(const Place& place, Task task, const std::string& metric) {
  const std::vector<std::string_view> known = watchable_metrics(task);
  if (std::find(known.begin(), known.end(), metric) != known.end()) return;
  const std::string_view near = nearest(metric, known);
  place.complain(fmt::format("expected a metric of {}, one of {}, got {}{}", name_of(task),
                             listed({known.begin(), known.end()}, "and"), in_quotes(metric),
                             near.empty() ? "" : fmt::format("; did you mean {}?", near)));
}

void check_spec(const Place& root, const Spec& spec) {
  check_early_stop(root, spec);
  check_classes(root, spec);
  check_label_type(root, spec);
  check_class_weights(root, spec);
  check_threshold(root, spec);
  check_consistency(root, spec);
  check_search(root, spec);
}

}  // namespace ballast
