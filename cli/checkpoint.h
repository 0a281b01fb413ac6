#pragma once

// What `ballast checkpoint ls`, `verify` and `rm` share.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/verbs.h"
#include "common/base/result.h"
#include "common/storage/checkpoint_store.h"
#include "common/storage/checkpoints.h"

namespace ballast {

struct CheckpointDirectory {
  std::unique_ptr<CheckpointStore> store;
  std::string path;  // Of the store.
  std::string lock;  // Held by a run on this machine; empty: this belongs to no run's directory.
};

// `directory` is a run's output directory, its checkpoints, or the address of a store.
[[nodiscard]] Result<CheckpointDirectory> open_checkpoints(const std::string& directory);

// One checkpoint of a store, whatever state it is in.
struct ListedCheckpoint {
  CheckpointName name;
  std::string written;              // When; empty where the manifest cannot be read.
  std::uint64_t files = 0;          // Of all partitions' chains.
  std::uint64_t bytes = 0;          // Of these files, as they should be.
  std::uint64_t shared_bytes = 0;   // Of those that another checkpoint lists too.
  std::vector<std::string> damage;  // One sentence each; empty: none that was looked for.
  std::optional<Manifest> manifest;
};

// From old to new. Reads manifests alone: of damage, only theirs is seen.
[[nodiscard]] Result<std::vector<ListedCheckpoint>> list_all(CheckpointStore& store);
// Reads the files too, each once, and adds their damage. What a run removed meanwhile is left out.
void look_into(std::vector<ListedCheckpoint>& checkpoints, CheckpointStore& store,
               CheckpointVerifier::Depth depth);

// Those that "1500" (a step, on any timeline) or "2-1500" (timeline and step) names. A sentence
// where it is neither, or names none.
[[nodiscard]] Result<std::vector<ListedCheckpoint>> choose(const std::vector<ListedCheckpoint>& all,
                                                           const std::string& which);

enum class Format { table, json };
void print_checkpoints(const std::vector<ListedCheckpoint>& checkpoints, Format format);
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

// The verbs below `checkpoint`.
void add_checkpoint_ls(CLI::App& parent, Chosen& chosen);
void add_checkpoint_verify(CLI::App& parent, Chosen& chosen);
void add_checkpoint_rm(CLI::App& parent, Chosen& chosen);

}  // namespace ballast
