#include "common/job/parse.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "common/job/parse_override.h"
#include "common/job/parse_place.h"
#include "common/job/parse_sections.h"
#include "common/job/parse_yaml.h"
#include "common/job/text.h"

namespace ballast {
namespace {

constexpr std::size_t kNameMax = 100;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

// The name becomes part of paths and of metrics' labels.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax && name.front() != '.' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), is_name_character);
}

// "examples/adult/logistic.yaml" is called "logistic" unless it says otherwise.
std::string name_from(const std::string& file_name) {
  std::string name = std::filesystem::path(file_name).stem().string().substr(0, kNameMax);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !is_name_character(c); }, '-');
  return is_name(name) ? name : "job";
}

std::string directory_of(const std::string& file_name) {
  const std::string directory = std::filesystem::path(file_name).parent_path().string();
  return directory.empty() ? "." : directory;
}

void parse_name(const Place& root, Spec& out) {
  root.read("name", out.name);
  if (!root.has("name") || !root.at("name").is(YamlNode::Kind::scalar) || is_name(out.name)) return;
  root.at("name").complain_expected(
      fmt::format("a name of letters, digits, '.', '_' and '-', at most {} of them, that starts "
                  "with none of '.' and '-'",
                  kNameMax));
}

void parse_root(const Place& root, const Problems& problems, Spec& out) {
  root.check_fields();
  parse_name(root, out);
  root.read("seed", WholeRange{}, out.seed);
  if (root.require("data", "write where the examples are, as data: {train: PATH, label: COLUMN}")) {
    parse_data(root.at("data"), out.data);
  }
  if (root.has("features")) {
    // Which columns there are is not known when data could not be read; the rest can be checked.
    const DataSpec unknown;
    parse_features(root.at("features"), problems.empty() ? out.data : unknown, out.features);
  }
  if (root.require("model", "write linear, logistic, softmax, or {layers: [...], loss: ...}")) {
    parse_model(root.at("model"), out.model);
  }
  if (root.has("optimizer")) parse_optimizer(root.at("optimizer"), out.optimizer);
  if (root.has("training")) {
    parse_training(root.at("training"), out.training);
    parse_class_weights(root.at("training"), out.class_weights);
  }
  if (root.has("checkpoint")) parse_checkpoint(root.at("checkpoint"), out.checkpoint);
  if (root.has("cluster")) parse_cluster(root.at("cluster"), out.cluster);
  if (root.has("cross_validation")) {
    parse_cross_validation(root.at("cross_validation"), out.model.task,
                           out.cross_validation.emplace());
  }
  if (root.has("search")) {
    const CrossValidationSpec outer =
        out.cross_validation.value_or(default_cross_validation(out.model.task));
    parse_search(root.at("search"), out.model.task, outer, out.search.emplace());
  }
  if (root.has("job")) parse_job(root.at("job"), out.job);
  if (problems.empty()) check_spec(root, out);
}

// A spec without a name gets one, first of all fields, so that the source says it too.
void add_name(YamlNode& root, const std::string& file_name) {
  if (root.find("name") != nullptr) return;
  YamlNode name;
  name.kind = YamlNode::Kind::scalar;
  name.text = name_from(file_name);
  root.keys.insert(root.keys.begin(), {"name", root.mark});
  root.items.insert(root.items.begin(), std::move(name));
}

// The document as a mapping with the overrides in it; nothing, with a problem, if it cannot be.
std::optional<YamlNode> effective_yaml(std::string_view yaml, const std::string& file_name,
                                       std::span<const std::string> overrides, Problems& problems) {
  std::optional<YamlNode> root = read_yaml(yaml, 0, problems);
  if (!root) return std::nullopt;
  if (root->kind == YamlNode::Kind::null) {
    problems.add({}, "", "the spec is empty; it needs at least data and model, see docs/spec.md");
    return std::nullopt;
  }
  if (root->kind != YamlNode::Kind::mapping) {
    problems.add(root->mark, "",
                 fmt::format("expected the fields of a spec, such as data: and "
                             "model:, got {}",
                             described(*root)));
    return std::nullopt;
  }
  for (const std::string& assignment : overrides) apply_override(assignment, *root, problems);
  if (!problems.empty()) return std::nullopt;
  add_name(*root, file_name);
  return root;
}

}  // namespace

Result<Spec> parse_spec(std::string_view yaml, const std::string& file_name,
                        std::span<const std::string> overrides) {
  Problems problems(file_name);
  const std::optional<YamlNode> root = effective_yaml(yaml, file_name, overrides, problems);
  if (!root) return problems.error();

  Spec spec;
  spec.directory = directory_of(file_name);
  spec.source = write_yaml(*root);
  parse_root(Place(*root, "", "", problems), problems, spec);
  if (!problems.empty()) return problems.error();
  return spec;
}

Result<Spec> load_spec(const std::string& path, std::span<const std::string> overrides) {
  std::error_code code;
  const std::filesystem::file_status status = std::filesystem::status(path, code);
  if (!std::filesystem::exists(status)) {
    return Error{ErrorCode::not_found,
                 fmt::format("{}: expected the file of a job spec, found no such file", path)};
  }
  if (std::filesystem::is_directory(status)) {
    return Error{ErrorCode::invalid,
                 fmt::format("{}: expected the file of a job spec, got a folder", path)};
  }
  std::ifstream file(path, std::ios::binary);
  const std::string yaml{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file || file.bad()) {
    return Error{ErrorCode::io,
                 fmt::format("{}: the spec cannot be read; check its permissions", path)};
  }
  Result<Spec> spec = parse_spec(yaml, path, overrides);
  if (!spec) return spec;
  const std::filesystem::path absolute = std::filesystem::absolute(path, code);
  if (code) return Error{ErrorCode::io, fmt::format("{}: {}", path, code.message())};
  spec->directory = absolute.lexically_normal().parent_path().string();
  return spec;
}

}  // namespace ballast
