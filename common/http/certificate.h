#pragma once

// A certificate that signs itself: enough for clients that are given it beforehand.

#include <span>
#include <string>

#include "common/base/result.h"

namespace ballast::http {

struct Certificate {
  std::string certificate;  // PEM, as the next one.
  std::string key;          // For the server, and for nobody else.
};

// For names and addresses, the first of which is its subject. invalid: none, or something that is
// neither.
[[nodiscard]] Result<Certificate> make_certificate(std::span<const std::string> hosts, int days);

}  // namespace ballast::http
