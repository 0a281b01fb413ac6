#include "worker/data/weigh.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "worker/data/cells.h"
#include "worker/data/labels.h"

namespace ballast {

namespace {

double own_weight(const TrainingExamples& examples, std::size_t i) {
  return examples.weights.empty() ? 1.0 : examples.weights[i];
}

std::vector<double> balanced(const TrainingExamples& examples) {
  std::vector<double> of_class(examples.classes.size(), 0.0);
  double total = 0.0;
  for (std::size_t i = 0; i < examples.labels.size(); ++i) {
    of_class[static_cast<std::size_t>(examples.labels[i])] += own_weight(examples, i);
    total += own_weight(examples, i);
  }
  const auto present = static_cast<double>(
      std::count_if(of_class.begin(), of_class.end(), [](double weight) { return weight > 0.0; }));
  std::vector<double> weights(of_class.size(), 1.0);
  for (std::size_t k = 0; k < of_class.size(); ++k) {
    if (of_class[k] > 0.0) weights[k] = total / (present * of_class[k]);
  }
  return weights;
}

Result<std::vector<double>> given(const ClassWeightsSpec& spec,
                                  const std::vector<std::string>& classes) {
  std::vector<double> weights(classes.size(), 1.0);
  std::vector<bool> taken(classes.size(), false);
  for (const ClassWeightSpec& entry : spec.given) {
    const std::string where = fmt::format("training.class_weights (line {})", entry.line);
    const auto k = find_class(classes, entry.label);
    if (!k) {
      return Error{ErrorCode::invalid,
                   fmt::format("{}: there is no class {}{}", where, shown(entry.label),
                               instead_of(entry.label, classes, "classes"))};
    }
    if (taken[*k]) {
      return Error{ErrorCode::invalid,
                   fmt::format("{}: the class {} has a weight already; remove one", where,
                               shown(classes[*k]))};
    }
    taken[*k] = true;
    weights[*k] = entry.weight;
  }
  return weights;
}

}  // namespace

Result<std::optional<ExampleWeights>> weigh(const Spec& spec, const TrainingExamples& examples) {
  const ClassWeightsSpec& by_class = spec.class_weights;
  if (examples.weights.empty() && by_class.kind == ClassWeighting::none) {
    return std::optional<ExampleWeights>();
  }
  ExampleWeights weights;
  weights.has_own = !examples.weights.empty();
  if (by_class.kind == ClassWeighting::balanced) weights.classes = balanced(examples);
  if (by_class.kind == ClassWeighting::given) {
    auto of_classes = given(by_class, examples.classes);
    if (!of_classes) return of_classes.error();
    weights.classes = *std::move(of_classes);
  }
  double total = 0.0;
  for (std::size_t i = 0; i < examples.labels.size(); ++i) {
    const double of_class = weights.classes.empty()
                                ? 1.0
                                : weights.classes[static_cast<std::size_t>(examples.labels[i])];
    total += own_weight(examples, i) * of_class;
  }
  if (total <= 0.0) {
    return Error{ErrorCode::invalid,
                 fmt::format("{}: expected a training example that weighs more than 0, saw none; "
                             "give them other weights",
                             by_class.kind == ClassWeighting::given ? "training.class_weights"
                                                                    : "data.weight")};
  }
  weights.scale = static_cast<double>(examples.labels.size()) / total;
  return std::optional(std::move(weights));
}

}  // namespace ballast
