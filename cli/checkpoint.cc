#include "cli/checkpoint.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "cli/job_file.h"
#include "common/base/address.h"
#include "common/job/json_text.h"
#include "common/remote/open_store.h"
#include "common/storage/directory_store.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

std::optional<std::uint64_t> parsed_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string steps_text(const std::vector<ListedCheckpoint>& all) {
  std::string text;
  for (const ListedCheckpoint& one : all) {
    text += (text.empty() ? "" : ", ") + fmt::format("{}-{}", one.name.timeline, one.name.step);
  }
  return text;
}

std::string state_of(const ListedCheckpoint& one) {
  if (one.damage.empty()) return "whole";
  const std::string more =
      one.damage.size() == 1 ? "" : fmt::format(" (and {} more)", one.damage.size() - 1);
  return "damaged: " + one.damage.front() + more;
}

Result<CheckpointDirectory> open_remote(const std::string& place, const std::string& lock) {
  auto store = open_checkpoint_store(place, OpenMode::existing, "");
  if (!store) return store.error();
  return CheckpointDirectory{.store = *std::move(store), .path = place, .lock = lock};
}

}  // namespace

Result<CheckpointDirectory> open_checkpoints(const std::string& directory) {
  CheckpointDirectory opened;
  if (is_address(directory)) return open_remote(directory, "");
  if (const auto job = read_job_file(directory); job && job->run.checkpoint.store) {
    return open_remote(*job->run.checkpoint.store, join_path(directory, "lock"));
  }
  std::string output = directory;
  opened.path = checkpoints_of(directory);
  if (!path_exists(opened.path)) {
    opened.path = directory;
    while (opened.path.size() > 1 && opened.path.ends_with('/')) opened.path.pop_back();
    output = directory_of(opened.path);
  }
  if (path_exists(join_path(output, "job.json"))) opened.lock = join_path(output, "lock");
  auto store = open_directory_store(opened.path, OpenMode::existing);
  if (!store) return store.error();
  opened.store = *std::move(store);
  return opened;
}

Result<std::vector<ListedCheckpoint>> list_all(CheckpointStore& store) {
  const auto names = list_checkpoints(store);
  if (!names) return names.error();
  std::vector<ListedCheckpoint> all;
  std::map<std::string, int> listed_by;
  for (const CheckpointName& name : *names) {
    ListedCheckpoint& one = all.emplace_back();
    one.name = name;
    auto manifest = read_manifest(store, name);
    if (!manifest && manifest.error().code == ErrorCode::not_found) {
      all.pop_back();  // Removed just now.
      continue;
    }
    if (!manifest) {
      one.damage.push_back(manifest.error().message);
      continue;
    }
    one.written = written_at(*manifest);
    std::set<std::string> unique;
    for (const SnapshotFile& file : manifest->files) unique.insert(file.name);
    for (const std::string& file : unique) listed_by[file] += 1;
    one.manifest = *std::move(manifest);
  }
  for (ListedCheckpoint& one : all) {
    if (!one.manifest) continue;
    for (const SnapshotFile& file : one.manifest->files) {
      one.files += 1;
      one.bytes += file.bytes;
      if (listed_by[file.name] > 1) one.shared_bytes += file.bytes;
    }
  }
  return all;
}

void look_into(std::vector<ListedCheckpoint>& checkpoints, CheckpointStore& store,
               CheckpointVerifier::Depth depth) {
  CheckpointVerifier verifier(store, depth);
  for (ListedCheckpoint& one : checkpoints) {
    if (!one.manifest) continue;
    for (std::string& sentence : verifier.damage(*one.manifest)) {
      one.damage.push_back(std::move(sentence));
    }
  }
  std::erase_if(checkpoints, [&](const ListedCheckpoint& one) {
    if (one.damage.empty()) return false;
    const auto text = store.read(to_string(one.name));
    return !text && text.error().code == ErrorCode::not_found;
  });
}

Result<std::vector<ListedCheckpoint>> choose(const std::vector<ListedCheckpoint>& all,
                                             const std::string& which) {
  const std::string_view text = which;
  const std::size_t dash = text.find('-');
  const bool both = dash != std::string_view::npos;
  const auto timeline = both ? parsed_number(text.substr(0, dash)) : std::nullopt;
  const auto step = parsed_number(both ? text.substr(dash + 1) : text);
  if (!step || (both && !timeline)) {
    return Error{ErrorCode::invalid,
                 "expected a step such as 1500, or a timeline and a step such "
                 "as 2-1500, got \"" +
                     which + "\""};
  }
  std::vector<ListedCheckpoint> chosen;
  std::copy_if(all.begin(), all.end(), std::back_inserter(chosen), [&](const auto& one) {
    return one.name.step == *step && (!both || one.name.timeline == *timeline);
  });
  if (!chosen.empty()) return chosen;
  return Error{ErrorCode::not_found,
               "there is no checkpoint " + which +
                   (all.empty() ? "; there is none at all"
                                : "; there are, by timeline and step, " + steps_text(all))};
}

std::string bytes_text(std::uint64_t bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024.0 && unit + 1 < std::size(units); ++unit) value /= 1024.0;
  return fmt::format("{:.{}f} {}", value, unit == 0 ? 0 : 1, units[unit]);
}

void print_checkpoints(const std::vector<ListedCheckpoint>& checkpoints, Format format) {
  if (format == Format::json) {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const ListedCheckpoint& one : checkpoints) {
      json.push_back({{"name", to_string(one.name)},
                      {"timeline", one.name.timeline},
                      {"step", one.name.step},
                      {"written", one.written},
                      {"files", one.files},
                      {"bytes", one.bytes},
                      {"shared_bytes", one.shared_bytes},
                      {"whole", one.damage.empty()},
                      {"damage", one.damage}});
    }
    fmt::print("{}\n", json_text(json, 2));
    return;
  }
  fmt::print("{:>12}  {:>8}  {:<20}  {:>10}  {:>10}  {}\n", "step", "timeline", "written", "size",
             "shared", "state");
  for (const ListedCheckpoint& one : checkpoints) {
    fmt::print("{:>12}  {:>8}  {:<20}  {:>10}  {:>10}  {}\n", one.name.step, one.name.timeline,
               one.written, bytes_text(one.bytes), bytes_text(one.shared_bytes), state_of(one));
  }
}

void add_checkpoint(CLI::App& app, Chosen& chosen) {
  CLI::App* verb = app.add_subcommand("checkpoint", "List, verify and remove checkpoints");
  verb->require_subcommand(1);
  add_checkpoint_ls(*verb, chosen);
  add_checkpoint_verify(*verb, chosen);
  add_checkpoint_rm(*verb, chosen);
  verb->footer(
      "\nExamples\n"
      "  ballast checkpoint ls runs/digits            what is there, and whether it is whole\n"
      "  ballast checkpoint verify runs/digits 1500   read every byte and record of it\n"
      "  ballast checkpoint rm runs/digits 1500       remove it and what nobody else lists");
}

}  // namespace ballast
