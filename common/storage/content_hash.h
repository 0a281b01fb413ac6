#pragma once

// The hash by which stored files are named and checked: XXH3-128, in 32 lower-case hexadecimal
// digits. It guards against damage, not against an adversary; SHA-256 (common/base/sha256.h) is
// for people to compare models by.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "common/base/result.h"

namespace ballast {

inline constexpr std::size_t kContentHashDigits = 32;

class ContentHash {
 public:
  ContentHash();
  ~ContentHash();
  ContentHash(const ContentHash&) = delete;
  ContentHash& operator=(const ContentHash&) = delete;

  void update(std::span<const std::byte> bytes);
  struct Digest {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
  };
  // Of everything so far; more may follow.
  [[nodiscard]] Digest digest() const;
  [[nodiscard]] std::string digits() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] std::string content_hash(std::span<const std::byte> bytes);
[[nodiscard]] Result<std::string> content_hash_of_file(const std::string& path);

}  // namespace ballast
