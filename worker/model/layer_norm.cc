// Layer normalization (Ba, Kiros, Hinton 2016): each row is shifted and scaled to mean 0 and
// variance 1 (the biased one), then y = x' * (1 + gain) + bias. It stands in for batch
// normalization, whose statistics depend on how a batch is split.
//
// Backward, with g = dy * (1 + gain) and means over a row:
//   dx = (g - mean(g) - x' * mean(g * x')) / deviation

#include <algorithm>

#include "common/math/kernels.h"
#include "worker/model/layer.h"

namespace ballast {
namespace {

class LayerNorm final : public Layer {
 public:
  LayerNorm(const ChainLayer& spec, const LayerOptions& options)
      : spec_(spec),
        epsilon_(spec.epsilon),
        count_(static_cast<float>(spec.inputs)),
        normal_(options.rows, spec.inputs),
        inverse_(options.rows),
        gain_(spec.inputs),
        scratch_(spec.inputs) {}

  void forward(const Pass& pass, Matrix in, Matrix out) override {
    load_gain(pass);
    const std::span<const float> bias = pass.dense(*spec_.bias);
    for (std::uint32_t r = 0; r < pass.examples; ++r) {
      normalize(r, in.row(r));
      const std::span<const float> normal = normal_.view().row(r);
      const std::span<float> y = out.row(r);
      for (std::size_t i = 0; i < y.size(); ++i) y[i] = normal[i] * gain_[i] + bias[i];
    }
  }

  void backward(const Pass& pass, Matrix, Matrix, Matrix out_gradient, Matrix in_gradient,
                Gradient& gradient) override {
    const std::span<float> gain_gradient = gradient.tables[index(*spec_.weight)].values;
    const std::span<float> bias_gradient = gradient.tables[index(*spec_.bias)].values;
    std::fill(gain_gradient.begin(), gain_gradient.end(), 0.0F);
    std::fill(bias_gradient.begin(), bias_gradient.end(), 0.0F);
    for (std::uint32_t r = 0; r < pass.examples; ++r) {
      const std::span<const float> dy = out_gradient.row(r);
      const std::span<const float> normal = normal_.view().row(r);
      accumulate(bias_gradient, dy);
      for (std::size_t i = 0; i < dy.size(); ++i) gain_gradient[i] += dy[i] * normal[i];
      if (!in_gradient.empty()) backward_row(dy, normal, inverse_[r], in_gradient.row(r));
    }
  }

  // A row's gradient is read completely before it is written.
  [[nodiscard]] bool works_in_place() const override { return true; }

 private:
  void load_gain(const Pass& pass) {
    const std::span<const float> gain = pass.dense(*spec_.weight);
    for (std::size_t i = 0; i < gain_.size(); ++i) gain_[i] = 1.0F + gain[i];
  }

  void normalize(std::uint32_t r, std::span<const float> x) {
    const std::span<float> normal = normal_.view().row(r);
    const float mean = sum(x) / count_;
    for (std::size_t i = 0; i < x.size(); ++i) normal[i] = x[i] - mean;
    const float variance = dot(normal, normal) / count_ + epsilon_;
    rsqrt({&variance, 1}, {&inverse_[r], 1});
    scale(normal, inverse_[r]);
  }

  void backward_row(std::span<const float> dy, std::span<const float> normal, float inverse,
                    std::span<float> dx) {
    for (std::size_t i = 0; i < dy.size(); ++i) scratch_[i] = dy[i] * gain_[i];
    const float mean = sum(scratch_) / count_;
    const float mean_along = dot(scratch_, normal) / count_;
    for (std::size_t i = 0; i < dx.size(); ++i) {
      dx[i] = (scratch_[i] - mean - normal[i] * mean_along) * inverse;
    }
  }

  const ChainLayer spec_;
  const float epsilon_;
  const float count_;
  Workspace normal_;              // x'
  AlignedVector<float> inverse_;  // 1 / deviation, by row
  AlignedVector<float> gain_;     // 1 + gain
  AlignedVector<float> scratch_;
};

}  // namespace

std::unique_ptr<Layer> make_layer_norm(const ChainLayer& spec, const LayerOptions& options) {
  return std::make_unique<LayerNorm>(spec, options);
}

}  // namespace ballast
