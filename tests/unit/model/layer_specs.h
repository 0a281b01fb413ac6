#pragma once

// Entries of `model.layers`, written short.

#include <string>
#include <utility>
#include <vector>

#include "common/job/spec.h"

namespace ballast::test {

inline LayerSpec layer(LayerKind kind) {
  LayerSpec spec;
  spec.kind = kind;
  return spec;
}

inline LayerSpec dense(std::uint32_t width) {
  LayerSpec spec = layer(LayerKind::dense);
  spec.width = width;
  return spec;
}

inline LayerSpec dropout(double rate) {
  LayerSpec spec = layer(LayerKind::dropout);
  spec.rate = rate;
  return spec;
}

inline LayerSpec layer_norm(double epsilon = 1e-5) {
  LayerSpec spec = layer(LayerKind::layer_norm);
  spec.epsilon = epsilon;
  return spec;
}

inline LayerSpec embedding(std::uint32_t width, std::vector<std::string> groups = {}) {
  LayerSpec spec = layer(LayerKind::embedding);
  spec.width = width;
  spec.features = std::move(groups);
  return spec;
}

inline LayerSpec bag(std::uint32_t width, std::vector<std::string> groups = {},
                     Combine combine = Combine::mean) {
  LayerSpec spec = layer(LayerKind::embedding_bag);
  spec.width = width;
  spec.features = std::move(groups);
  spec.combine = combine;
  return spec;
}

inline LayerSpec relu() { return layer(LayerKind::relu); }
inline LayerSpec sigmoid() { return layer(LayerKind::sigmoid); }
inline LayerSpec tanh() { return layer(LayerKind::tanh); }
inline LayerSpec gelu() { return layer(LayerKind::gelu); }

inline LayerSpec at_line(std::uint32_t line, LayerSpec spec) {
  spec.line = line;
  return spec;
}

inline LayerSpec named(std::string name, LayerSpec spec) {
  spec.name = std::move(name);
  return spec;
}

}  // namespace ballast::test
