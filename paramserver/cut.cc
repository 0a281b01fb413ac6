#include "paramserver/cut.h"

#include "common/base/check.h"

namespace ballast {

CutScope scope_of(const PartitionCut& cut) {
  if (cut.since == 0) return CutScope::everything;
  const Snapshot::Extent changed = cut.snapshot.extent_since(cut.since);
  if (changed.records == 0) return CutScope::nothing;
  return changed.floats * 2 > cut.snapshot.extent().floats ? CutScope::everything
                                                           : CutScope::changes;
}

Step since_of(const PartitionCut& cut, CutScope scope) {
  BALLAST_CHECK(scope != CutScope::nothing);
  return scope == CutScope::changes ? cut.since : 0;
}

void for_each_record(const PartitionCut& cut, CutScope scope,
                     const std::function<void(const RowView&)>& visit) {
  BALLAST_CHECK(scope != CutScope::nothing);
  if (scope == CutScope::changes) {
    cut.snapshot.for_each_since(cut.since, visit);
  } else {
    cut.snapshot.for_each(visit);
  }
}

}  // namespace ballast
