#pragma once

// How checkpoints share files: the files of one partition in a checkpoint are a chain, a base and
// then deltas, each with what changed since the version of what comes before it.
//
//   step   10        20            30                  40
//          base      base, +10     base, +10, +20      base, +10, +20 (nothing changed)
//
// Pure.

#include <cstdint>
#include <optional>
#include <vector>

#include "common/wire/messages.h"

namespace ballast {

using Chain = std::vector<wire::SnapshotFile>;  // Of one partition, oldest first.

// By partition, from the files of a checkpoint in that order. REQUIRES: each is below `partitions`.
[[nodiscard]] std::vector<Chain> chains_of(const std::vector<wire::SnapshotFile>& files,
                                           std::uint32_t partitions);

// Since which step changes are asked for, to go on from a chain that holds the partition at step
// `kept`; 0 asks for everything. Once the deltas are more than their base, a restore reads more
// than it has to. A full chain is shortened by one delta in place of all: that writes what changed
// since the base, most often far less than a base.
[[nodiscard]] Step since_for(const Chain& chain, Step kept, std::uint32_t files_max);

// The chain with what was written since a step; nothing when nothing had changed.
[[nodiscard]] Chain extended(const Chain& chain, Step since,
                             const std::optional<wire::SnapshotFile>& written);

}  // namespace ballast
