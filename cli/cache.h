#pragma once

// Where prepared data is kept unless somebody says otherwise.

#include <string>

namespace ballast {

// $BALLAST_CACHE, else $XDG_CACHE_HOME/ballast, else ~/.cache/ballast, else .ballast-cache.
[[nodiscard]] std::string default_cache();

}  // namespace ballast
