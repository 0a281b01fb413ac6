// Frames as a peer may send them (wire_frames.h). What decodes must come back the same when it is
// encoded again.

#include "common/base/check.h"
#include "common/wire/codec.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/wire_frames.h"
#include "tests/unit/wire/random_messages.h"

namespace ballast::fuzz {

BALLAST_FUZZ_TARGET(wire, bytes) {
  Input input(bytes);
  const auto message = wire::decode(frames_of(input));
  if (!message) return Verdict::refused;
  const auto again = wire::decode(wire::encode(*message));
  BALLAST_CHECK(again.has_value());
  BALLAST_CHECK(wire::same_message(*message, *again));
  return Verdict::accepted;
}

}  // namespace ballast::fuzz
