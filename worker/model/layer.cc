#include "worker/model/layer.h"

namespace ballast {

std::unique_ptr<Layer> make_layer(const ChainLayer& spec, const LayerOptions& options) {
  switch (spec.kind) {
    case LayerKind::dense:
      return make_dense(spec, options);
    case LayerKind::relu:
      return make_relu();
    case LayerKind::sigmoid:
      return make_sigmoid();
    case LayerKind::tanh:
      return make_tanh();
    case LayerKind::gelu:
      return make_gelu(spec, options);
    case LayerKind::dropout:
      return make_dropout(spec, options);
    case LayerKind::layer_norm:
      return make_layer_norm(spec, options);
    case LayerKind::embedding:
    case LayerKind::embedding_bag:
      break;
  }
  BALLAST_CHECK(false && "sparse layers are not part of the chain");
  return nullptr;
}

}  // namespace ballast
