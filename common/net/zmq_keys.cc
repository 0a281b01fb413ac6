#include <zmq.h>

#include <array>

#include "common/net/keys.h"

namespace ballast {
namespace {

constexpr std::size_t kKeyCharacters = 40;

Error no_curve(const char* what) {
  return {ErrorCode::unsupported, std::string("cannot ") + what + ": " + zmq_strerror(zmq_errno()) +
                                      "; expected a ZeroMQ built with CURVE (libsodium)"};
}

}  // namespace

Result<KeyPair> make_key_pair() {
  std::array<char, kKeyCharacters + 1> public_key{};
  std::array<char, kKeyCharacters + 1> secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) return no_curve("make keys");
  return KeyPair{public_key.data(), secret_key.data()};
}

Result<KeyBytes> key_bytes(std::string_view key) {
  KeyBytes bytes{};
  const std::string text(key);  // Zero-terminated.
  if (text.size() != kKeyCharacters || zmq_z85_decode(bytes.data(), text.c_str()) == nullptr) {
    return Error{ErrorCode::invalid, "expected a key of 40 characters of Z85"};
  }
  return bytes;
}

Result<std::string> public_key_of(const std::string& secret) {
  std::array<char, kKeyCharacters + 1> key{};
  if (zmq_curve_public(key.data(), secret.c_str()) != 0) return no_curve("use keys");
  return std::string(key.data());
}

}  // namespace ballast
