#include "common/wire/messages.h"

#include <iterator>

namespace ballast::wire {

Body::Body() = default;
Body::Body(const Body& other) = default;
Body::Body(Body&& other) noexcept = default;
Body& Body::operator=(const Body& other) = default;
Body& Body::operator=(Body&& other) noexcept = default;
Body::~Body() = default;

const char* name_of(const Body& body) {
  static constexpr const char* kNames[] = {
      "Hello",     "Welcome",        "Refused",    "Ready",         "Rejoin",    "Heartbeat",
      "Goodbye",   "Released",       "Fault",      "Finish",        "Plan",      "Restore",
      "Restored",  "Pull",           "Values",     "Passed",        "Missing",   "Stale",
      "Push",      "Prepared",       "CommitStep", "CutDone",       "CutKnown",  "Evaluate",
      "Evaluated", "MalformedReply", "Lacking",    "PartitionCopy", "AskStatus", "StatusReport",
      "Late",      "Assist",         "Behind",     "Counted",       "Enlist",    "Orders",
      "Offer",     "Postings",       "AskFiles",   "Files"};
  static_assert(std::size(kNames) == std::variant_size_v<AnyMessage>);
  return kNames[body.index()];
}

}  // namespace ballast::wire
