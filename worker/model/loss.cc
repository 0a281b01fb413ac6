#include "worker/model/loss.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"
#include "common/math/kernels.h"

namespace ballast {
namespace {

std::uint32_t class_of(float label, std::uint32_t classes) {
  // The data set was checked against the schema when it was prepared.
  BALLAST_CHECK(label >= 0.0F && label < static_cast<float>(classes));
  return static_cast<std::uint32_t>(label);
}

// p = softmax(z). Returns log(sum(exp(z))).
double softmax(std::span<const float> z, std::span<float> p) {
  const float shift = max(z);
  for (std::size_t k = 0; k < z.size(); ++k) p[k] = z[k] - shift;
  exp(p, p);
  const float total = sum(p);
  for (float& value : p) value /= total;
  return double{shift} + log_double(double{total});
}

std::uint32_t likeliest(std::span<const float> z) {
  return static_cast<std::uint32_t>(std::max_element(z.begin(), z.end()) - z.begin());
}

float probability(float z) {
  float p = 0.0F;
  sigmoid({&z, 1}, {&p, 1});
  return p;
}

double binary_loss(double z, double y) {
  return std::max(z, 0.0) - z * y + log_double(1.0 + exp_double(-std::abs(z)));
}

double squared_loss(double z, double y) { return (z - y) * (z - y); }

double huber_loss(double z, double y, double delta) {
  const double r = std::abs(z - y);
  return r <= delta ? 0.5 * r * r : delta * (r - 0.5 * delta);
}

// log(1 + exp(x))
double softplus(double x) { return std::max(x, 0.0) + log_double(1.0 + exp_double(-std::abs(x))); }

struct FocalTerms {
  double loss = 0.0;
  double slope = 0.0;  // c of loss.h
};

// From the logarithms of q, the probability of all classes but the example's own, and of 1 - q.
FocalTerms focal_terms(const Loss& loss, std::uint32_t y, double log_q, double log_rest) {
  const double alpha = loss.focal_alpha.empty() ? 1.0 : loss.focal_alpha[y];
  const double power = alpha * exp_double(loss.focal_gamma * log_q);
  const double slope = exp_double(log_q) - loss.focal_gamma * exp_double(log_rest) * log_rest;
  return {.loss = -power * log_rest, .slope = power * slope};
}

FocalTerms binary_focal(const Loss& loss, float z, float label) {
  const std::uint32_t y = class_of(label, 2);
  const double margin = y == 1 ? double{z} : -double{z};
  return focal_terms(loss, y, -softplus(margin), -softplus(-margin));
}

// The gradient is written where there is room for it.
double focal_row(const Loss& loss, std::span<const float> z, std::uint32_t y,
                 std::span<float> gradient) {
  const double shift = double{max(z)};
  double others = 0.0;
  for (std::uint32_t k = 0; k < z.size(); ++k) {
    if (k != y) others += exp_double(double{z[k]} - shift);
  }
  const double log_sum = log_double(others + exp_double(double{z[y]} - shift));
  // Of q = 0 there is no logarithm, nor a loss, nor a slope.
  const bool is_sure = others == 0.0;
  FocalTerms terms;
  if (!is_sure) {
    terms = focal_terms(loss, y, log_double(others) - log_sum, double{z[y]} - shift - log_sum);
  }
  for (std::uint32_t k = 0; k < gradient.size(); ++k) {
    double share = is_sure ? 0.0 : exp_double(double{z[k]} - shift) / others;
    if (k == y) share = -1.0;
    gradient[k] = static_cast<float>(terms.slope * share);
  }
  return terms.loss;
}

// A loss of one output; `prediction` is the probability for the binary one.
double single_loss(const Loss& loss, float z, float y) {
  switch (loss.kind) {
    case LossKind::binary_cross_entropy:
      return binary_loss(z, y);
    case LossKind::mean_squared_error:
      return squared_loss(z, y);
    case LossKind::huber:
      return huber_loss(z, y, loss.huber_delta);
    case LossKind::binary_focal:
      return binary_focal(loss, z, y).loss;
    case LossKind::cross_entropy:
    case LossKind::focal:
      break;
  }
  BALLAST_CHECK(false && "this loss has one output per class");
  return 0.0;
}

float single_gradient(const Loss& loss, float z, float y) {
  switch (loss.kind) {
    case LossKind::binary_cross_entropy:
      return probability(z) - y;
    case LossKind::mean_squared_error:
      return 2.0F * (z - y);
    case LossKind::huber:
      return std::clamp(z - y, -loss.huber_delta, loss.huber_delta);
    case LossKind::binary_focal: {
      const double slope = binary_focal(loss, z, y).slope;
      return static_cast<float>(y == 1.0F ? -slope : slope);
    }
    case LossKind::cross_entropy:
    case LossKind::focal:
      break;
  }
  BALLAST_CHECK(false && "this loss has one output per class");
  return 0.0F;
}

// Of one row; writes its gradient.
double multiclass_row(std::span<const float> z, std::uint32_t y, std::span<float> gradient) {
  const double log_sum = softmax(z, gradient);
  gradient[y] -= 1.0F;
  return log_sum - double{z[y]};
}

double row_loss_and_gradient(const Loss& loss, std::span<const float> z, float label,
                             std::span<float> gradient) {
  if (is_multiclass(loss.kind)) {
    const std::uint32_t y = class_of(label, static_cast<std::uint32_t>(z.size()));
    return loss.kind == LossKind::focal ? focal_row(loss, z, y, gradient)
                                        : multiclass_row(z, y, gradient);
  }
  gradient[0] = single_gradient(loss, z[0], label);
  return single_loss(loss, z[0], label);
}

bool is_right(const Loss& loss, std::span<const float> z, float label) {
  if (is_multiclass(loss.kind)) {
    return likeliest(z) == class_of(label, static_cast<std::uint32_t>(z.size()));
  }
  return is_binary(loss.kind) && (z[0] > 0.0F) == (class_of(label, 2) == 1);
}

}  // namespace

LossSums loss_and_gradient(const Loss& loss, Matrix outputs, const Targets& targets,
                           Matrix gradient) {
  const std::span<const float> labels = targets.labels;
  const std::span<const float> weights = targets.weights;
  BALLAST_CHECK(labels.size() <= outputs.rows);
  BALLAST_CHECK(weights.empty() || weights.size() == labels.size());
  BALLAST_CHECK(is_multiclass(loss.kind) || outputs.width == 1);
  LossSums sums;
  for (std::uint32_t r = 0; r < labels.size(); ++r) {
    const std::span<const float> z = outputs.row(r);
    const std::span<float> of_row = gradient.row(r).first(z.size());
    const double row = row_loss_and_gradient(loss, z, labels[r], of_row);
    sums.correct += is_right(loss, z, labels[r]) ? 1 : 0;
    if (weights.empty()) {
      sums.loss += row;
    } else if (weights[r] > 0.0F) {
      sums.loss += double{weights[r]} * row;
      for (float& value : of_row) value *= weights[r];
    } else {
      std::fill(of_row.begin(), of_row.end(), 0.0F);  // 0 times infinity would be no number.
    }
  }
  return sums;
}

double loss_and_predictions(const Loss& loss, Matrix outputs, std::span<const float> labels,
                            std::span<const double> weights, std::span<float> predictions) {
  const std::size_t width = outputs.width;
  BALLAST_CHECK(predictions.size() == labels.size() * width);
  BALLAST_CHECK(weights.empty() || weights.size() == labels.size());
  double total = 0.0;
  for (std::uint32_t r = 0; r < labels.size(); ++r) {
    const std::span<const float> z = outputs.row(r);
    const std::span<float> p = predictions.subspan(r * width, width);
    const bool counts = !std::isnan(labels[r]) && (weights.empty() || weights[r] > 0.0);
    double row = 0.0;
    if (is_multiclass(loss.kind)) {
      const double log_sum = softmax(z, p);
      if (counts) {
        const std::uint32_t y = class_of(labels[r], outputs.width);
        row = loss.kind == LossKind::focal ? focal_row(loss, z, y, {}) : log_sum - double{z[y]};
      }
    } else {
      p[0] = is_binary(loss.kind) ? probability(z[0]) : z[0];
      if (counts) row = single_loss(loss, z[0], labels[r]);
    }
    if (counts) total += weights.empty() ? row : weights[r] * row;
  }
  return total;
}

}  // namespace ballast
