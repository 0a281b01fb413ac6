#pragma once

// The rules by which the files of a checkpoint store are one run's history: which checkpoint
// counts, which are kept, and who may write. Only the holder of the newest timeline publishes
// manifests and deletes files; a process on an older one is refused with Error{conflict}.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/storage/checkpoint_store.h"
#include "common/storage/manifest.h"

namespace ballast {

// Writes the manifest, which makes the checkpoint exist.
// Error{not_found} names a file that it lists and the store does not have, or not in its length:
// one of an earlier checkpoint that was damaged meanwhile.
[[nodiscard]] Status publish_manifest(CheckpointStore& store, const Manifest& manifest);

// Reads one manifest and checks that its name and its text agree; its files are not looked at.
[[nodiscard]] Result<Manifest> read_manifest(CheckpointStore& store, const CheckpointName& name);

// Every file of the manifest is there with the right size and content. Names the first that is
// not.
[[nodiscard]] Status verify_checkpoint(CheckpointStore& store, const Manifest& manifest);

// Reads checkpoints; a file that several share is read once.
class CheckpointVerifier {
 public:
  enum class Depth {
    bytes,    // Every byte, against the checksum of its file.
    records,  // And every record, against its own.
  };
  // REQUIRES: store outlives this.
  CheckpointVerifier(CheckpointStore& store, Depth depth) : store_(store), depth_(depth) {}

  // One sentence for each file that is not right: its partition, name and what is wrong. Empty: the
  // checkpoint is whole.
  [[nodiscard]] std::vector<std::string> damage(const Manifest& manifest);

 private:
  CheckpointStore& store_;
  const Depth depth_;
  std::map<std::pair<std::string, Step>, Status> known_;  // By name and `since`.
};

// From old to new, by name alone.
[[nodiscard]] Result<std::vector<CheckpointName>> list_checkpoints(CheckpointStore& store);

struct LatestCheckpoint {
  Manifest manifest;
  // Newer ones that could not be used, newest first: "checkpoint-1-200.json: <what is wrong>".
  std::vector<std::string> passed_over;
};
// The newest checkpoint, by timeline and then by step, that is whole. Error{not_found} when there
// never was one, Error{corrupt} with all reasons when none is whole.
[[nodiscard]] Result<LatestCheckpoint> latest_complete(CheckpointStore& store);

struct Retained {
  std::vector<std::string> manifests_removed;
  std::vector<std::string> files_removed;
};
// Keeps the newest `keep` readable manifests (and damaged ones among them, for a person to look
// at), removes the older manifests, then the snapshot files that no remaining manifest lists. A
// crash in between leaves files too many, never one too few. Removes nothing when a manifest
// cannot be judged: the store does not answer, or a newer Ballast wrote it.
// REQUIRES: keep >= 1; no checkpoint is being written: its files are not listed yet.
[[nodiscard]] Result<Retained> retain(CheckpointStore& store, Timeline timeline,
                                      std::uint32_t keep);

// Removes one checkpoint, and the files that no other manifest lists. As retain() otherwise.
[[nodiscard]] Result<Retained> remove_checkpoint(CheckpointStore& store, Timeline timeline,
                                                 const CheckpointName& name);

// Claims a timeline for this process for good. Of two that claim the same number the second gets
// Error{conflict}, which quotes the first; so does one that claims a number below a claimed one.
// `holder` is for people: describe_process().
[[nodiscard]] Status claim_timeline(CheckpointStore& store, Timeline timeline,
                                    const std::string& holder);
// The highest timeline that was ever claimed or wrote a manifest; 0 when there is none.
[[nodiscard]] Result<Timeline> highest_timeline(CheckpointStore& store);

// "process 4711 on host alpha since 2024-05-01T12:00:00Z"
[[nodiscard]] std::string describe_process();
// When a manifest was written: the end of such a description.
[[nodiscard]] std::string written_at(const Manifest& manifest);

}  // namespace ballast
