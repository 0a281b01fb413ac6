// The forms are PyTorch's where PyTorch has the optimizer (torch.optim, 2.x), so that its users
// find their results again; FTRL-Proximal is that of McMahan et al., "Ad click prediction: a view
// from the trenches", KDD 2013, algorithm 1. The arithmetic itself is in common/math/kernel_body.h.

#include "paramserver/optimizer.h"

#include <cmath>

#include "common/base/check.h"
#include "common/math/kernel_table.h"

namespace ballast {
namespace {

UpdateCommon common_of(const OptimizerSpec& optimizer, const UpdateScalars& scalars, bool decays) {
  return {.scale = scalars.scale,
          .learning_rate = scalars.learning_rate,
          .l2 = decays ? static_cast<float>(optimizer.l2) : 0.0F};
}

// v = momentum v + g; w -= lr v. Nesterov: w -= lr (g + momentum v). Dampening 0.
void update_sgd(const OptimizerSpec& optimizer, UpdateCommon common, const UpdateArrays& arrays) {
  const SgdUpdate update = {.common = common, .momentum = static_cast<float>(optimizer.momentum)};
  if (optimizer.momentum == 0.0) {
    kernels().sgd(update, arrays);
  } else if (optimizer.nesterov) {
    kernels().sgd_nesterov(update, arrays);
  } else {
    kernels().sgd_momentum(update, arrays);
  }
}

// n += g^2; w -= lr g / (sqrt(n) + epsilon).
void update_adagrad(const OptimizerSpec& optimizer, UpdateCommon common,
                    const UpdateArrays& arrays) {
  kernels().adagrad({.common = common, .epsilon = static_cast<float>(optimizer.epsilon)}, arrays);
}

// n = rho n + (1 - rho) g^2; w -= lr g / (sqrt(n) + epsilon). With momentum:
// v = momentum v + g / (sqrt(n) + epsilon); w -= lr v.
void update_rmsprop(const OptimizerSpec& optimizer, UpdateCommon common,
                    const UpdateArrays& arrays) {
  const RmspropUpdate update = {.common = common,
                                .rho = static_cast<float>(optimizer.rho),
                                .one_minus_rho = static_cast<float>(1.0 - optimizer.rho),
                                .epsilon = static_cast<float>(optimizer.epsilon),
                                .momentum = static_cast<float>(optimizer.momentum)};
  if (optimizer.momentum == 0.0) {
    kernels().rmsprop(update, arrays);
  } else {
    kernels().rmsprop_momentum(update, arrays);
  }
}

// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
// w -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + epsilon). AdamW first does w *= 1 - lr wd.
void update_adam(const OptimizerSpec& optimizer, const UpdateScalars& scalars, bool decays,
                 UpdateCommon common, const UpdateArrays& arrays) {
  const double decay = decays && optimizer.kind == OptimizerKind::adamw
                           ? double{scalars.learning_rate} * optimizer.weight_decay
                           : 0.0;
  kernels().adam({.common = common,
                  .beta1 = static_cast<float>(optimizer.beta1),
                  .one_minus_beta1 = static_cast<float>(1.0 - optimizer.beta1),
                  .beta2 = static_cast<float>(optimizer.beta2),
                  .one_minus_beta2 = static_cast<float>(1.0 - optimizer.beta2),
                  .epsilon = static_cast<float>(optimizer.epsilon),
                  .step_size = scalars.learning_rate / scalars.bias_correction1,
                  .sqrt_bias_correction2 = std::sqrt(scalars.bias_correction2),
                  .keep = static_cast<float>(1.0 - decay)},
                 arrays);
}

// s = (sqrt(n + g^2) - sqrt(n)) / alpha; z += g - s w; n += g^2; then
// w = 0 where |z| <= l1, else -(z - sgn(z) l1) / ((beta + sqrt(n)) / alpha + l2).
void update_ftrl(const OptimizerSpec& optimizer, bool decays, UpdateCommon common,
                 const UpdateArrays& arrays) {
  kernels().ftrl({.common = common,
                  .beta = static_cast<float>(optimizer.ftrl_beta),
                  .l1 = decays ? static_cast<float>(optimizer.l1) : 0.0F},
                 arrays);
}

}  // namespace

std::uint32_t slots(const OptimizerSpec& optimizer) {
  switch (optimizer.kind) {
    case OptimizerKind::sgd:
      return optimizer.momentum == 0.0 ? 0 : 1;
    case OptimizerKind::adagrad:
      return 1;
    case OptimizerKind::rmsprop:
      return optimizer.momentum == 0.0 ? 1 : 2;
    case OptimizerKind::adam:
    case OptimizerKind::adamw:
    case OptimizerKind::ftrl:
      return 2;
  }
  BALLAST_CHECK(false);
  return 0;
}

float initial_slot(const OptimizerSpec& optimizer, std::uint32_t slot) {
  BALLAST_CHECK(slot < slots(optimizer));
  return optimizer.kind == OptimizerKind::adagrad
             ? static_cast<float>(optimizer.initial_accumulator)
             : 0.0F;
}

void apply_update(const OptimizerSpec& optimizer, const UpdateScalars& scalars, bool decays,
                  std::span<const float> gradient, std::span<const float> weights,
                  std::span<float> weights_out, std::span<float> state) {
  BALLAST_CHECK(gradient.size() == weights.size() && weights_out.size() == weights.size());
  BALLAST_CHECK(state.size() == slots(optimizer) * weights.size());

  const bool decaying = decays || optimizer.decay_bias;
  const UpdateCommon common = common_of(optimizer, scalars, decaying);
  const UpdateArrays arrays = {.count = weights.size(),
                               .gradient = gradient.data(),
                               .weights = weights.data(),
                               .weights_out = weights_out.data(),
                               .state = state.data()};
  switch (optimizer.kind) {
    case OptimizerKind::sgd:
      return update_sgd(optimizer, common, arrays);
    case OptimizerKind::adagrad:
      return update_adagrad(optimizer, common, arrays);
    case OptimizerKind::rmsprop:
      return update_rmsprop(optimizer, common, arrays);
    case OptimizerKind::adam:
    case OptimizerKind::adamw:
      return update_adam(optimizer, scalars, decaying, common, arrays);
    case OptimizerKind::ftrl:
      return update_ftrl(optimizer, decaying, common, arrays);
  }
}

}  // namespace ballast
