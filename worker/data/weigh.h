#pragma once

// How much each training example counts: its own weight (data.weight) times that of its class
// (training.class_weights), scaled so that the mean over the training examples is 1.
//
// The scale is one number for the whole run, known before its first step. So the gradient of a step
// is still a sum along the tree, divided by the count of its examples: nothing else would have to
// travel with it, a step whose examples all weigh 0 needs no rule, and light and heavy batches
// count as much as they should. Over an epoch the mean of the weighted loss is sum(w * l) / sum(w).

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/job/run.h"
#include "common/job/spec.h"

namespace ballast {

struct TrainingExamples {
  const std::vector<std::string>& classes;  // By index; empty for regression.
  std::span<const float> labels;
  std::span<const double> weights;  // Or none.
};

// Nothing where the spec weighs nothing. `balanced` gives class k the weight W / (K * W_k): W is
// the weight of all examples, W_k of those of class k, K the classes that have any
// (scikit-learn 1.7; without weights of their own n / (K * n_k)). An error names a class that is
// not there.
[[nodiscard]] Result<std::optional<ExampleWeights>> weigh(const Spec& spec,
                                                          const TrainingExamples& examples);

}  // namespace ballast
