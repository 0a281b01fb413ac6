#include "coordinator/commit_json.h"

#include <nlohmann/json.hpp>

#include "common/job/json_text.h"

namespace ballast {
namespace {

using Json = nlohmann::ordered_json;

Json figures_json(const Figures& figures) {
  return {{"loss", figures.loss},
          {"examples", figures.examples},
          {"correct", figures.correct},
          {"nonfinite", figures.nonfinite}};
}

Figures figures_of(const Json& json) {
  return {json.at("loss").get<double>(), whole_number<std::uint64_t>(json.at("examples")),
          whole_number<std::uint64_t>(json.at("correct")),
          whole_number<std::uint64_t>(json.at("nonfinite"))};
}

}  // namespace

std::string commit_to_json(const Commit& c) {
  return json_text(Json{{"step", c.step},
                        {"skip", c.skip},
                        {"scale", c.scale},
                        {"learning_rate", c.learning_rate},
                        {"bias_correction1", c.bias_correction1},
                        {"bias_correction2", c.bias_correction2},
                        {"cut", c.cut},
                        {"last", c.last},
                        {"beta1_power", c.beta1_power},
                        {"beta2_power", c.beta2_power},
                        {"best", c.best},
                        {"has_best", c.has_best},
                        {"without_gain", c.without_gain},
                        {"figures", figures_json(c.figures)},
                        {"epoch", figures_json(c.epoch)},
                        {"gradient_norm", c.gradient_norm}});
}

Result<Commit> commit_from_json(const std::string& text) try {
  const Json json = parse_json<Json>(text);
  Commit c;
  c.step = whole_number<Step>(json.at("step"));
  c.skip = json.at("skip").get<bool>();
  c.scale = json.at("scale").get<float>();
  c.learning_rate = json.at("learning_rate").get<float>();
  c.bias_correction1 = json.at("bias_correction1").get<float>();
  c.bias_correction2 = json.at("bias_correction2").get<float>();
  c.cut = json.at("cut").get<bool>();
  c.last = json.at("last").get<bool>();
  c.beta1_power = json.at("beta1_power").get<double>();
  c.beta2_power = json.at("beta2_power").get<double>();
  c.best = json.at("best").get<double>();
  c.has_best = json.at("has_best").get<bool>();
  c.without_gain = whole_number<std::uint32_t>(json.at("without_gain"));
  c.figures = figures_of(json.at("figures"));
  c.epoch = figures_of(json.at("epoch"));
  c.gradient_norm = json.at("gradient_norm").get<double>();
  return c;
} catch (const nlohmann::json::exception& exception) {
  return Error{ErrorCode::corrupt,
               std::string("a commit that cannot be read: ") + exception.what()};
}

}  // namespace ballast
