#include "coordinator/chain.h"

#include "common/base/check.h"

namespace ballast {

std::vector<Chain> chains_of(const std::vector<wire::SnapshotFile>& files,
                             std::uint32_t partitions) {
  std::vector<Chain> chains(partitions);
  for (const wire::SnapshotFile& file : files) chains.at(index(file.partition)).push_back(file);
  return chains;
}

Step since_for(const Chain& chain, Step kept, std::uint32_t files_max) {
  if (chain.empty()) return 0;
  std::uint64_t deltas = 0;
  for (std::size_t i = 1; i < chain.size(); ++i) deltas += chain[i].bytes;
  if (deltas > chain[0].bytes) return 0;
  if (chain.size() < files_max) return kept;
  return chain.size() > 1 ? chain[1].since : 0;
}

Chain extended(const Chain& chain, Step since, const std::optional<wire::SnapshotFile>& written) {
  if (written && written->since == 0) return {*written};
  Chain next;
  for (const wire::SnapshotFile& file : chain) {
    if (file.since < since) next.push_back(file);
  }
  BALLAST_CHECK(!next.empty());  // Changes are asked for only where there is a base.
  if (written) next.push_back(*written);
  return next;
}

}  // namespace ballast
