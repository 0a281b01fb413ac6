#pragma once

// Server-side optimizers: one update of a row or a dense block from its reduced gradient.
// Everything that is the same for the whole step (learning rate, bias corrections, scale) is
// computed once by commit and handed in, so every copy of a partition does the same arithmetic
// (R4).
//
// Sparse rows are updated only when their key is present in the step's gradient ("lazy": moments of
// absent rows do not decay), with the global step in Adam's bias correction.
//
// FTRL's weight is a function of its z and n, which start at 0, so the paper knows no initial
// weight but 0. A weight that a table's initializer made gets, at its first update, the z of which
// it is the image under n = 0: it stays where it is until a gradient moves it. (Where ftrl_beta and
// l2 are both 0 there is none, and the weight starts from 0.)
//
// The arithmetic per weight is vectorized and has one result at every vector width, at every place
// in a block or row.
//
// Pure and reentrant.

#include <cstdint>
#include <span>

#include "common/job/spec.h"

namespace ballast {

// The part of a commit that arithmetic sees.
struct UpdateScalars {
  float scale = 1.0F;  // Applied to the gradient first: 1 / examples, times the clip factor.
  float learning_rate = 0.0F;     // After the schedule.
  float bias_correction1 = 1.0F;  // Adam: 1 - beta1^t
  float bias_correction2 = 1.0F;  // Adam: 1 - beta2^t
};

// How many floats of state each weight has: sgd 0 or 1, adagrad 1, rmsprop 1 or 2, adam 2, ftrl 2.
[[nodiscard]] std::uint32_t slots(const OptimizerSpec& optimizer);

// The value a fresh slot starts from.
[[nodiscard]] float initial_slot(const OptimizerSpec& optimizer, std::uint32_t slot);

// weights_out = update(weights, gradient, state). `state` holds slots() arrays of the same length
// one after another and is updated in place; weights_out may be weights. `decays` is the table's:
// false keeps l1, l2 and weight decay away unless the spec's decay_bias is set.
// REQUIRES: all lengths fit.
void apply_update(const OptimizerSpec& optimizer, const UpdateScalars& scalars, bool decays,
                  std::span<const float> gradient, std::span<const float> weights,
                  std::span<float> weights_out, std::span<float> state);

}  // namespace ballast
