#pragma once

// SHA-256, by OpenSSL: the digest by which people compare models and by which data is fetched.

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "common/base/result.h"

namespace ballast {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(std::span<const std::byte> bytes);
  // 64 lower-case hexadecimal digits. REQUIRES: called once, last.
  [[nodiscard]] std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The digest of a file's bytes, as `sha256sum` prints it.
[[nodiscard]] Result<std::string> sha256_of_file(const std::string& path);

}  // namespace ballast
