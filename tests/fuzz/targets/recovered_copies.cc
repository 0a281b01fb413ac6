// What a server that came back replays from its step log, behind the copies of a small run at
// version 0 with step 1 promised. Whatever follows leaves copies at one version, all prepared.
//
// Input: messages (wire_frames.h), one after another. A CommitStep and the Push behind it are a
// record.

#include <utility>

#include "common/base/check.h"
#include "common/wire/codec.h"
#include "paramserver/recovered_copies.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/wire_frames.h"
#include "tests/unit/paramserver/small_run.h"

namespace ballast::fuzz {
namespace {

constexpr std::uint32_t kPartitions = 2;
constexpr Node kRoot{1, 0};

RecoveredCopies promised(const RunConfig& run) {
  RecoveredCopies copies{.timeline = 1,
                         .commits = {Commit()},
                         .partitions = {},
                         .promised = 1,
                         .plan = {},
                         .formers = {}};
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    const auto [copy, fresh] = copies.partitions.try_emplace(PartitionId{p}, run, PartitionId{p});
    copy->second.offer(kRoot, {});
  }
  return copies;
}

void check(const RecoveredCopies& copies) {
  BALLAST_CHECK(copies.promised == copies.commits.back().step + 1);
  for (const auto& [id, partition] : copies.partitions) {
    BALLAST_CHECK(partition.prepared());
    BALLAST_CHECK(partition.applied() == copies.commits.back().step);
  }
}

}  // namespace

BALLAST_FUZZ_TARGET(recovered_copies, bytes) {
  static const RunConfig run = test::small_run(kPartitions, 2);
  RecoveredCopies copies = promised(run);
  Commit previous;
  Input input(bytes);
  Verdict verdict = Verdict::refused;
  while (!input.empty()) {
    const auto message = wire::decode(frames_of(input));
    if (!message) break;
    if (const auto* const commit = std::get_if<wire::CommitStep>(&message->body)) {
      previous = commit->commit;
    } else if (const auto* const push = std::get_if<wire::Push>(&message->body)) {
      const std::size_t commits = copies.commits.size();
      const Step step = copies.promised;
      const std::size_t kept = copies.partitions.size();
      if (replay(run, previous, *push, copies)) {
        verdict = Verdict::accepted;
      } else {
        BALLAST_CHECK(copies.commits.size() == commits && copies.promised == step);
        BALLAST_CHECK(copies.partitions.size() == kept);
      }
      check(copies);
    }
  }
  return verdict;
}

}  // namespace ballast::fuzz
