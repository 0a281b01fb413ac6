#include "paramserver/step_log.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/storage/snapshot.h"
#include "common/wire/codec.h"

namespace ballast {
namespace {

constexpr std::string_view kPrefix = "steps-";
constexpr std::string_view kSuffix = ".log";
constexpr std::size_t kHeadBytes = 2 * sizeof(std::uint64_t);

std::string log_name(std::uint64_t number) {
  return std::string(kPrefix) + std::to_string(number) + std::string(kSuffix);
}

std::optional<std::uint64_t> number_of_log(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(kSuffix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

void add_word(std::string& out, std::uint64_t word) {
  out.append(reinterpret_cast<const char*>(&word), sizeof(word));
}

// Length and checksum, then the frames with their lengths, each padded to whole words.
std::string to_record(const std::vector<Bytes>& frames) {
  std::string body;
  add_word(body, frames.size());
  for (const Bytes& frame : frames) {
    add_word(body, frame.size());
    body.append(reinterpret_cast<const char*>(frame.data()), frame.size());
    body.resize((body.size() + 7) / 8 * 8);
  }
  std::string record;
  record.reserve(kHeadBytes + body.size());
  add_word(record, body.size());
  add_word(record, hash_bytes(std::as_bytes(std::span(body))));
  return record += body;
}

std::string to_records(MemberId self, const LoggedStep& step) {
  std::string records;
  if (step.plan) records += to_record(wire::encode({self, *step.plan, 0}));
  records += to_record(wire::encode({self, wire::CommitStep{step.timeline, step.previous, {}}, 0}));
  return records += to_record(wire::encode({self, step.push, 0}));
}

// Walks over the records of a log, up to its end or the first that is not whole.
class RecordReader {
 public:
  explicit RecordReader(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {}

  std::optional<wire::Message> next() {
    const std::span<const std::byte> bytes = file_->bytes();
    if (bytes.size() - end_ < kHeadBytes) return std::nullopt;
    const std::uint64_t size = word(end_);
    if (size < 8 || size % 8 != 0 || size > bytes.size() - end_ - kHeadBytes) return std::nullopt;
    const std::size_t begin = end_ + kHeadBytes;
    if (hash_bytes(bytes.subspan(begin, size)) != word(end_ + 8)) return std::nullopt;
    std::vector<Bytes> frames;
    std::size_t at = begin + 8;
    for (std::uint64_t left = word(begin); left > 0; --left) {
      if (at + 8 > begin + size) return std::nullopt;
      const std::uint64_t frame = word(at);
      if (frame > begin + size - at - 8) return std::nullopt;
      frames.emplace_back(file_, bytes.subspan(at + 8, frame));
      at += 8 + (frame + 7) / 8 * 8;
    }
    Result<wire::Message> message = wire::decode(frames);
    if (!message) return std::nullopt;
    end_ = begin + size;
    return std::move(*message);
  }
  // Behind the last whole record.
  [[nodiscard]] std::uint64_t end() const { return end_; }

 private:
  [[nodiscard]] std::uint64_t word(std::size_t at) const {
    std::uint64_t value = 0;
    std::memcpy(&value, file_->bytes().data() + at, sizeof(value));
    return value;
  }

  const std::shared_ptr<const MappedFile> file_;
  std::size_t end_ = 0;
};

Result<std::map<PartitionId, Partition>> load(const std::string& directory, const RunConfig& run,
                                              const wire::Restore& base) {
  std::map<PartitionId, Partition> partitions;
  for (const wire::SnapshotFile& file : base.files) {
    const SnapshotFile expected{file.partition, file.name, file.bytes, file.records, file.checksum};
    auto reader = SnapshotReader::open(join_path(directory, file.name), expected);
    if (!reader) return reader.error();
    auto tables = std::make_unique<Tables>(run, file.partition);
    while (true) {
      const Result<bool> more = (*reader)->next();
      if (!more) return more.error();
      if (!*more) break;
      const Record& record = (*reader)->record();
      if (!tables->load(record.key.table, record.key.key, record.version, record.floats)) {
        return Error{ErrorCode::corrupt, file.name + " holds a row that does not fit this run"};
      }
    }
    partitions.try_emplace(file.partition, run, std::move(tables), base.commit.step);
  }
  return partitions;
}

}  // namespace

Result<std::unique_ptr<StepLog>> StepLog::open(const std::string& directory) {
  if (const Status made = make_directories(directory); !made) return made.error();
  return std::unique_ptr<StepLog>(new StepLog(directory));
}

Result<std::optional<RecoveredCopies>> StepLog::recover(const RunConfig& run,
                                                        std::uint64_t fingerprint) {
  const auto names = list_files(directory_);
  if (!names) return names.error();
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : *names) {
    if (const auto number = number_of_log(name)) numbers.push_back(*number);
  }
  std::sort(numbers.rbegin(), numbers.rend());
  if (!numbers.empty()) number_ = numbers.front();
  for (const std::uint64_t number : numbers) {
    const std::string path = join_path(directory_, log_name(number));
    auto mapped = MappedFile::open(path);
    if (!mapped) return mapped.error();
    RecordReader reader(*mapped);
    std::vector<Commit> commits;
    auto first = reader.next();
    while (first && std::holds_alternative<wire::CommitStep>(first->body)) {
      commits.push_back(std::get<wire::CommitStep>(first->body).commit);
      first = reader.next();
    }
    const auto* const base = first ? std::get_if<wire::Restore>(&first->body) : nullptr;
    if (base == nullptr || first->term != fingerprint) continue;  // Torn, or of another run.
    auto partitions = load(directory_, run, *base);
    if (!partitions) continue;  // Its files went with a newer base that was torn, or are damaged.
    commits.push_back(base->commit);
    RecoveredCopies copies{.timeline = base->timeline,
                           .commits = std::move(commits),
                           .partitions = std::move(*partitions),
                           .promised = 0,
                           .plan = {},
                           .formers = {first->from}};
    base_end_ = end_ = reader.end();
    std::optional<Commit> previous;
    while (auto record = reader.next()) {
      copies.formers.insert(record->from);
      if (const auto* const commit = std::get_if<wire::CommitStep>(&record->body)) {
        previous = commit->commit;
      } else if (const auto* const plan = std::get_if<wire::Plan>(&record->body)) {
        copies.plan = *plan;
      } else if (const auto* const push = std::get_if<wire::Push>(&record->body)) {
        if (!previous || !replay(run, *previous, *push, copies)) break;
        end_ = reader.end();
      }
    }
    // Torn before its first step was whole; the one before it is still there.
    if (copies.promised == 0 && number != numbers.back()) continue;
    number_ = number;
    auto file = OpenFile::open_existing(path);
    if (!file) return file.error();
    file_ = std::move(*file);
    return std::optional(std::move(copies));
  }
  return std::optional<RecoveredCopies>();
}

Status StepLog::begin(MemberId self, std::uint64_t fingerprint,
                      const std::vector<Snapshot>& snapshots, const std::vector<Commit>& commits,
                      const LoggedStep& step) {
  wire::Restore base{
      .timeline = step.timeline, .partitions = {}, .commit = step.previous, .files = {}};
  for (const Snapshot& snapshot : snapshots) {
    auto writer = SnapshotWriter::create(directory_, snapshot.partition());
    if (!writer) return writer.error();
    Status status;
    snapshot.for_each([&](const RowView& row) {
      if (status) status = (*writer)->add(row.table, row.key, row.version, row.weights, row.slots);
    });
    if (!status) return status;
    auto file = (*writer)->finish();
    if (!file) return file.error();
    base.partitions.push_back(snapshot.partition());
    base.files.push_back({file->partition, file->name, file->bytes, file->records, file->checksum});
  }
  auto file = OpenFile::create_new(join_path(directory_, log_name(number_ + 1)));
  if (!file) return file.error();
  ++number_;
  file_ = std::move(*file);
  end_ = 0;
  const auto files = base.files;
  std::string bytes;  // The base behind the commits: where it is, they are.
  for (const Commit& commit : commits) {
    if (commit.step >= step.previous.step) continue;
    bytes += to_record(wire::encode({self, wire::CommitStep{step.timeline, commit, {}}, 0}));
  }
  bytes += to_record(wire::encode({self, std::move(base), fingerprint}));
  base_end_ = bytes.size();
  if (const Status written = write(bytes += to_records(self, step)); !written) return written;
  if (const Status synced = fsync_directory(directory_); !synced) return synced;
  return tidy(files);
}

Status StepLog::append(MemberId self, const LoggedStep& step) {
  BALLAST_CHECK(file_ != nullptr);
  return write(to_records(self, step));
}

// In place: what a write that failed has left there is written over.
Status StepLog::write(const std::string& records) {
  if (const Status written = file_->write_at(end_, std::as_bytes(std::span(records))); !written) {
    return written;
  }
  if (const Status synced = file_->sync(); !synced) return synced;
  end_ += records.size();
  return {};
}

// Older logs, and files that the base does not list.
Status StepLog::tidy(const std::vector<wire::SnapshotFile>& files) const {
  const auto names = list_files(directory_);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    const auto number = number_of_log(name);
    const bool listed = std::any_of(files.begin(), files.end(),
                                    [&](const auto& file) { return file.name == name; });
    if (number ? *number == number_ : listed) continue;
    if (const Status gone = remove_file(join_path(directory_, name)); !gone) return gone;
  }
  return {};
}

}  // namespace ballast
