#include "cli/cache.h"

#include <cstdlib>

namespace ballast {

std::string default_cache() {
  if (const char* cache = std::getenv("BALLAST_CACHE"); cache != nullptr && *cache != '\0') {
    return cache;
  }
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') {
    return std::string(cache) + "/ballast";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return std::string(home) + "/.cache/ballast";
  }
  return ".ballast-cache";
}

}  // namespace ballast
