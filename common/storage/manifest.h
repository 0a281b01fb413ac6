#pragma once

// A manifest makes a set of snapshot files a checkpoint. It is written last, as
// checkpoint-<timeline>-<step>.json, and holds all that a resume needs besides the rows. It is
// JSON for people, and carries the checksum of its own text: any altered byte is noticed.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/storage/snapshot.h"

namespace ballast {

// Raised when an older Ballast could misread what a newer one writes.
// 1 had one file per partition, a base; such manifests are still read.
inline constexpr std::uint32_t kManifestFormat = 2;

struct Manifest {
  std::uint32_t format = kManifestFormat;
  std::string ballast_version;
  std::string run;
  Timeline timeline = 0;
  Step step = 0;
  // By partition, from 0 on without a gap. The files of one are its chain: a base (since 0), then
  // deltas whose `since` rises; later records replace earlier ones of the same key.
  std::vector<SnapshotFile> files;

  std::string run_config_json;  // common/job/run_json.h
  std::string commit_json;      // The coordinator's: the commit and the early-stop state.
  std::string canary;           // R5: the hash that members of this run must show.
  std::string kernel_family;
  std::string openblas_version;
  std::uint64_t history_lines = 0;  // Lines of history.jsonl that belong to this checkpoint.
  std::string created;              // For people; decides nothing.

  friend bool operator==(const Manifest&, const Manifest&) = default;
};

// Fails only on text that is not UTF-8.
[[nodiscard]] Result<std::string> encode_manifest(const Manifest& manifest);
// Error{corrupt} when a byte was changed or is missing, Error{unsupported} for a newer format.
[[nodiscard]] Result<Manifest> decode_manifest(std::string_view text);

// The chains of a manifest's files, by partition. Borrows.
[[nodiscard]] std::vector<std::span<const SnapshotFile>> chains_of(
    std::span<const SnapshotFile> files);

// "checkpoint-2-1500.json" and back; nothing for other names. Ordered from old to new.
struct CheckpointName {
  Timeline timeline = 0;
  Step step = 0;

  friend auto operator<=>(const CheckpointName&, const CheckpointName&) = default;
};
[[nodiscard]] std::string to_string(const CheckpointName& name);
[[nodiscard]] std::optional<CheckpointName> parse_checkpoint_name(std::string_view name);

}  // namespace ballast
