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

bool is_multiclass(LossKind kind) { return kind == LossKind::cross_entropy; }

bool is_binary(LossKind kind) { return kind == LossKind::binary_cross_entropy; }

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

// A loss of one output; `prediction` is the probability for the binary one.
double single_loss(const Loss& loss, float z, float y) {
  switch (loss.kind) {
    case LossKind::binary_cross_entropy:
      return binary_loss(z, y);
    case LossKind::mean_squared_error:
      return squared_loss(z, y);
    case LossKind::huber:
      return huber_loss(z, y, loss.huber_delta);
    case LossKind::cross_entropy:
      break;
  }
  BALLAST_CHECK(false && "cross-entropy has one output per class");
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
    case LossKind::cross_entropy:
      break;
  }
  BALLAST_CHECK(false && "cross-entropy has one output per class");
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
    return multiclass_row(z, class_of(label, static_cast<std::uint32_t>(z.size())), gradient);
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
      if (counts) row = log_sum - double{z[class_of(labels[r], outputs.width)]};
    } else {
      p[0] = is_binary(loss.kind) ? probability(z[0]) : z[0];
      if (counts) row = single_loss(loss, z[0], labels[r]);
    }
    if (counts) total += weights.empty() ? row : weights[r] * row;
  }
  return total;
}

}  // namespace ballast
