#pragma once

// What a service shows: its queue, its members, and of each job under way what its coordinator
// counts. A job that has ended is gone from it, so there are never more than run at once.

#include "common/observe/metrics.h"
#include "common/runtime/processes.h"
#include "coordinator/service/api.h"
#include "coordinator/service/board.h"

namespace ballast {

// Read anew for each text(). Everything given by reference outlives the texts.
void show_service(MetricRegistry& metrics, const ServiceBoard& board, const ServiceApi& api,
                  const Processes& processes);

}  // namespace ballast
