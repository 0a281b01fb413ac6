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

LossSums multiclass_loss_and_gradient(Matrix outputs, std::span<const float> labels,
                                      Matrix gradient) {
  LossSums sums;
  for (std::uint32_t r = 0; r < labels.size(); ++r) {
    const std::span<const float> z = outputs.row(r);
    const std::uint32_t y = class_of(labels[r], outputs.width);
    const double log_sum = softmax(z, gradient.row(r));
    sums.loss += log_sum - double{z[y]};
    sums.correct += likeliest(z) == y ? 1 : 0;
    gradient.row(r)[y] -= 1.0F;
  }
  return sums;
}

}  // namespace

LossSums loss_and_gradient(const Loss& loss, Matrix outputs, std::span<const float> labels,
                           Matrix gradient) {
  BALLAST_CHECK(labels.size() <= outputs.rows);
  if (loss.kind == LossKind::cross_entropy) {
    return multiclass_loss_and_gradient(outputs, labels, gradient);
  }
  BALLAST_CHECK(outputs.width == 1);
  LossSums sums;
  for (std::uint32_t r = 0; r < labels.size(); ++r) {
    const float z = outputs.row(r)[0];
    const float y = labels[r];
    sums.loss += single_loss(loss, z, y);
    gradient.row(r)[0] = single_gradient(loss, z, y);
    if (loss.kind == LossKind::binary_cross_entropy) {
      sums.correct += (z > 0.0F) == (class_of(y, 2) == 1) ? 1 : 0;
    }
  }
  return sums;
}

double loss_and_predictions(const Loss& loss, Matrix outputs, std::span<const float> labels,
                            std::span<float> predictions) {
  const std::size_t width = outputs.width;
  BALLAST_CHECK(predictions.size() == labels.size() * width);
  double total = 0.0;
  for (std::uint32_t r = 0; r < labels.size(); ++r) {
    const std::span<const float> z = outputs.row(r);
    const std::span<float> p = predictions.subspan(r * width, width);
    const bool labeled = !std::isnan(labels[r]);
    if (loss.kind == LossKind::cross_entropy) {
      const double log_sum = softmax(z, p);
      if (labeled) total += log_sum - double{z[class_of(labels[r], outputs.width)]};
      continue;
    }
    p[0] = loss.kind == LossKind::binary_cross_entropy ? probability(z[0]) : z[0];
    if (labeled) total += single_loss(loss, z[0], labels[r]);
  }
  return total;
}

}  // namespace ballast
