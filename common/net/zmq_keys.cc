#include <zmq.h>

#include <array>

#include "common/net/keys.h"

namespace ballast {

Result<KeyPair> make_key_pair() {
  std::array<char, 41> public_key{};
  std::array<char, 41> secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    return Error{ErrorCode::unsupported, std::string("cannot make keys: ") +
                                             zmq_strerror(zmq_errno()) +
                                             "; expected a ZeroMQ built with CURVE (libsodium)"};
  }
  return KeyPair{public_key.data(), secret_key.data()};
}

}  // namespace ballast
