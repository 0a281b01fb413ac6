#include "worker/model/architecture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/job/names.h"
#include "worker/model/loss.h"

namespace ballast {
namespace {

// Neither a server's block numbers nor sgemm's int should ever be near their limits.
constexpr std::uint64_t kTableFloatsMax = std::uint64_t{1} << 31;
constexpr std::uint32_t kWidthMax = std::uint32_t{1} << 20;

bool is_sparse(LayerKind kind) {
  return kind == LayerKind::embedding || kind == LayerKind::embedding_bag;
}

bool is_activation(LayerKind kind) {
  return kind == LayerKind::relu || kind == LayerKind::sigmoid || kind == LayerKind::tanh ||
         kind == LayerKind::gelu;
}

bool is_trained(LayerKind kind) {
  return is_sparse(kind) || kind == LayerKind::dense || kind == LayerKind::layer_norm;
}

bool classifies(LossKind loss) { return is_binary(loss) || is_multiclass(loss); }

Error invalid(std::string message) { return {ErrorCode::invalid, std::move(message)}; }

std::string listed(const std::vector<std::string>& names) {
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

std::string layer_name(const LayerSpec& layer, std::size_t position) {
  return layer.name.empty() ? fmt::format("{}_{}", name_of(layer.kind), position) : layer.name;
}

// Every message about a layer begins alike, so that it can be found in the spec.
Error layer_error(const LayerSpec& layer, std::size_t position, const std::string& message) {
  const std::string line = layer.line == 0 ? "" : fmt::format("line {}, ", layer.line);
  return invalid(fmt::format("model.layers: {}layer {} ({}): {}", line, layer_name(layer, position),
                             name_of(layer.kind), message));
}

// How wide the uniform (or how large the deviation of the normal) is, before initial_scale.
double natural_bound(Initializer initializer, double fan_in, double fan_out) {
  switch (initializer) {
    case Initializer::zeros:
      return 0.0;
    case Initializer::uniform_fan_in:
      return 1.0 / std::sqrt(fan_in);
    case Initializer::he_uniform:
      return std::sqrt(6.0 / fan_in);
    case Initializer::glorot_uniform:
      return std::sqrt(6.0 / (fan_in + fan_out));
    case Initializer::normal:
      return 1.0 / std::sqrt(fan_in);
  }
  return 0.0;
}

class Resolver {
 public:
  Resolver(const Spec& spec, const DataSchema& schema) : spec_(spec), schema_(schema) {
    result_.dense_features = static_cast<std::uint32_t>(schema.dense.size());
    result_.loss = spec.model.loss;
    result_.huber_delta = static_cast<float>(spec.model.huber_delta);
  }

  Result<Architecture> run() {
    if (Status status = check_loss(); !status) return status.error();
    Status status = spec_.model.kind == ModelKind::layers ? resolve_layers() : resolve_linear();
    if (!status) return status.error();
    for (const TableSpec& table : result_.tables) {
      if (floats_of(table) > kTableFloatsMax) {
        return invalid(fmt::format(
            "model: table {} would have {} numbers, at most {} are possible; choose smaller widths",
            table.name, floats_of(table), kTableFloatsMax));
      }
    }
    return std::move(result_);
  }

 private:
  // ---- loss and outputs -------------------------------------------------------------------------

  Status check_loss() {
    const LossKind loss = spec_.model.loss;
    const std::size_t classes = schema_.classes.size();
    if (!classifies(loss)) {
      if (classes > 0) {
        return invalid(
            fmt::format("model.loss: {} needs numbers as labels, but the data's labels are {} "
                        "classes ({} ...); "
                        "use cross_entropy or binary_cross_entropy",
                        name_of(loss), classes, schema_.classes.front()));
      }
      if (loss == LossKind::huber &&
          !(spec_.model.huber_delta > 0.0 && std::isfinite(spec_.model.huber_delta))) {
        return invalid(fmt::format("model.huber_delta: expected a positive number, got {}",
                                   spec_.model.huber_delta));
      }
      result_.outputs = 1;
      return {};
    }
    if (classes < 2) {
      return invalid(fmt::format(
          "model.loss: {} needs labels of at least 2 classes, but the data has {}; use "
          "mean_squared_error or huber for numbers, or check data.label and data.classes",
          name_of(loss), classes));
    }
    if (is_binary(loss) && classes != 2) {
      return invalid(fmt::format(
          "model.loss: {} needs labels of 2 classes, but the data has {}; use "
          "{} (model kind softmax, or a last layer of width {})",
          name_of(loss), classes,
          name_of(loss == LossKind::binary_focal ? LossKind::focal : LossKind::cross_entropy),
          classes));
    }
    result_.outputs = is_binary(loss) ? 1 : static_cast<std::uint32_t>(classes);
    return resolve_focal();
  }

  // One weight per class, or none.
  Status resolve_focal() {
    const ModelSpec& model = spec_.model;
    result_.focal_gamma = model.focal_gamma;
    if (model.focal_alpha.empty()) return {};
    if (model.loss == LossKind::binary_focal) {
      result_.focal_alpha = {1.0 - model.focal_alpha.front(), model.focal_alpha.front()};
    }
    if (model.loss == LossKind::focal) {
      if (model.focal_alpha.size() != schema_.classes.size()) {
        return invalid(fmt::format(
            "model.loss.focal.alpha: expected a number for each of the {} classes, got {}",
            schema_.classes.size(), model.focal_alpha.size()));
      }
      result_.focal_alpha = model.focal_alpha;
    }
    return {};
  }

  // ---- linear, logistic, softmax ----------------------------------------------------------------

  Status check_linear_loss() const {
    const ModelKind kind = spec_.model.kind;
    const LossKind loss = spec_.model.loss;
    const bool fits = kind == ModelKind::linear     ? !classifies(loss)
                      : kind == ModelKind::logistic ? is_binary(loss)
                                                    : is_multiclass(loss);
    if (fits) return {};
    const char* right = kind == ModelKind::linear     ? "mean_squared_error or huber"
                        : kind == ModelKind::logistic ? "binary_cross_entropy or binary_focal"
                                                      : "cross_entropy or focal";
    return invalid(fmt::format("model.loss: kind {} is trained with {}, not with {}", name_of(kind),
                               right, name_of(loss)));
  }

  Status resolve_linear() {
    if (Status status = check_linear_loss(); !status) return status;
    const std::string name(name_of(spec_.model.kind));
    const std::uint32_t outputs = result_.outputs;
    if (schema_.dense.empty() && schema_.sparse_groups.empty()) {
      return invalid("model: the data has no features; check `features` and data.columns");
    }

    ChainLayer head{.kind = LayerKind::dense, .name = name, .outputs = outputs};
    if (result_.dense_features > 0) {
      head.weight = add_dense_table(name + ".weight", {result_.dense_features, outputs},
                                    Initializer::zeros, 0.0, Decay::applies);
    }
    if (!schema_.sparse_groups.empty()) {
      const TableId rows = add_sparse_table(name + ".rows", outputs, Initializer::zeros, 0.0);
      result_.sparse.push_back(
          {.name = name, .table = rows, .width = outputs, .combine = Combine::sum});
      for (std::uint32_t group = 0; group < schema_.sparse_groups.size(); ++group) {
        add_source(result_.sparse.back(), group, 0);
      }
      salt_keys(result_.sparse.back());
      result_.sparse.back().outputs = outputs;
      head.added = outputs;
    }
    if (spec_.model.bias) {
      head.bias = add_dense_table(name + ".bias", {outputs}, Initializer::zeros, 0.0, Decay::none);
    }
    head.inputs = result_.dense_features + head.added;
    result_.chain.push_back(std::move(head));
    return {};
  }

  // ---- a list of layers -------------------------------------------------------------------------

  Status resolve_layers() {
    const std::vector<LayerSpec>& layers = spec_.model.layers;
    if (layers.empty()) {
      return invalid("model.layers: expected at least one layer, got an empty list");
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (Status status = check_layer(i); !status) return status;
      if (!is_sparse(layers[i].kind)) continue;
      if (Status status = resolve_sparse(i); !status) return status;
    }
    if (Status status = check_every_group_is_read(); !status) return status;

    std::uint32_t width = result_.dense_features;
    for (const SparseLayer& layer : result_.sparse) width += layer.outputs;
    if (width == 0) {
      return invalid(
          "model.layers: the first layer has no input: the data has no dense features and no "
          "embedding or embedding_bag is listed; check `features` and data.columns");
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (is_sparse(layers[i].kind)) continue;
      width = add_chain_layer(i, width);
    }
    return check_end(width);
  }

  Status check_layer(std::size_t i) {
    const LayerSpec& layer = spec_.model.layers[i];
    const std::vector<LayerSpec>& layers = spec_.model.layers;
    const auto refuse = [&](const std::string& message) { return layer_error(layer, i, message); };
    for (std::size_t j = 0; j < i; ++j) {
      if (layer_name(layers[j], j) == layer_name(layer, i)) {
        return refuse("another layer has the same name; names must differ");
      }
    }
    if (is_sparse(layer.kind) && i > 0 && !is_sparse(layers[i - 1].kind)) {
      return refuse(fmt::format("reads sparse groups and must stand before layer {} ({})",
                                layer_name(layers[i - 1], i - 1), name_of(layers[i - 1].kind)));
    }
    if ((is_sparse(layer.kind) || layer.kind == LayerKind::dense) && layer.width == 0) {
      return refuse("expected a width of at least 1, got 0");
    }
    if (layer.width > kWidthMax) {
      return refuse(fmt::format("expected a width of at most {}, got {}", kWidthMax, layer.width));
    }
    if (layer.kind == LayerKind::dropout && !(layer.rate >= 0.0 && layer.rate < 1.0)) {
      return refuse(fmt::format("expected a rate in [0, 1), got {}", layer.rate));
    }
    if (layer.kind == LayerKind::layer_norm &&
        !(layer.epsilon > 0.0 && std::isfinite(layer.epsilon))) {
      return refuse(fmt::format("expected a positive epsilon, got {}", layer.epsilon));
    }
    if (!(layer.initial_scale >= 0.0 && std::isfinite(layer.initial_scale))) {
      return refuse(
          fmt::format("expected an initial_scale of at least 0, got {}", layer.initial_scale));
    }
    if (!is_sparse(layer.kind) && !layer.features.empty()) {
      return refuse("only embedding and embedding_bag read `features`; remove it");
    }
    return {};
  }

  Status resolve_sparse(std::size_t i) {
    const LayerSpec& layer = spec_.model.layers[i];
    if (schema_.sparse_groups.empty()) {
      return layer_error(layer, i,
                         "the data has no sparse group to read; make one with tokenize, hash or "
                         "bucketize, or remove the layer");
    }
    SparseLayer sparse{
        .name = layer_name(layer, i),
        .width = layer.width,
        .combine = layer.kind == LayerKind::embedding_bag ? layer.combine : Combine::sum};
    const std::vector<std::string>& names =
        layer.features.empty() ? schema_.sparse_groups : layer.features;
    for (const std::string& name : names) {
      const std::optional<std::uint32_t> group = group_named(name);
      if (!group) return unknown_group(i, name);
      for (const SparseLayer::Source& source : sparse.sources) {
        if (source.group != *group) continue;
        return layer_error(layer, i, fmt::format("lists the sparse group \"{}\" twice", name));
      }
      const bool concatenates = layer.kind == LayerKind::embedding;
      add_source(sparse, *group, concatenates ? sparse.outputs : 0);
      sparse.outputs = concatenates ? sparse.outputs + layer.width : layer.width;
    }
    salt_keys(sparse);
    const double bound = layer.initializer
                             ? natural_bound(*layer.initializer, layer.width, layer.width)
                             : 1.0 / layer.width;
    sparse.table = add_sparse_table(sparse.name + ".rows", layer.width,
                                    layer.initializer.value_or(Initializer::uniform_fan_in),
                                    bound * layer.initial_scale);
    result_.sparse.push_back(std::move(sparse));
    return {};
  }

  std::optional<std::uint32_t> group_named(const std::string& name) const {
    const auto& groups = schema_.sparse_groups;
    const auto found = std::find(groups.begin(), groups.end(), name);
    if (found == groups.end()) return std::nullopt;
    return static_cast<std::uint32_t>(found - groups.begin());
  }

  Error unknown_group(std::size_t i, const std::string& name) const {
    const LayerSpec& layer = spec_.model.layers[i];
    const auto& dense = schema_.dense;
    if (std::find(dense.begin(), dense.end(), name) != dense.end()) {
      return layer_error(layer, i,
                         fmt::format("\"{}\" is a dense feature, which reaches the first layer "
                                     "anyway; only sparse groups can be listed (there are: {})",
                                     name, listed(schema_.sparse_groups)));
    }
    return layer_error(layer, i,
                       fmt::format("there is no sparse group \"{}\"; the data has: {}", name,
                                   listed(schema_.sparse_groups)));
  }

  Status check_every_group_is_read() const {
    for (std::uint32_t group = 0; group < schema_.sparse_groups.size(); ++group) {
      const bool read =
          std::any_of(result_.sparse.begin(), result_.sparse.end(), [&](const SparseLayer& layer) {
            return std::any_of(layer.sources.begin(), layer.sources.end(),
                               [&](const auto& source) { return source.group == group; });
          });
      if (read) continue;
      return invalid(fmt::format(
          "model.layers: no layer reads the sparse group \"{}\"; add an embedding_bag or embedding "
          "with `features: [{}]`, or give the column the type skip",
          schema_.sparse_groups[group], schema_.sparse_groups[group]));
    }
    return {};
  }

  // Returns the width that the next layer reads.
  std::uint32_t add_chain_layer(std::size_t i, std::uint32_t inputs) {
    const LayerSpec& layer = spec_.model.layers[i];
    ChainLayer link{.kind = layer.kind,
                    .name = layer_name(layer, i),
                    .position = static_cast<std::uint32_t>(i),
                    .inputs = inputs,
                    .outputs = inputs,
                    .rate = static_cast<float>(layer.rate),
                    .epsilon = static_cast<float>(layer.epsilon)};
    if (layer.kind == LayerKind::dense) {
      link.outputs = layer.width;
      add_dense_tables(layer, link);
    } else if (layer.kind == LayerKind::layer_norm) {
      link.weight =
          add_dense_table(link.name + ".gain", {inputs}, Initializer::zeros, 0.0, Decay::none);
      link.bias =
          add_dense_table(link.name + ".bias", {inputs}, Initializer::zeros, 0.0, Decay::none);
    }
    result_.chain.push_back(std::move(link));
    return result_.chain.back().outputs;
  }

  void add_dense_tables(const LayerSpec& layer, ChainLayer& link) {
    const Initializer initializer = layer.initializer.value_or(Initializer::uniform_fan_in);
    const double bound =
        natural_bound(initializer, link.inputs, link.outputs) * layer.initial_scale;
    link.weight = add_dense_table(link.name + ".weight", {link.inputs, link.outputs}, initializer,
                                  bound, Decay::applies);
    if (!layer.bias) return;
    const bool like_weight = initializer == Initializer::uniform_fan_in;
    link.bias = add_dense_table(link.name + ".bias", {link.outputs},
                                like_weight ? initializer : Initializer::zeros,
                                like_weight ? bound : 0.0, Decay::none);
  }

  Status check_end(std::uint32_t width) {
    const std::vector<LayerSpec>& layers = spec_.model.layers;
    const std::size_t last = layers.size() - 1;
    const LayerSpec& end = layers[last];
    if (std::none_of(layers.begin(), layers.end(),
                     [](const LayerSpec& layer) { return is_trained(layer.kind); })) {
      return invalid(
          "model.layers: no layer has anything to train; add a dense layer or an embedding");
    }
    if (end.kind == LayerKind::dropout) {
      return layer_error(end, last, "dropout cannot be the last layer; end with a dense layer");
    }
    if (classifies(spec_.model.loss) && is_activation(end.kind)) {
      return layer_error(end, last,
                         fmt::format("{} applies its own function to the outputs; remove the "
                                     "activation and end with a dense layer of width {}",
                                     name_of(spec_.model.loss), result_.outputs));
    }
    if (width != result_.outputs) {
      return layer_error(end, last,
                         fmt::format("the last layer gives {} numbers per example, but {}{} takes "
                                     "{}; end with a dense layer of width {}",
                                     width, name_of(spec_.model.loss), classes_suffix(),
                                     result_.outputs, result_.outputs));
    }
    // Only sparse layers were listed: what they give is the output itself, passed on unchanged.
    if (result_.chain.empty()) {
      result_.chain.push_back({.kind = LayerKind::dense,
                               .name = "output",
                               .inputs = width,
                               .outputs = width,
                               .added = width});
    }
    return {};
  }

  std::string classes_suffix() const {
    return is_multiclass(spec_.model.loss) ? fmt::format(" over {} classes", schema_.classes.size())
                                           : "";
  }

  // ---- tables -----------------------------------------------------------------------------------

  enum class Decay { none, applies };

  TableId add_dense_table(std::string name, std::vector<std::uint32_t> shape,
                          Initializer initializer, double bound, Decay decay) {
    return add_table({.name = std::move(name),
                      .kind = TableKind::dense,
                      .shape = std::move(shape),
                      .initializer = initializer,
                      .initial_bound = static_cast<float>(bound),
                      .decays = decay == Decay::applies});
  }

  TableId add_sparse_table(std::string name, std::uint32_t width, Initializer initializer,
                           double bound) {
    return add_table({.name = std::move(name),
                      .kind = TableKind::sparse,
                      .shape = {width},
                      .initializer = initializer,
                      .initial_bound = static_cast<float>(bound),
                      .decays = true});
  }

  TableId add_table(TableSpec table) {
    table.id = TableId{static_cast<std::uint32_t>(result_.tables.size())};
    result_.tables.push_back(std::move(table));
    return result_.tables.back().id;
  }

  static void add_source(SparseLayer& layer, std::uint32_t group, std::uint32_t column) {
    layer.sources.push_back({.group = group, .column = column, .salt = 0});
  }

  // A table of one group keeps the group's own keys, which people may want to look up.
  static void salt_keys(SparseLayer& layer) {
    if (layer.sources.size() < 2) return;
    for (std::size_t i = 0; i < layer.sources.size(); ++i) layer.sources[i].salt = i + 1;
  }

  const Spec& spec_;
  const DataSchema& schema_;
  Architecture result_;
};

}  // namespace

Result<Architecture> resolve(const Spec& spec, const DataSchema& schema) {
  return Resolver(spec, schema).run();
}

}  // namespace ballast
