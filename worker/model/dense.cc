// y = x * W + b, and for linear models + the sums of their sparse rows.
//
// B rows, D multiplied inputs, H outputs. W is [D, H], so each of the three products has one form
// (NN, TN, NT) with m, n, k and strides fixed for the layer.

#include <algorithm>

#include "common/math/kernels.h"
#include "worker/model/layer.h"

namespace ballast {
namespace {

// Column sums over the rows that count, in row order.
void sum_rows(Matrix rows, std::uint32_t count, std::span<float> sum) {
  std::copy_n(rows.row(0).data(), sum.size(), sum.data());
  for (std::uint32_t r = 1; r < count; ++r) accumulate(sum, rows.row(r));
}

class Dense final : public Layer {
 public:
  Dense(const ChainLayer& spec, const LayerOptions& options)
      : spec_(spec),
        blas_(options.blas),
        multiplied_(spec.inputs - spec.added),
        gradient_from_(std::min(options.gradient_from, spec.inputs)) {}

  void forward(const Pass& pass, Matrix in, Matrix out) override {
    if (spec_.weight) {
      // [B, H] = [B, D] * [D, H]
      blas_.sgemm({.form = Form::nn,
                   .m = in.rows,
                   .n = out.width,
                   .k = multiplied_,
                   .lda = in.stride,
                   .ldb = out.width,
                   .ldc = out.stride},
                  in.values, pass.dense(*spec_.weight).data(), out.values);
    } else {
      std::fill(out.block().begin(), out.block().end(), 0.0F);
    }
    for (std::uint32_t r = 0; r < pass.examples; ++r) {
      if (spec_.added > 0) accumulate(out.row(r), in.row(r).subspan(multiplied_));
      if (spec_.bias) accumulate(out.row(r), pass.dense(*spec_.bias));
    }
  }

  void backward(const Pass& pass, Matrix in, Matrix out, Matrix out_gradient, Matrix in_gradient,
                Gradient& gradient) override {
    if (spec_.bias) {
      sum_rows(out_gradient, pass.examples, gradient.tables[index(*spec_.bias)].values);
    }
    if (spec_.weight) {
      // [D, H] = [B, D]^T * [B, H]
      blas_.sgemm({.form = Form::tn,
                   .m = multiplied_,
                   .n = out.width,
                   .k = in.rows,
                   .lda = in.stride,
                   .ldb = out_gradient.stride,
                   .ldc = out.width},
                  in.values, out_gradient.values,
                  gradient.tables[index(*spec_.weight)].values.data());
    }
    if (in_gradient.empty()) return;
    if (gradient_from_ < multiplied_) {
      // [B, D'] = [B, H] * [D', H]^T, D' the columns whose gradient is wanted
      blas_.sgemm({.form = Form::nt,
                   .m = in.rows,
                   .n = multiplied_ - gradient_from_,
                   .k = out.width,
                   .lda = out_gradient.stride,
                   .ldb = out.width,
                   .ldc = in_gradient.stride},
                  out_gradient.values,
                  pass.dense(*spec_.weight).data() + std::size_t{gradient_from_} * out.width,
                  in_gradient.values + gradient_from_);
    }
    if (spec_.added == 0) return;
    for (std::uint32_t r = 0; r < pass.examples; ++r) {
      std::copy_n(out_gradient.row(r).data(), spec_.added, in_gradient.row(r).data() + multiplied_);
    }
  }

 private:
  const ChainLayer spec_;
  const Blas& blas_;
  const std::uint32_t multiplied_;  // D
  const std::uint32_t gradient_from_;
};

}  // namespace

std::unique_ptr<Layer> make_dense(const ChainLayer& spec, const LayerOptions& options) {
  return std::make_unique<Dense>(spec, options);
}

}  // namespace ballast
