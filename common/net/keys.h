#pragma once

// CURVE key pairs (CurveZMQ, ZeroMQ RFC 26): what encrypts and authenticates links.

#include <string>

#include "common/base/result.h"

namespace ballast {

struct KeyPair {
  std::string public_key;  // 40 characters of Z85, as ZeroMQ takes them
  std::string secret_key;
};

// A fresh pair. unsupported: the ZeroMQ at hand was built without CURVE.
[[nodiscard]] Result<KeyPair> make_key_pair();

}  // namespace ballast
