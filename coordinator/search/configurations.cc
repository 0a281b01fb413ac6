#include "coordinator/search/configurations.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/philox.h"
#include "common/job/names.h"
#include "common/job/parse.h"

namespace ballast {
namespace {

constexpr int kDigits =
    6;  // Enough to tell values apart, short enough to be read and written down.
constexpr double kWideRatio = 30.0;

std::optional<double> number_of(std::string_view text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

template <class... Format>
std::string to_text(double value, Format... format) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value, format...);
  BALLAST_CHECK(error == std::errc());
  return {text.data(), end};
}

std::string rounded(double value, const ParameterSpec& parameter) {
  const std::string text = to_text(value, std::chars_format::general, kDigits);
  return to_text(std::clamp(*number_of(text), parameter.low, parameter.high));
}

// low * (high / low)^u for the binary fraction u = 0.word: each bit is a square root further.
// Unlike a power, a square root is rounded correctly everywhere.
double along_logarithm(double low, double high, std::uint32_t word) {
  double value = low;
  double factor = high / low;
  for (int bit = 31; bit >= 0; --bit) {
    factor = std::sqrt(factor);
    if ((word >> bit & 1U) != 0) value *= factor;
  }
  return value;
}

std::string drawn_value(const ParameterSpec& parameter, std::uint64_t seed, std::uint32_t id) {
  const PhiloxStream stream(seed, Purpose::search, id, hash_text(parameter.field));
  const std::uint64_t wide = std::uint64_t{stream.word(1)} << 32 | stream.word(0);
  switch (parameter.kind) {
    case ParameterKind::choice:
      return parameter.choices[std::uint64_t{stream.word(0)} * parameter.choices.size() >> 32];
    case ParameterKind::uniform: {
      const double u = static_cast<double>(wide >> 11) * 0x1p-53;
      return rounded(parameter.low + u * (parameter.high - parameter.low), parameter);
    }
    case ParameterKind::log_uniform:
      return rounded(along_logarithm(parameter.low, parameter.high, stream.word(0)), parameter);
    case ParameterKind::integer: {
      const auto low = static_cast<std::uint64_t>(parameter.low);
      const auto high = static_cast<std::uint64_t>(parameter.high);
      // The remainder favours small values by n parts in 2^64 for a range of n: nobody can see it.
      return std::to_string(low + wide % (high - low + 1));
    }
  }
  BALLAST_CHECK(false && "a kind without a meaning");
  return {};
}

std::string described(const SearchSpec& search, const Configuration& configuration) {
  std::string text;
  for (std::size_t i = 0; i < search.parameters.size(); ++i) {
    text += fmt::format("{}{}={}", i == 0 ? "" : ", ", search.parameters[i].field,
                        configuration.values[i]);
  }
  return text;
}

}  // namespace

std::vector<Configuration> grid(const SearchSpec& search) {
  std::vector<Configuration> configurations(1);
  for (const ParameterSpec& parameter : search.parameters) {
    BALLAST_CHECK(parameter.kind == ParameterKind::choice);
    BALLAST_CHECK(configurations.size() * parameter.choices.size() <= kConfigurationsMax);
    std::vector<Configuration> longer;
    for (const Configuration& configuration : configurations) {
      for (const std::string& choice : parameter.choices) {
        longer.push_back(configuration);
        longer.back().values.push_back(choice);
      }
    }
    configurations = std::move(longer);
  }
  for (std::uint32_t id = 0; id < configurations.size(); ++id) configurations[id].id = id;
  return configurations;
}

Configuration drawn(const SearchSpec& search, std::uint64_t seed, std::uint32_t id) {
  Configuration configuration;
  configuration.id = id;
  for (const ParameterSpec& parameter : search.parameters) {
    configuration.values.push_back(drawn_value(parameter, seed, id));
  }
  return configuration;
}

std::vector<std::string> overrides_of(const SearchSpec& search,
                                      const Configuration& configuration) {
  BALLAST_CHECK(configuration.values.size() == search.parameters.size());
  std::vector<std::pair<std::ptrdiff_t, std::string>> overrides;
  for (std::size_t i = 0; i < search.parameters.size(); ++i) {
    const std::string& field = search.parameters[i].field;
    overrides.emplace_back(std::count(field.begin(), field.end(), '.'),
                           fmt::format("{}={}", field, configuration.values[i]));
  }
  std::stable_sort(overrides.begin(), overrides.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> texts;
  for (auto& [depth, text] : overrides) texts.push_back(std::move(text));
  return texts;
}

Result<Spec> spec_of(const Spec& base, const Configuration& configuration) {
  BALLAST_CHECK(base.search.has_value());
  std::vector<std::string> overrides = overrides_of(*base.search, configuration);
  overrides.emplace_back("search=");
  Result<Spec> spec = parse_spec(base.source, "its spec", overrides);
  if (!spec) {
    return Error{
        spec.error().code,
        fmt::format("search.parameters: configuration {} ({}) cannot be: {}", configuration.id,
                    described(*base.search, configuration), spec.error().message)};
  }
  spec->directory = base.directory;
  return spec;
}

Result<std::vector<Configuration>> make_configurations(const Spec& spec, std::uint32_t count) {
  BALLAST_CHECK(spec.search.has_value());
  std::vector<Configuration> configurations;
  if (spec.search->method == SearchMethod::grid) {
    configurations = grid(*spec.search);
  } else {
    for (std::uint32_t id = 0; id < count; ++id) {
      configurations.push_back(drawn(*spec.search, spec.seed, id));
    }
  }
  for (const Configuration& configuration : configurations) {
    const Result<Spec> tried = spec_of(spec, configuration);
    if (!tried) return tried.error();
    if (tried->model.task == spec.model.task) continue;
    return Error{ErrorCode::invalid,
                 fmt::format("search.parameters: configuration {} ({}) makes it a task of kind {}, "
                             "and the spec is of kind {}; scores of the two cannot be compared",
                             configuration.id, described(*spec.search, configuration),
                             name_of(tried->model.task), name_of(spec.model.task))};
  }
  return configurations;
}

ParameterScale scale_of(const ParameterSpec& parameter) {
  if (parameter.kind == ParameterKind::log_uniform) return ParameterScale::log;
  if (parameter.kind != ParameterKind::choice) return ParameterScale::linear;
  double least = 0.0;
  double most = 0.0;
  for (std::size_t i = 0; i < parameter.choices.size(); ++i) {
    const auto value = number_of(parameter.choices[i]);
    if (!value) return ParameterScale::category;
    least = i == 0 ? *value : std::min(least, *value);
    most = i == 0 ? *value : std::max(most, *value);
  }
  const bool wide = least > 0.0 && most / least >= kWideRatio;
  return wide ? ParameterScale::log : ParameterScale::linear;
}

std::string_view name_of(ParameterScale scale) {
  switch (scale) {
    case ParameterScale::category:
      return "category";
    case ParameterScale::linear:
      return "linear";
    case ParameterScale::log:
      return "log";
  }
  return "";
}

}  // namespace ballast
