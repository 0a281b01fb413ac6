#pragma once

// "--set training.batch=128": one value of a spec replaced on the command line, before the spec is
// validated, so that a mistake there is told like any other.

#include <string>
#include <string_view>

#include "common/job/parse_problems.h"
#include "common/job/parse_yaml.h"

namespace ballast {

// `assignment` is "path=value": names and list positions joined by dots, the value as YAML. Missing
// mappings on the way are made; whether the names are known is validation's question. An empty
// value removes the field or the list's entry. "optimizer.learning_rate" means that of whichever
// optimizer the spec has.
void apply_override(std::string_view assignment, YamlNode& root, Problems& problems);

}  // namespace ballast
