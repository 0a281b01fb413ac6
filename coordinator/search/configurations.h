#pragma once

// What a search tries: configurations, each a value for every parameter, and the spec that it makes
// of the base spec.
//
// A grid is every combination of the listed values. A drawn value is a function of (seed,
// configuration, field) alone: another parameter changes no draw, and more configurations go on
// from those there are. Only exact or correctly rounded operations take part, so every machine
// draws the same text.
//
// Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"

namespace ballast {

struct Configuration {
  std::uint32_t id = 0;
  std::vector<std::string> values;  // By parameter of the search, as YAML.

  friend bool operator==(const Configuration&, const Configuration&) = default;
};

// Every combination in the order of the lists, the last parameter changing fastest.
// REQUIRES: every parameter is a choice, and there are at most kConfigurationsMax combinations.
[[nodiscard]] std::vector<Configuration> grid(const SearchSpec& search);

// The configuration of that id. Numbers have six digits, and stay within the range: one may be
// drawn at either end.
[[nodiscard]] Configuration drawn(const SearchSpec& search, std::uint64_t seed, std::uint32_t id);

// "field=value" for each parameter, as parse_spec takes them, those of whole sections before those
// of fields in them.
[[nodiscard]] std::vector<std::string> overrides_of(const SearchSpec& search,
                                                    const Configuration& configuration);

// The base spec with the configuration's values and without its search; what is wrong with it
// together is an error that names the configuration and its values.
// REQUIRES: base.search is set.
[[nodiscard]] Result<Spec> spec_of(const Spec& base, const Configuration& configuration);

// All configurations of a search, each tried as a spec: those of the grid, else `count` drawn ones.
// An error too when one predicts something else than the others (classes, a number).
// REQUIRES: spec.search is set; `count` is what the brackets (race.h) take.
[[nodiscard]] Result<std::vector<Configuration>> make_configurations(const Spec& spec,
                                                                     std::uint32_t count);

// How a parameter's values are best drawn on an axis. Lists of numbers are logarithmic when all are
// above 0 and the largest is at least 30 times the smallest.
enum class ParameterScale { category, linear, log };
[[nodiscard]] ParameterScale scale_of(const ParameterSpec& parameter);
[[nodiscard]] std::string_view name_of(ParameterScale scale);

}  // namespace ballast
