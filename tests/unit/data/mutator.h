#pragma once

// Changes, drops or doubles a few bytes of a text, as a seed says.

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/hash.h"

namespace ballast {

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : state_(seed) {}

  std::string operator()(std::string text, std::string_view favourites) {
    const std::uint64_t changes = 1 + next() % 4;
    for (std::uint64_t i = 0; i < changes && !text.empty(); ++i) {
      const std::size_t at = next() % text.size();
      const char favourite = favourites[next() % favourites.size()];
      switch (next() % 5) {
        case 0:
          text[at] = favourite;
          break;
        case 1:
          text.insert(at, 1, favourite);
          break;
        case 2:
          text.erase(at, 1 + next() % 3);
          break;
        case 3:
          text[at] = static_cast<char>(next());
          break;
        default:
          text.insert(at, text.substr(at, next() % 20));
          break;
      }
    }
    return text;
  }

 private:
  std::uint64_t next() { return state_ = mix(state_); }
  std::uint64_t state_;
};

}  // namespace ballast
