#pragma once

// Why a link does not come about, as far as ZeroMQ's handshake shows, in sentences that say what to
// look at. Each side knows only half of it.

#include <string>

#include "common/base/ids.h"
#include "common/net/keys.h"

namespace ballast {

enum class Refusal {
  not_admitted,       // The listener does not know the caller's key.
  keys_on_one_side,   // One uses keys, the other does not.
  wrong_secret,       // What came cannot be opened with our keys.
  another_protocol,   // What came is no handshake of ours.
  unreadable_keys,    // Not of a link: our files have changed, and cannot be read.
  ended_without_word  // The other side closes again and again, and does not say why.
};

// `keys`: of this process, null when it has none.
[[nodiscard]] std::string refused_by_listener(Refusal why, MemberId listener,
                                              const std::string& endpoint, const LinkKeys* keys);
[[nodiscard]] std::string refused_caller(Refusal why, const LinkKeys* keys);

}  // namespace ballast
