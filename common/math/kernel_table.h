#pragma once

// The table behind kernels.h and the optimizers: every vector kernel once per instruction set.
// kernel_body.h is compiled three times, with other compiler flags, into three constant tables;
// kernels() is the one that runs.
//
// Only plain types here: this header is read under -mavx512f, and an inline function of the
// standard library compiled so could be the copy that the linker keeps for everybody.

#include <cstddef>

namespace ballast {

// One optimizer step over `count` weights. `state` holds the optimizer's slots, `count` floats
// each, one after another. weights_out may be weights; nothing else may overlap.
struct UpdateArrays {
  std::size_t count;
  const float* gradient;
  const float* weights;
  float* weights_out;
  float* state;
};

// What every optimizer starts with: g = scale * gradient + l2 * w.
struct UpdateCommon {
  float scale;
  float learning_rate;
  float l2;
};

struct SgdUpdate {
  UpdateCommon common;
  float momentum;
};

struct AdagradUpdate {
  UpdateCommon common;
  float epsilon;
};

struct RmspropUpdate {
  UpdateCommon common;
  float rho;
  float one_minus_rho;
  float epsilon;
  float momentum;
};

struct AdamUpdate {
  UpdateCommon common;
  float beta1;
  float one_minus_beta1;
  float beta2;
  float one_minus_beta2;
  float epsilon;
  float step_size;              // learning rate / bias correction 1
  float sqrt_bias_correction2;  // sqrt(bias correction 2)
  float keep;                   // 1 - learning rate * decoupled weight decay
};

struct FtrlUpdate {
  UpdateCommon common;  // l2 is the proximal term here, not added to the gradient.
  float beta;
  float l1;
};

struct KernelTable {
  void (*add)(std::size_t n, const float* a, const float* b, float* out);
  void (*scale)(std::size_t n, float factor, float* x);
  void (*axpy)(std::size_t n, float a, const float* x, float* y);
  void (*multiply)(std::size_t n, const float* y, float* x);

  void (*exp)(std::size_t n, const float* x, float* out);
  void (*log)(std::size_t n, const float* x, float* out);
  void (*tanh)(std::size_t n, const float* x, float* out);
  void (*sigmoid)(std::size_t n, const float* x, float* out);
  void (*erf)(std::size_t n, const float* x, float* out);
  void (*rsqrt)(std::size_t n, const float* x, float* out);

  float (*sum)(std::size_t n, const float* x);
  float (*dot)(std::size_t n, const float* a, const float* b);
  float (*max)(std::size_t n, const float* x);
  double (*sum_of_squares)(std::size_t n, const float* x);
  int (*all_finite)(std::size_t n, const float* x);

  void (*sgd)(const SgdUpdate& update, const UpdateArrays& arrays);           // no slot
  void (*sgd_momentum)(const SgdUpdate& update, const UpdateArrays& arrays);  // velocity
  void (*sgd_nesterov)(const SgdUpdate& update, const UpdateArrays& arrays);  // velocity
  void (*adagrad)(const AdagradUpdate& update, const UpdateArrays& arrays);   // sum of squares
  void (*rmsprop)(const RmspropUpdate& update, const UpdateArrays& arrays);   // mean square
  // mean square, velocity
  void (*rmsprop_momentum)(const RmspropUpdate& update, const UpdateArrays& arrays);
  void (*adam)(const AdamUpdate& update, const UpdateArrays& arrays);  // first, second moment
  void (*ftrl)(const FtrlUpdate& update, const UpdateArrays& arrays);  // z, n
};

extern const KernelTable kPortableKernels;
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx512Kernels;

// The table of the chosen instruction set (kernels.h).
[[nodiscard]] const KernelTable& kernels();

}  // namespace ballast
