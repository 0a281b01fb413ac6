#pragma once

// What a server with `cluster.durability: step` keeps in its home: a base, which is a snapshot of
// all its copies at one version, and behind it a log of the stream {commit, reduced gradients} by
// step. Prepared(t) is said when the gradients of t are synced, so a server that dies comes back
// where it was: prepared for a step that may have been committed meanwhile.
//
// On disk: one directory. A log is one file, `steps-<number>.log`; its first record is the base,
// whose files lie beside it under the names of their contents. Another base begins another log; the
// older one, which may hold what was promised, goes when the new base and its first step are
// durable. Each record is a wire message with a checksum around it, whose sender is the server: a
// server that comes back has another id, and says which ids it had. The last record may be torn; it
// was not answered for.
//
// Belongs to one thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/storage/files.h"
#include "common/wire/messages.h"
#include "paramserver/recovered_copies.h"

namespace ballast {

class StepLog {
 public:
  // The directory is made when missing. Nothing is read yet.
  static Result<std::unique_ptr<StepLog>> open(const std::string& directory);

  // What the latest whole base and its log give; nothing when there is none, or it is of another
  // run. Records behind a damaged one are passed over: the copies are then older, and say so.
  [[nodiscard]] Result<std::optional<RecoveredCopies>> recover(const RunConfig& run,
                                                               std::uint64_t fingerprint);

  // Another base: all copies at one version, and the step after it. What is remembered of commits
  // goes with it: lines of the history may hang on them still. Durable when it returns; until then
  // the one before counts.
  [[nodiscard]] Status begin(MemberId self, std::uint64_t fingerprint,
                             const std::vector<Snapshot>& snapshots,
                             const std::vector<Commit>& commits, const LoggedStep& step);
  // Durable when it returns. After an error the log is as it was.
  // REQUIRES: begin() or recover() gave a base.
  [[nodiscard]] Status append(MemberId self, const LoggedStep& step);

  // Of the records behind the base.
  [[nodiscard]] std::uint64_t bytes() const { return end_ - base_end_; }

 private:
  explicit StepLog(std::string directory) : directory_(std::move(directory)) {}
  [[nodiscard]] Status write(const std::string& records);
  [[nodiscard]] Status tidy(const std::vector<wire::SnapshotFile>& files) const;

  const std::string directory_;
  std::uint64_t number_ = 0;  // Of the log that is written.
  std::unique_ptr<OpenFile> file_;
  std::uint64_t base_end_ = 0;
  std::uint64_t end_ = 0;  // Where the next record goes.
};

}  // namespace ballast
