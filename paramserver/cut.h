#pragma once

// What a checkpoint takes of a partition: all of it, or what changed since an earlier checkpoint.
// A pure function of the records and of what the coordinator asked for, so that whoever writes the
// partition writes the same (S12).

#include <functional>

#include "common/base/ids.h"
#include "paramserver/tables.h"

namespace ballast {

// A partition that is to be written.
struct PartitionCut {
  Snapshot snapshot;
  Step since = 0;  // What changed after this step is wanted; 0: everything.
};

enum class CutScope { nothing, changes, everything };

// Everything where it is asked for, or where the changes are more than half of it: a delta that is
// nearly a base only makes the chain longer.
[[nodiscard]] CutScope scope_of(const PartitionCut& cut);

// The `since` of the file that is written, and its records in order of (table, key).
// REQUIRES: scope is not `nothing`.
[[nodiscard]] Step since_of(const PartitionCut& cut, CutScope scope);
void for_each_record(const PartitionCut& cut, CutScope scope,
                     const std::function<void(const RowView&)>& visit);

}  // namespace ballast
