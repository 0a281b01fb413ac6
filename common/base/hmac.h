#pragma once

// HMAC with SHA-256 (RFC 2104), by OpenSSL: for signatures of requests.

#include <string>
#include <string_view>

namespace ballast {

// 32 bytes, as they are.
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view text);

}  // namespace ballast
