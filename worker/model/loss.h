#pragma once

// Losses: from outputs and labels to the summed loss, its gradient, and predictions. Everything is
// per row and in row order; losses are computed and summed in float64. In formulas z is an output
// (a logit), y the label, p the probability.
//
//   cross_entropy         log(sum of exp(z)) - z[y]             gradient p - onehot(y)
//   binary_cross_entropy  max(z, 0) - z*y + log(1 + exp(-|z|))  gradient p - y
//   mean_squared_error    (z - y)^2                             gradient 2 * (z - y)
//   huber, d = delta      r = z - y: r^2 / 2 up to |r| = d,     gradient r, d or -d
//                         d * (|r| - d / 2) beyond
//   focal (Lin et al. 2017), g = gamma, a = alpha; q the probability of all classes but y:
//                         -a[y] * q^g * log(1 - q)              gradient of z[y]  -c
//                                                               of another z[k]   c * p[k] / q
//                         c = a[y] * q^g * (q - g * (1 - q) * log(1 - q))
//   binary_focal          the same with classes 0 and 1; z is the output of class 1, the other's 0

#include <cstdint>
#include <span>
#include <vector>

#include "common/job/spec.h"
#include "worker/model/matrix.h"

namespace ballast {

// The classification losses: over one output per class, or over one output for two classes.
[[nodiscard]] constexpr bool is_multiclass(LossKind kind) {
  return kind == LossKind::cross_entropy || kind == LossKind::focal;
}
[[nodiscard]] constexpr bool is_binary(LossKind kind) {
  return kind == LossKind::binary_cross_entropy || kind == LossKind::binary_focal;
}

struct Loss {
  LossKind kind = LossKind::cross_entropy;
  float huber_delta = 1.0F;
  double focal_gamma = 2.0;
  std::vector<double> focal_alpha = {};  // By class; empty: 1 for each.
};

struct LossSums {
  double loss = 0.0;
  std::uint64_t correct = 0;  // Classification: the likeliest class is the label.
};

// What rows are compared with, and how much each counts: its loss and gradient are multiplied by
// its weight, and a row of weight 0 adds nothing, whatever its outputs. No weights: 1 for each.
struct Targets {
  std::span<const float> labels;
  std::span<const float> weights = {};
};

// Over the first labels.size() rows; writes those rows of `gradient`, of the summed loss.
// REQUIRES: class labels are whole and below the number of classes; as many weights, or none.
[[nodiscard]] LossSums loss_and_gradient(const Loss& loss, Matrix outputs, const Targets& targets,
                                         Matrix gradient);

// Writes the predictions (Engine::predict) of the first labels.size() rows, row after row.
// Returns the summed loss of the rows whose label is not NaN, each times its weight, if there are
// any.
[[nodiscard]] double loss_and_predictions(const Loss& loss, Matrix outputs,
                                          std::span<const float> labels,
                                          std::span<const double> weights,
                                          std::span<float> predictions);

}  // namespace ballast
