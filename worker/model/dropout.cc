// Inverted dropout: in training each unit is zeroed with probability `rate` and the others are
// divided by 1 - rate, so that prediction changes nothing. Unit (row, column) of a leaf reads
// random word row * width + column of the stream (seed, dropout, step, leaf and layer): the mask
// is the same on whatever worker the leaf is computed, and again when it is recomputed.

#include <algorithm>
#include <cmath>

#include "common/base/philox.h"
#include "common/math/kernels.h"
#include "worker/model/layer.h"

namespace ballast {
namespace {

class Dropout final : public Layer {
 public:
  Dropout(const ChainLayer& spec, const LayerOptions& options)
      : layer_(spec.position),
        // A word below the threshold drops its unit.
        threshold_(static_cast<std::uint64_t>(std::floor(double{spec.rate} * 0x1p32))),
        kept_(1.0F / (1.0F - spec.rate)),
        factors_(options.rows, spec.outputs) {}

  void forward(const Pass& pass, Matrix in, Matrix out) override {
    std::copy(in.block().begin(), in.block().end(), out.block().begin());
    if (pass.mode == Mode::prediction) return;
    draw(pass);
    multiply(out.block(pass.examples), factors_.view().block(pass.examples));
  }

  void backward(const Pass& pass, Matrix, Matrix, Matrix, Matrix gradient, Gradient&) override {
    if (gradient.empty()) return;
    multiply(gradient.block(pass.examples), factors_.view().block(pass.examples));
  }

  [[nodiscard]] bool works_in_place() const override { return true; }

 private:
  void draw(const Pass& pass) {
    const PhiloxStream random(pass.seed, Purpose::dropout, pass.step,
                              std::uint64_t{pass.leaf} << 32 | layer_);
    const Matrix factors = factors_.view();
    PhiloxBlock words{};
    std::uint64_t i = 0;
    for (std::uint32_t r = 0; r < pass.examples; ++r) {
      for (float& factor : factors.row(r)) {
        if (i % 4 == 0) words = random.block(static_cast<std::uint32_t>(i / 4));
        factor = words[i % 4] < threshold_ ? 0.0F : kept_;
        ++i;
      }
    }
  }

  const std::uint32_t layer_;
  const std::uint64_t threshold_;
  const float kept_;
  Workspace factors_;  // 0 or 1 / (1 - rate), as drawn by the last forward.
};

}  // namespace

std::unique_ptr<Layer> make_dropout(const ChainLayer& spec, const LayerOptions& options) {
  return std::make_unique<Dropout>(spec, options);
}

}  // namespace ballast
