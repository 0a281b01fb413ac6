#pragma once

// What a peer may not send. Whatever passes fits the tables of the run, and can be offered to a
// partition; what does not is answered with the sentence, and changes nothing. What a server finds
// in its home is looked at in the same way.
//
// Pure.

#include <string>

#include "common/job/run.h"
#include "common/wire/messages.h"

namespace ballast {

// Empty: nothing is wrong with it.
[[nodiscard]] std::string fault_in(const RunConfig& run, const wire::Pull& pull);
[[nodiscard]] std::string fault_in(const RunConfig& run, const wire::Push& push);

}  // namespace ballast
