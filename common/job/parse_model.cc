#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/job/parse_sections.h"

namespace ballast {
namespace {

// A row of a million numbers is a mistake in any model that an example can be computed through.
constexpr WholeRange kWidths{.low = 1, .high = 1U << 20};

bool is_embedding(LayerKind kind) {
  return kind == LayerKind::embedding || kind == LayerKind::embedding_bag;
}

bool has_tables(LayerKind kind) {
  return kind == LayerKind::dense || kind == LayerKind::layer_norm || is_embedding(kind);
}

// Names stand in front of a dot in table names, and in files.
bool is_table_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), allowed);
}

void parse_initializer(const Place& body, LayerSpec& out) {
  if (body.has("initializer")) out.initializer = body.at("initializer").choice<Initializer>();
  body.read("initial_scale", kNotNegative, out.initial_scale);
}

void parse_width(const Place& body, LayerSpec& out) {
  if (body.require("width", "write the number of outputs")) body.read("width", kWidths, out.width);
}

void parse_embedding(const Place& body, LayerSpec& out) {
  parse_width(body, out);
  parse_initializer(body, out);
  body.read("features", out.features);
  if (body.has("features") && out.features.empty()) {
    body.at("features").complain_expected("the names of sparse groups");
  }
}

void parse_layer_fields(const Place& body, LayerSpec& out) {
  switch (out.kind) {
    case LayerKind::dense:
      parse_width(body, out);
      parse_initializer(body, out);
      return body.read("bias", out.bias);
    case LayerKind::dropout:
      return body.read("rate", kBelowOne, out.rate);
    case LayerKind::layer_norm:
      return body.read("epsilon", kPositive, out.epsilon);
    case LayerKind::embedding_bag:
      body.read("combine", out.combine);
      return parse_embedding(body, out);
    case LayerKind::embedding:
      return parse_embedding(body, out);
    case LayerKind::relu:
    case LayerKind::sigmoid:
    case LayerKind::tanh:
    case LayerKind::gelu:
      return;
  }
}

void parse_layer_name(const Place& body, LayerSpec& out) {
  if (!body.has("name")) return;
  const Place place = body.at("name");
  const auto name = place.text();
  if (!name) return;
  out.name = *name;
  if (!is_table_name(*name)) {
    place.complain_expected("a name of letters, digits, _ and -");
  }
}

void check_unique(const Place& place, const std::vector<LayerSpec>& earlier,
                  const LayerSpec& layer) {
  for (const LayerSpec& other : earlier) {
    if (other.name != layer.name) continue;
    place.complain(
        fmt::format("another layer, in line {}, is called {} too; give one of them "
                    "another name",
                    other.line, in_quotes(layer.name)));
  }
}

// "{dense: 64}" is a width, "{dropout: 0.2}" a rate.
std::vector<std::string_view> short_layer_fields() {
  std::vector<std::string_view> fields;
  for (const EnumName<LayerKind>& entry : names_of<LayerKind>()) {
    fields.push_back(entry.value == LayerKind::dropout                              ? "rate"
                     : entry.value == LayerKind::dense || is_embedding(entry.value) ? "width"
                                                                                    : "");
  }
  return fields;
}

void parse_layer(const Place& place, std::size_t position, std::vector<LayerSpec>& out) {
  const auto variant = place.variant("a layer", words_of<LayerKind>(), short_layer_fields());
  if (!variant) return;
  LayerSpec layer;
  layer.kind = names_of<LayerKind>()[variant->choice].value;
  layer.line = place.node().mark.line;
  layer.name = fmt::format("{}_{}", name_of(layer.kind), position);
  const Place body = variant->place();
  if (!body.check_fields()) return;
  parse_layer_fields(body, layer);
  if (has_tables(layer.kind)) parse_layer_name(body, layer);
  check_unique(place, out, layer);

  const bool behind_another =
      std::any_of(out.begin(), out.end(), [](const LayerSpec& l) { return !is_embedding(l.kind); });
  if (is_embedding(layer.kind) && behind_another) {
    place.complain(
        fmt::format("{} reads the data, not another layer; move it in front of all "
                    "layers that are no embeddings",
                    name_of(layer.kind)));
  }
  out.push_back(std::move(layer));
}

Task task_of(LossKind loss) {
  switch (loss) {
    case LossKind::cross_entropy:
    case LossKind::focal:
      return Task::multiclass;
    case LossKind::binary_cross_entropy:
    case LossKind::binary_focal:
      return Task::binary;
    case LossKind::mean_squared_error:
    case LossKind::huber:
      return Task::regression;
  }
  return Task::multiclass;
}

bool is_activation(LayerKind kind) {
  return kind == LayerKind::relu || kind == LayerKind::sigmoid || kind == LayerKind::tanh ||
         kind == LayerKind::gelu;
}

void check_output_layer(const Place& layers, const ModelSpec& model) {
  const Place last = layers.item(layers.node().items.size() - 1);
  const LayerSpec& output = model.layers.back();
  const bool classifies = task_of(model.loss) != Task::regression;
  if (output.kind == LayerKind::dropout || (classifies && is_activation(output.kind))) {
    last.complain(fmt::format("the last layer gives the outputs and must be dense, got {}{}",
                              name_of(output.kind),
                              classifies ? "; the loss applies softmax or sigmoid itself" : ""));
    return;
  }
  if (output.width == 0) return;                // Told already.
  if (output.kind != LayerKind::dense) return;  // The model knows how wide it is.
  const bool by_class = task_of(model.loss) == Task::multiclass;
  if (by_class && output.width == 1) {
    last.complain(
        fmt::format("{} needs one output per class, got a last layer of width 1; write "
                    "the number of classes, or loss: {}",
                    name_of(model.loss),
                    name_of(model.loss == LossKind::focal ? LossKind::binary_focal
                                                          : LossKind::binary_cross_entropy)));
  }
  if (!by_class && output.width != 1) {
    last.complain(
        fmt::format("{} needs one output, got a last layer of width {}; write "
                    "{{dense: 1}}",
                    name_of(model.loss), output.width));
  }
}

void parse_layers(const Place& layers, ModelSpec& out) {
  if (!layers.is(YamlNode::Kind::list) || layers.node().items.empty()) {
    layers.complain_expected("a list of layers, each behind a dash, such as - {dense: 64}");
    return;
  }
  const std::size_t count = layers.node().items.size();
  for (std::size_t i = 0; i < count; ++i) parse_layer(layers.item(i), i, out.layers);
}

// Beyond this only the very worst examples count, and powers underflow.
constexpr NumberRange kGamma{0.0, 100.0, NumberRange::Ends::closed, "a number from 0 to 100"};

void parse_focal(const Place& body, ModelSpec& out) {
  body.read("gamma", kGamma, out.focal_gamma);
  if (!body.has("alpha")) return;
  const Place alpha = body.at("alpha");
  if (out.loss == LossKind::binary_focal) {
    if (const auto number = alpha.number(kFraction)) out.focal_alpha = {*number};
    return;
  }
  if (!alpha.is(YamlNode::Kind::list) || alpha.node().items.empty()) {
    alpha.complain_expected("a list with a number for each class, such as [0.2, 1, 1]");
    return;
  }
  for (std::size_t i = 0; i < alpha.node().items.size(); ++i) {
    if (const auto number = alpha.item(i).number(kPositive)) out.focal_alpha.push_back(*number);
  }
}

// False when it is there and wrong.
bool parse_loss(const Place& model, ModelSpec& out) {
  if (!model.has("loss")) return true;
  const auto variant = model.at("loss").variant("a loss", words_of<LossKind>(), {});
  if (!variant) return false;
  out.loss = names_of<LossKind>()[variant->choice].value;
  const Place body = variant->place();
  if (!body.check_fields()) return false;
  if (out.loss == LossKind::huber) body.read("delta", kPositive, out.huber_delta);
  if (out.loss == LossKind::focal || out.loss == LossKind::binary_focal) parse_focal(body, out);
  return true;
}

LossKind default_loss(ModelKind kind) {
  switch (kind) {
    case ModelKind::linear:
      return LossKind::mean_squared_error;
    case ModelKind::logistic:
      return LossKind::binary_cross_entropy;
    case ModelKind::softmax:
    case ModelKind::layers:
      return LossKind::cross_entropy;
  }
  return LossKind::cross_entropy;
}

void check_loss(const Place& model, const ModelSpec& out) {
  if (out.kind == ModelKind::layers || !model.has("loss")) return;
  if (task_of(out.loss) == task_of(default_loss(out.kind))) return;
  model.at("loss").complain(
      fmt::format("{} is trained with {}, got {}; change one of the two", name_of(out.kind),
                  out.kind == ModelKind::linear     ? "mean_squared_error or huber"
                  : out.kind == ModelKind::logistic ? "binary_cross_entropy or binary_focal"
                                                    : "cross_entropy or focal",
                  name_of(out.loss)));
}

// The kind is the one field that names a model. Nothing when there is none, or two.
std::optional<ModelKind> kind_of(const Place& model) {
  std::optional<ModelKind> kind;
  for (const EnumName<ModelKind>& entry : names_of<ModelKind>()) {
    if (!model.has(entry.name)) continue;
    if (kind) {
      model.at(entry.name)
          .complain(fmt::format("this is a second model beside {}; remove one", name_of(*kind)));
      return std::nullopt;
    }
    kind = entry.value;
  }
  if (!kind) model.complain_expected("a model: linear, logistic, softmax, or layers: [...]");
  return kind;
}

}  // namespace

void parse_model(const Place& model, ModelSpec& out) {
  if (model.is(YamlNode::Kind::scalar)) {
    const auto kind = model.choice<ModelKind>();
    if (!kind) return;
    if (*kind == ModelKind::layers) {
      model.complain_expected("the list of layers, as model: {layers: [...], loss: ...}");
    }
    out.kind = *kind;
    out.loss = default_loss(out.kind);
    out.task = task_of(out.loss);
    return;
  }
  if (!model.check_fields()) return;
  const auto kind = kind_of(model);
  if (!kind) return;
  out.kind = *kind;
  out.loss = default_loss(out.kind);
  const bool loss_read = parse_loss(model, out);
  if (loss_read) check_loss(model, out);
  out.task = task_of(out.loss);

  const Place body = model.at(name_of(out.kind));
  if (out.kind != ModelKind::layers) {
    if (body.check_fields()) body.read("bias", out.bias);
    return;
  }
  parse_layers(body, out);
  const bool loss_known =
      model.require("loss",
                    "write cross_entropy or focal for classes, binary_cross_entropy or "
                    "binary_focal for two classes, mean_squared_error or huber for numbers") &&
      loss_read;
  if (loss_known && out.layers.size() == body.node().items.size() && !out.layers.empty()) {
    check_output_layer(body, out);
  }
}

}  // namespace ballast
