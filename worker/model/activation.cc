// The elementwise functions, their gradients in place (d: dy on the way in, dx on the way out).
// Unowned columns go through with the rest: it costs less than leaving them out.

#include <algorithm>

#include "common/math/kernels.h"
#include "worker/model/layer.h"

namespace ballast {
namespace {

class Relu final : public Layer {
 public:
  void forward(const Pass&, Matrix in, Matrix out) override {
    const auto x = in.block();
    const auto y = out.block();
    // Written so that NaN stays NaN and is seen at the loss (R3).
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] < 0.0F ? 0.0F : x[i];
  }

  void backward(const Pass&, Matrix, Matrix out, Matrix, Matrix gradient, Gradient&) override {
    if (gradient.empty()) return;
    const auto y = out.block();
    const auto d = gradient.block();
    for (std::size_t i = 0; i < y.size(); ++i) d[i] = y[i] > 0.0F ? d[i] : 0.0F;
  }

  [[nodiscard]] bool works_in_place() const override { return true; }
};

class Sigmoid final : public Layer {
 public:
  void forward(const Pass&, Matrix in, Matrix out) override { sigmoid(in.block(), out.block()); }

  void backward(const Pass&, Matrix, Matrix out, Matrix, Matrix gradient, Gradient&) override {
    if (gradient.empty()) return;
    const auto y = out.block();
    const auto d = gradient.block();
    for (std::size_t i = 0; i < y.size(); ++i) d[i] *= (y[i] * (1.0F - y[i]));
  }

  [[nodiscard]] bool works_in_place() const override { return true; }
};

class Tanh final : public Layer {
 public:
  void forward(const Pass&, Matrix in, Matrix out) override { tanh(in.block(), out.block()); }

  void backward(const Pass&, Matrix, Matrix out, Matrix, Matrix gradient, Gradient&) override {
    if (gradient.empty()) return;
    const auto y = out.block();
    const auto d = gradient.block();
    for (std::size_t i = 0; i < y.size(); ++i) d[i] *= (1.0F - y[i] * y[i]);
  }

  [[nodiscard]] bool works_in_place() const override { return true; }
};

// y = x * P(x), P the distribution function of the standard normal: (1 + erf(x / sqrt(2))) / 2.
// dy/dx = P(x) + x * p(x), p its density.
class Gelu final : public Layer {
 public:
  Gelu(const ChainLayer& spec, const LayerOptions& options)
      : probability_(options.rows, spec.outputs), scratch_(options.rows, spec.outputs) {}

  void forward(const Pass&, Matrix in, Matrix out) override {
    const auto x = in.block();
    const auto y = out.block();
    const auto p = probability_.view().block();
    std::copy(x.begin(), x.end(), p.begin());
    scale(p, kSqrtHalf);
    erf(p, p);
    for (std::size_t i = 0; i < x.size(); ++i) {
      p[i] = 0.5F + 0.5F * p[i];
      y[i] = x[i] * p[i];
    }
  }

  void backward(const Pass&, Matrix in, Matrix, Matrix, Matrix gradient, Gradient&) override {
    if (gradient.empty()) return;
    const auto x = in.block();
    const auto p = probability_.view().block();
    const auto density = scratch_.view().block();
    for (std::size_t i = 0; i < x.size(); ++i) density[i] = -0.5F * (x[i] * x[i]);
    exp(density, density);
    const auto d = gradient.block();
    for (std::size_t i = 0; i < x.size(); ++i) {
      d[i] *= (p[i] + x[i] * (kInverseSqrtTwoPi * density[i]));
    }
  }

  [[nodiscard]] bool works_in_place() const override { return true; }

 private:
  static constexpr float kSqrtHalf = 0.70710678F;
  static constexpr float kInverseSqrtTwoPi = 0.39894228F;

  Workspace probability_;
  Workspace scratch_;
};

}  // namespace

std::unique_ptr<Layer> make_relu() { return std::make_unique<Relu>(); }
std::unique_ptr<Layer> make_sigmoid() { return std::make_unique<Sigmoid>(); }
std::unique_ptr<Layer> make_tanh() { return std::make_unique<Tanh>(); }
std::unique_ptr<Layer> make_gelu(const ChainLayer& spec, const LayerOptions& options) {
  return std::make_unique<Gelu>(spec, options);
}

}  // namespace ballast
