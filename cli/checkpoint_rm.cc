// ballast checkpoint rm: remove one checkpoint, and the files that no other lists.
//
// A run on this machine holds the lock of its directory for as long as it lives, so it is known.
// One on another machine, on a shared directory whose locks do not reach here, is not: before
// anything is removed the next timeline is claimed, so such a run is refused when it next publishes
// a checkpoint, and stops, instead of listing files that are gone.

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/checkpoint.h"
#include "common/job/json_text.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

struct RemoveOptions {
  std::string directory;
  std::string which;
  bool force = false;
  bool json = false;
};

struct Removed {
  Retained names;
  std::uint64_t bytes = 0;
};

Result<ListedCheckpoint> target_of(const std::vector<ListedCheckpoint>& all,
                                   const std::string& which) {
  auto chosen = choose(all, which);
  if (!chosen) return chosen.error();
  const CheckpointName name = chosen->front().name;
  if (chosen->size() == 1) return std::move(chosen->front());
  return Error{ErrorCode::invalid,
               fmt::format("{} timelines have a checkpoint of step {}; say which, as in {}-{}",
                           chosen->size(), name.step, name.timeline, name.step)};
}

// Whether this is the only one that a resume could start from. Reads no more than it has to.
bool is_last_whole(const std::vector<ListedCheckpoint>& all, const ListedCheckpoint& target,
                   CheckpointStore& store) {
  CheckpointVerifier verifier(store, CheckpointVerifier::Depth::bytes);
  const auto is_whole = [&](const ListedCheckpoint& one) {
    return one.manifest && verifier.damage(*one.manifest).empty();
  };
  const bool another = std::any_of(all.rbegin(), all.rend(), [&](const ListedCheckpoint& one) {
    return one.name != target.name && is_whole(one);
  });
  return !another && is_whole(target);
}

// Empty where no run of this machine can be there.
Result<std::unique_ptr<FileLock>> keep_runs_out(const std::string& lock) {
  if (lock.empty()) return std::unique_ptr<FileLock>();
  auto taken = FileLock::acquire(lock);
  if (taken || taken.error().code != ErrorCode::conflict) return taken;
  return Error{ErrorCode::conflict,
               "a run is training in " + directory_of(lock) +
                   " and removes old checkpoints itself (checkpoint.keep); stop it first"};
}

Result<Removed> remove(const RemoveOptions& options) {
  const auto opened = open_checkpoints(options.directory);
  if (!opened) return opened.error();
  CheckpointStore& store = *opened->store;
  const auto lock = keep_runs_out(opened->lock);
  if (!lock) return lock.error();
  const auto all = list_all(store);
  if (!all) return all.error();
  const auto target = target_of(*all, options.which);
  if (!target) return target.error();
  if (!options.force && is_last_whole(*all, *target, store)) {
    return Error{ErrorCode::invalid,
                 to_string(target->name) +
                     " is the last one that is whole; without it there is nothing to resume from. "
                     "Give --force to remove it all the same"};
  }
  const auto highest = highest_timeline(store);
  if (!highest) return highest.error();
  const Status claimed =
      claim_timeline(store, *highest + 1, "ballast checkpoint rm, " + describe_process());
  if (!claimed) return claimed.error();
  const auto before = store.list();
  if (!before) return before.error();
  auto names = remove_checkpoint(store, *highest + 1, target->name);
  if (!names) return names.error();
  Removed removed{.names = *std::move(names), .bytes = 0};
  for (const StoredFile& file : *before) {
    const auto& files = removed.names.files_removed;
    if (std::binary_search(files.begin(), files.end(), file.name)) removed.bytes += file.bytes;
  }
  return removed;
}

int run(const RemoveOptions& options) {
  const auto removed = remove(options);
  if (!removed) return user_mistake(removed.error().message);
  const Retained& names = removed->names;
  if (options.json) {
    const nlohmann::ordered_json json = {{"removed", names.manifests_removed},
                                         {"files_removed", names.files_removed},
                                         {"bytes_freed", removed->bytes}};
    fmt::print("{}\n", json_text(json, 2));
    return 0;
  }
  fmt::print("removed {}, and {} in {} files that no other checkpoint lists\n",
             names.manifests_removed.front(), bytes_text(removed->bytes),
             names.files_removed.size());
  return 0;
}

}  // namespace

void add_checkpoint_rm(CLI::App& parent, Chosen& chosen) {
  const auto options = std::make_shared<RemoveOptions>();
  CLI::App* verb = parent.add_subcommand("rm", "Remove a checkpoint; what others share stays");
  verb->add_option("DIR", options->directory,
                   "A run's output directory, its checkpoints or the address of a store")
      ->required();
  verb->add_option("STEP", options->which, "1500, or with its timeline 2-1500")->required();
  verb->add_flag("--force", options->force, "Also the last one that is whole");
  verb->add_flag("--json", options->json, "For machines");
  verb->footer(
      "\nRefused while a run on this machine holds the directory. A run on another machine that\n"
      "shares it cannot always be seen from here; it is fenced first, and stops at its next\n"
      "checkpoint.");
  verb->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace ballast
