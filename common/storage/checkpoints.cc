#include "common/storage/checkpoints.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <set>
#include <utility>

#include "common/base/address.h"
#include "common/base/check.h"
#include "common/storage/snapshot.h"

namespace ballast {
namespace {

constexpr std::string_view kTimelinePrefix = "timeline-";

std::string claim_name(Timeline timeline) {
  return std::string(kTimelinePrefix) + std::to_string(timeline);
}

// The highest claimed timeline; 0 when there is none.
Result<Timeline> highest_claim(CheckpointStore& store) {
  const auto files = store.list();
  if (!files) return files.error();
  Timeline highest = 0;
  for (const StoredFile& file : *files) {
    const std::string_view name = file.name;
    if (!name.starts_with(kTimelinePrefix)) continue;
    Timeline timeline = 0;
    const char* begin = name.data() + kTimelinePrefix.size();
    const char* end = name.data() + name.size();
    if (std::from_chars(begin, end, timeline).ptr == end) highest = std::max(highest, timeline);
  }
  return highest;
}

// Who claimed a timeline, for people; a claim whose writer died at once is empty.
std::string holder_of(CheckpointStore& store, Timeline timeline) {
  auto text = store.read(claim_name(timeline));
  if (!text || text->empty()) return "an unknown process";
  while (text->ends_with('\n')) text->pop_back();
  return *text;
}

Status check_holds(CheckpointStore& store, Timeline timeline) {
  const auto highest = highest_claim(store);
  if (!highest) return highest.error();
  if (*highest == timeline) return {};
  if (*highest < timeline) {
    return Error{ErrorCode::invalid, store.description() + ": expected timeline " +
                                         std::to_string(timeline) +
                                         " to be claimed before it is written to"};
  }
  return Error{ErrorCode::conflict, store.description() + ": timeline " + std::to_string(timeline) +
                                        " is over: timeline " + std::to_string(*highest) +
                                        " was claimed by " + holder_of(store, *highest) +
                                        "; this process must stop"};
}

// A copy of a file that was only looked at is let go, even where the look was in vain.
Status released(CheckpointStore& store, Status looked) {
  const Status gone = store.release_files();
  return looked ? gone : looked;
}

Status verify_file(CheckpointStore& store, const SnapshotFile& file) {
  const auto path = store.fetch_file(file.name);
  if (!path) return path.error();
  return released(store, verify_snapshot(*path, file));
}

// Every byte and every record.
Status read_records(const std::string& path, const SnapshotFile& file) {
  const auto reader = SnapshotReader::open(path, file);
  if (!reader) return reader.error();
  while (true) {
    const Result<bool> more = (*reader)->next();
    if (!more) return more.error();
    if (!*more) return {};
  }
}

Status read_through(CheckpointStore& store, const SnapshotFile& file) {
  const auto path = store.fetch_file(file.name);
  if (!path) return path.error();
  return released(store, read_records(*path, file));
}

// The chains of a checkpoint reach back to files that were written long ago.
Status check_stored(CheckpointStore& store, const Manifest& manifest) {
  const auto files = store.list();
  if (!files) return files.error();
  std::map<std::string_view, std::uint64_t> bytes;
  for (const StoredFile& file : *files) bytes.emplace(file.name, file.bytes);
  for (const SnapshotFile& file : manifest.files) {
    const auto stored = bytes.find(file.name);
    if (stored != bytes.end() && stored->second == file.bytes) continue;
    return Error{
        ErrorCode::not_found,
        store.description() + ": the checkpoint of step " + std::to_string(manifest.step) +
            " needs " + file.name + " of partition " + std::to_string(index(file.partition)) +
            (stored == bytes.end() ? ", which is not there any more"
                                   : ": expected " + std::to_string(file.bytes) + " bytes, found " +
                                         std::to_string(stored->second))};
  }
  return {};
}

Result<std::set<std::string>> files_of(CheckpointStore& store,
                                       const std::vector<CheckpointName>& checkpoints) {
  std::set<std::string> names;
  for (const CheckpointName& checkpoint : checkpoints) {
    const auto manifest = read_manifest(store, checkpoint);
    // A damaged one can never be used again, whatever it lists.
    if (!manifest && manifest.error().code == ErrorCode::corrupt) continue;
    if (!manifest) return manifest.error();
    for (const SnapshotFile& file : manifest->files) names.insert(file.name);
  }
  return names;
}

// Removes manifests, then the files that none of those that are kept lists.
Result<Retained> remove_all_but(CheckpointStore& store, Timeline timeline,
                                const std::vector<CheckpointName>& kept,
                                const std::vector<CheckpointName>& superfluous) {
  const auto listed = files_of(store, kept);
  if (!listed) return listed.error();
  const auto files = store.list();
  if (!files) return files.error();
  // What is removed was there before this look, so it is none of a later timeline's. A process that
  // stands still from here on may yet remove a file that another has written again meanwhile: what
  // is left of the gap is as long as the removing itself.
  if (Status holds = check_holds(store, timeline); !holds) return holds.error();

  Retained retained;
  for (const CheckpointName& old : superfluous) {
    if (Status gone = store.remove(to_string(old)); !gone) return gone.error();
    retained.manifests_removed.push_back(to_string(old));
  }
  for (const StoredFile& file : *files) {
    if (!file.name.ends_with(".sst") || listed->contains(file.name)) continue;
    if (Status gone = store.remove(file.name); !gone) return gone.error();
    retained.files_removed.push_back(file.name);
  }
  return retained;
}

}  // namespace

Status publish_manifest(CheckpointStore& store, const Manifest& manifest) {
  if (Status holds = check_holds(store, manifest.timeline); !holds) return holds;
  if (Status there = check_stored(store, manifest); !there) return there;
  const auto text = encode_manifest(manifest);
  if (!text) return text.error();
  return store.publish(to_string(CheckpointName{manifest.timeline, manifest.step}), *text);
}

Result<Manifest> read_manifest(CheckpointStore& store, const CheckpointName& name) {
  const auto text = store.read(to_string(name));
  if (!text) return text.error();
  auto manifest = decode_manifest(*text);
  const std::string place = to_string(name) + ": ";
  if (!manifest) return Error{manifest.error().code, place + manifest.error().message};
  if (manifest->timeline != name.timeline || manifest->step != name.step) {
    return Error{ErrorCode::corrupt, place + "holds the manifest of timeline " +
                                         std::to_string(manifest->timeline) + ", step " +
                                         std::to_string(manifest->step)};
  }
  return manifest;
}

Status verify_checkpoint(CheckpointStore& store, const Manifest& manifest) {
  const std::string place =
      to_string(CheckpointName{manifest.timeline, manifest.step}) + ": partition ";
  for (const SnapshotFile& file : manifest.files) {
    if (Status whole = verify_file(store, file); !whole) {
      return Error{whole.error().code,
                   place + std::to_string(index(file.partition)) + ": " + whole.error().message};
    }
  }
  return {};
}

std::vector<std::string> CheckpointVerifier::damage(const Manifest& manifest) {
  std::vector<std::string> sentences;
  for (const SnapshotFile& file : manifest.files) {
    const auto [known, fresh] = known_.try_emplace({file.name, file.since});
    if (fresh) {
      known->second =
          depth_ == Depth::bytes ? verify_file(store_, file) : read_through(store_, file);
    }
    if (known->second) continue;
    sentences.push_back("partition " + std::to_string(index(file.partition)) + ": " +
                        known->second.error().message);
  }
  return sentences;
}

Result<std::vector<CheckpointName>> list_checkpoints(CheckpointStore& store) {
  const auto files = store.list();
  if (!files) return files.error();
  std::vector<CheckpointName> names;
  for (const StoredFile& file : *files) {
    if (const auto name = parse_checkpoint_name(file.name)) names.push_back(*name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<LatestCheckpoint> latest_complete(CheckpointStore& store) {
  auto names = list_checkpoints(store);
  if (!names) return names.error();
  if (names->empty()) {
    return Error{ErrorCode::not_found,
                 store.description() + ": expected at least one checkpoint, found none"};
  }
  LatestCheckpoint latest;
  for (; !names->empty(); names->pop_back()) {
    auto manifest = read_manifest(store, names->back());
    Status whole = manifest ? verify_checkpoint(store, *manifest) : Status(manifest.error());
    if (whole) {
      latest.manifest = *std::move(manifest);
      return latest;
    }
    latest.passed_over.push_back(whole.error().message);
  }
  std::string reasons = store.description() + ": no checkpoint is whole";
  for (const std::string& reason : latest.passed_over) reasons += "; " + reason;
  reasons += "; bring back what is missing, or train again with --overwrite";
  return Error{ErrorCode::corrupt, reasons};
}

Result<Retained> retain(CheckpointStore& store, Timeline timeline, std::uint32_t keep) {
  BALLAST_CHECK(keep >= 1);
  if (Status holds = check_holds(store, timeline); !holds) return holds.error();
  auto names = list_checkpoints(store);
  if (!names) return names.error();

  std::vector<CheckpointName> kept;
  std::uint32_t readable = 0;
  for (; !names->empty() && readable < keep; names->pop_back()) {
    const auto manifest = read_manifest(store, names->back());
    if (!manifest && manifest.error().code != ErrorCode::corrupt) return manifest.error();
    if (manifest) readable += 1;
    kept.push_back(names->back());
  }

  return remove_all_but(store, timeline, kept, *names);
}

Result<Retained> remove_checkpoint(CheckpointStore& store, Timeline timeline,
                                   const CheckpointName& name) {
  if (Status holds = check_holds(store, timeline); !holds) return holds.error();
  auto names = list_checkpoints(store);
  if (!names) return names.error();
  if (std::erase(*names, name) == 0) {
    return Error{ErrorCode::not_found, store.description() + ": there is no " + to_string(name)};
  }
  return remove_all_but(store, timeline, *names, {name});
}

Status claim_timeline(CheckpointStore& store, Timeline timeline, const std::string& holder) {
  const auto highest = highest_timeline(store);
  if (!highest) return highest.error();
  Status claimed = *highest > timeline
                       ? Status(Error{ErrorCode::conflict, {}})
                       : store.create_exclusively(claim_name(timeline), holder + "\n");
  if (claimed || claimed.error().code != ErrorCode::conflict) return claimed;
  const Timeline taken = std::max(*highest, timeline);
  return Error{ErrorCode::conflict, store.description() + ": timeline " + std::to_string(taken) +
                                        " was claimed by " + holder_of(store, taken) +
                                        "; stop that process, or use another " +
                                        (is_address(store.description()) ? "prefix" : "directory")};
}

Result<Timeline> highest_timeline(CheckpointStore& store) {
  const auto claimed = highest_claim(store);
  if (!claimed) return claimed.error();
  const auto names = list_checkpoints(store);
  if (!names) return names.error();
  return names->empty() ? *claimed : std::max(*claimed, names->back().timeline);
}

std::string written_at(const Manifest& manifest) {
  constexpr std::string_view kBefore = " since ";
  const std::size_t at = manifest.created.rfind(kBefore);
  return at == std::string::npos ? manifest.created : manifest.created.substr(at + kBefore.size());
}

std::string describe_process() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> time{};
  const std::size_t length = std::strftime(time.data(), time.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return "process " + std::to_string(::getpid()) + " on host " +
         (host[0] == '\0' ? "?" : host.data()) + " since " + std::string(time.data(), length);
}

}  // namespace ballast
