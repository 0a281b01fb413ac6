// The step log in a server's home, with the base that a small run begins with. What is found is
// found again, and the log can be gone on with.
//
// Input: u8; 0: the records lie in a log of their own, which lists files that are not there.
// Otherwise they lie behind a base of two partitions at version 0 and its first step. u8: bytes
// that are torn off at the end. Then messages (wire_frames.h), one after another; each becomes a
// record with the checksum that fits it, until one that is no message: all from there is written as
// it is.

#include <optional>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/storage/files.h"
#include "common/wire/codec.h"
#include "paramserver/step_log.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/wire_frames.h"
#include "tests/unit/paramserver/small_run.h"

namespace ballast::fuzz {
namespace {

constexpr std::uint32_t kLoggedPartitions = 2;
constexpr std::uint64_t kFingerprint = 17;
constexpr MemberId kSelf{5};
constexpr const char* kLog = "steps-1.log";

template <class T>
T need(Result<T> result) {
  BALLAST_CHECK(result.has_value());
  return *std::move(result);
}

LoggedStep step_after(const Commit& previous, Timeline timeline) {
  LoggedStep step{.timeline = timeline, .previous = previous, .plan = {}, .push = {}};
  step.push.timeline = timeline;
  step.push.step = previous.step + 1;
  step.push.nodes = {{Node{1, 0}, Figures{}}};
  for (std::uint32_t p = 0; p < kLoggedPartitions; ++p)
    step.push.partitions.push_back(PartitionId{p});
  return step;
}

class Home {
 public:
  Home() : run_(test::small_run(kLoggedPartitions, 2)) {
    std::vector<Snapshot> snapshots;
    for (std::uint32_t p = 0; p < kLoggedPartitions; ++p) {
      snapshots.push_back(Partition(run_, PartitionId{p}).snapshot());
    }
    const auto log = need(StepLog::open(scratch_.path()));
    BALLAST_CHECK(log->begin(kSelf, kFingerprint, snapshots, {}, step_after({}, 1)).has_value());
    base_ = need(read_file(scratch_.path() + "/" + kLog));
  }

  [[nodiscard]] const std::string& base() const { return base_; }
  void put(const std::string& bytes) const { scratch_.put(kLog, bytes); }
  [[nodiscard]] std::optional<RecoveredCopies> recover() {
    log_ = need(StepLog::open(scratch_.path()));
    return need(log_->recover(run_, kFingerprint));
  }
  [[nodiscard]] StepLog& log() { return *log_; }

 private:
  const RunConfig run_;
  const Scratch scratch_;
  std::string base_;
  std::unique_ptr<StepLog> log_;
};

void add_word(std::string& out, std::uint64_t word) {
  out.append(reinterpret_cast<const char*>(&word), sizeof word);
}

std::string record_of(const std::vector<Bytes>& frames) {
  std::string body;
  add_word(body, frames.size());
  for (const Bytes& frame : frames) {
    add_word(body, frame.size());
    body += frame.text();
    body.resize((body.size() + 7) / 8 * 8);
  }
  std::string record;
  add_word(record, body.size());
  add_word(record, hash_bytes(std::as_bytes(std::span(body))));
  return record + body;
}

std::string records_of(Input& input) {
  std::string records;
  while (!input.empty()) {
    Input ahead = input;
    const std::vector<Bytes> frames = frames_of(ahead);
    if (!wire::decode(frames)) return records += input.rest();
    records += record_of(frames);
    input = ahead;
  }
  return records;
}

// In bits: a figure that is no number, as that of a run that diverged, does not equal itself.
std::string bits_of(const std::vector<Commit>& commits) {
  std::string bits;
  for (const Bytes& frame :
       wire::encode({.from = kSelf,
       .body = wire::PartitionCopy{.commits = commits, .partition = {}, .records = {}}})) {
    bits += frame.text();
  }
  return bits;
}

bool same(const RecoveredCopies& a, const RecoveredCopies& b) {
  return a.timeline == b.timeline && bits_of(a.commits) == bits_of(b.commits) &&
         a.promised == b.promised && a.formers == b.formers &&
         a.partitions.size() == b.partitions.size();
}

}  // namespace

BALLAST_FUZZ_TARGET(step_log, bytes) {
  static Home home;
  Input input(bytes);
  std::string log = input.byte() == 0 ? "" : home.base();
  const std::size_t torn = input.byte();
  log += records_of(input);
  log.resize(log.size() - std::min(torn, log.size()));
  home.put(log);

  const std::optional<RecoveredCopies> copies = home.recover();
  if (!copies) return Verdict::refused;
  const std::uint64_t end = home.log().bytes();
  for (const auto& [id, partition] : copies->partitions) {
    BALLAST_CHECK(partition.applied() == copies->commits.back().step);
    BALLAST_CHECK(copies->promised == 0 || partition.prepared());
  }
  const std::optional<RecoveredCopies> again = home.recover();
  BALLAST_CHECK(again && same(*copies, *again) && home.log().bytes() == end);

  // Over whatever is torn there.
  const LoggedStep next = step_after(copies->commits.back(), copies->timeline);
  BALLAST_CHECK(home.log().append(kSelf, next).has_value());
  const std::optional<RecoveredCopies> more = home.recover();
  BALLAST_CHECK(more && more->promised == next.push.step);
  return copies->promised > 1 ? Verdict::accepted : Verdict::refused;
}

}  // namespace ballast::fuzz
