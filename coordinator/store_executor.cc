#include "coordinator/store_executor.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/check.h"
#include "common/job/json_text.h"
#include "common/job/names.h"
#include "common/job/run_json.h"
#include "common/job/sealed_json.h"
#include "common/math/blas.h"
#include "common/math/metrics_report.h"
#include "common/storage/checkpoints.h"
#include "common/storage/export.h"
#include "common/storage/files.h"
#include "coordinator/commit_json.h"
#include "coordinator/run_result.h"

namespace ballast {
namespace {

// The first `lines` lines of a text; fewer when there are fewer.
std::string_view first_lines(std::string_view text, std::uint64_t lines) {
  std::size_t end = 0;
  for (std::uint64_t i = 0; i < lines; ++i) {
    const std::size_t next = text.find('\n', end);
    if (next == std::string_view::npos) break;
    end = next + 1;
  }
  return text.substr(0, end);
}

nlohmann::ordered_json metrics_json(const std::vector<std::pair<Split, Metrics>>& splits) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [split, metrics] : splits) {
    for (const auto& [name, value] : metrics) json[std::string(name_of(split))][name] = value;
  }
  return json;
}

}  // namespace

CoordinatorOutcome StoreExecutor::operator()(CoordinatorJob&& job) {
  return std::visit([&](auto& concrete) -> CoordinatorOutcome { return run(concrete); }, job);
}

// ---- timelines and checkpoints ------------------------------------------------------------------

TimelineClaimed StoreExecutor::run(const ClaimTimeline& job) {
  TimelineClaimed claimed;
  const auto fail = [&](const Error& error) {
    claimed.error = error.message;
    claimed.may_pass = may_pass(error);
    return claimed;
  };
  const Result<Timeline> highest = highest_timeline(store_);
  if (!highest) return fail(highest.error());
  // Whoever held the store once does not take it back: that would stop its successor, or cut off
  // the end of the history of a run that is over. But a job before may have failed after its claim.
  const bool is_claimed = unused_claim_ > job.above && unused_claim_ == *highest;
  claimed.superseded = !is_claimed && job.above != 0 && *highest > job.above;
  if (claimed.superseded) return claimed;
  if (!is_claimed) {
    timeline_ = std::max(*highest, job.above) + 1;
    if (const Status taken = claim_timeline(store_, timeline_, describe_process()); !taken) {
      claimed.superseded = job.above != 0 && taken.error().code == ErrorCode::conflict;
      return claimed.superseded ? claimed : fail(taken.error());
    }
    unused_claim_ = timeline_;
  }
  claimed.timeline = timeline_;
  // What dead writers left there belongs to nobody; a living one on an older timeline may not go
  // on.
  if (const Status cleared = store_.clear_staging(); !cleared) return fail(cleared.error());
  auto latest = latest_complete(store_);
  if (!latest) {
    if (latest.error().code != ErrorCode::not_found) return fail(latest.error());
    unused_claim_ = 0;
    return claimed;
  }
  claimed.damaged = latest->passed_over;
  auto checkpoint = from_manifest(latest->manifest);
  if (!checkpoint) return fail(checkpoint.error());
  claimed.latest = std::move(*checkpoint);
  unused_claim_ = 0;
  return claimed;
}

ClaimRaised StoreExecutor::run(const RaiseClaim& job) {
  const Result<Timeline> highest = highest_timeline(store_);
  if (!highest) {
    return {.term = 0,
            .superseded = false,
            .error = highest.error().message,
            .may_pass = may_pass(highest.error())};
  }
  if (*highest != job.holding) return {.term = 0, .superseded = true, .error = ""};
  const Term term = job.above + 1;
  if (const Status taken = claim_timeline(store_, term, describe_process()); !taken) {
    const bool lost = taken.error().code == ErrorCode::conflict;
    return {.term = 0,
            .superseded = lost,
            .error = lost ? "" : taken.error().message,
            .may_pass = may_pass(taken.error())};
  }
  timeline_ = term;
  return {.term = term, .superseded = false, .error = ""};
}

CheckpointKept StoreExecutor::run(const KeepCheckpoint& job) {
  CheckpointKept kept{.step = job.checkpoint.commit.step, .error = "", .fenced = false};
  // The manifest counts the lines that a resume keeps: they are there when it is.
  if (history_is_broken_) {
    kept.error = "a checkpoint is put off until history.jsonl can be written";
    kept.may_pass = true;
    return kept;
  }
  if (const Status synced = sync_history(); !synced) {
    kept.error = synced.error().message;
    kept.may_pass = may_pass(synced.error());
    return kept;
  }
  // Named by the term that keeps it: a later coordinator's are newer, whatever the timeline.
  Checkpoint checkpoint = job.checkpoint;
  checkpoint.timeline = timeline_;
  const Status published =
      publish_manifest(store_, to_manifest(checkpoint, *options_.run, options_.version));
  if (!published) {
    kept.error = published.error().message;
    kept.may_pass = may_pass(published.error());
    kept.fenced = published.error().code == ErrorCode::conflict;
    kept.broken = published.error().code == ErrorCode::not_found;
    return kept;
  }
  // A store that cannot be tidied is full of good checkpoints: nothing is lost by it.
  const auto retained =
      retain(store_, timeline_, std::max<std::uint32_t>(1, options_.run->checkpoint.keep));
  if (!retained && retained.error().code == ErrorCode::conflict) {
    kept.error = retained.error().message;
    kept.fenced = true;
  }
  return kept;
}

Manifest to_manifest(const Checkpoint& checkpoint, const RunConfig& run,
                     const std::string& version) {
  Manifest manifest;
  manifest.ballast_version = version;
  manifest.run = run.name;
  manifest.timeline = checkpoint.timeline;
  manifest.step = checkpoint.commit.step;
  for (const wire::SnapshotFile& file : checkpoint.files) {
    manifest.files.push_back(
        {file.partition, file.name, file.bytes, file.records, file.checksum, file.since});
  }
  manifest.run_config_json = run_to_json(run);
  manifest.commit_json = commit_to_json(checkpoint.commit);
  manifest.canary = std::to_string(checkpoint.canary);
  manifest.kernel_family = to_string(checkpoint.family);
  manifest.openblas_version = checkpoint.blas_version;
  manifest.history_lines = checkpoint.history_lines;
  manifest.created = describe_process();
  return manifest;
}

Result<Checkpoint> from_manifest(const Manifest& manifest) {
  auto commit = commit_from_json(manifest.commit_json);
  if (!commit) return commit.error();
  auto family = parse_family(manifest.kernel_family);
  if (!family) return family.error();
  Checkpoint checkpoint;
  checkpoint.timeline = manifest.timeline;
  checkpoint.commit = *commit;
  for (const SnapshotFile& file : manifest.files) {
    checkpoint.files.push_back(
        {file.partition, file.name, file.bytes, file.records, file.checksum, file.since});
  }
  checkpoint.history_lines = manifest.history_lines;
  const char* end = manifest.canary.data() + manifest.canary.size();
  if (std::from_chars(manifest.canary.data(), end, checkpoint.canary).ptr != end) {
    return Error{ErrorCode::corrupt, "manifest of step " + std::to_string(manifest.step) +
                                         ": the canary is not a number: " + manifest.canary};
  }
  checkpoint.family = *family;
  checkpoint.blas_version = manifest.openblas_version;
  return checkpoint;
}

// ---- history ------------------------------------------------------------------------------------

HistoryAppended StoreExecutor::run(const AppendHistory& job) {
  HistoryAppended appended{.life = job.life,
                           .first = job.first,
                           .lines = job.lines.size(),
                           .error = "",
                           .fenced = false};
  const Result<Timeline> highest = highest_timeline(store_);
  if (highest && *highest > timeline_) {
    appended.error = "another coordinator has taken over this run";
    appended.fenced = true;
    return appended;
  }
  if (job.anew) history_is_broken_ = false;
  const Status done =
      history_is_broken_ ? Status(Error{ErrorCode::io, "a line before is missing"}) : append(job);
  if (!done) {
    history_is_broken_ = true;
    appended.error = "history.jsonl cannot be written: " + done.error().message +
                     "; the run waits before too much of it is missing";
  }
  return appended;
}

// After going back the same lines come again, and until they do, those that are there stay: should
// this timeline not come far, another coordinator may go on from where they were written.
Status StoreExecutor::append(const AppendHistory& job) {
  const std::string path = join_path(options_.output, "history.jsonl");
  std::string text;
  for (const std::string& line : job.lines) text += line + "\n";
  if (!job.anew && !history_is_ahead_) {
    auto file = OpenFile::open_existing(path);
    if (!file) return file.error();
    if (Status added = (*file)->append(text); !added) return added;
    // Whoever takes over relies on lines that were said to be written: the host may lose its power.
    return (*file)->sync();
  }
  std::string all;
  if (path_exists(path)) {
    auto read = read_file(path);
    if (!read) return read.error();
    all = std::move(*read);
  }
  const std::size_t whole = all.rfind('\n') + 1;
  const bool torn = whole < all.size();  // A line that nobody said to be written.
  all.resize(whole);
  const std::string_view kept = first_lines(all, job.first);
  const std::string_view there = std::string_view(all).substr(kept.size());
  const bool again = there.starts_with(text);
  history_is_ahead_ = again && there.size() > text.size();
  if (again && !torn && !all.empty()) return fsync_file(path);
  return write_file_atomically(path, again ? all : std::string(kept) + text);
}

Status StoreExecutor::sync_history() const {
  const std::string path = join_path(options_.output, "history.jsonl");
  return path_exists(path) ? fsync_file(path) : Status();
}

// ---- export -------------------------------------------------------------------------------------

ModelExported StoreExecutor::run(const ExportModel& job) {
  if (options_.product == RunProduct::scores) {
    auto scores = write_scores(job);
    if (!scores) return {"", scores.error().message, may_pass(scores.error())};
    return {.digest = "", .error = "", .may_pass = false, .scores = std::move(*scores)};
  }
  auto digest = write_model(job);
  if (!digest) return {"", digest.error().message, may_pass(digest.error())};
  return {std::move(*digest), ""};
}

Result<std::string> StoreExecutor::write_model(const ExportModel& job) {
  if (const Status synced = sync_history(); !synced) return synced.error();
  const Manifest manifest = to_manifest(job.checkpoint, *options_.run, options_.version);
  auto exported =
      export_model(manifest, store_, *options_.run,
                   {.slots = options_.slots,
                    .model_path = join_path(options_.output, "model.safetensors"),
                    .optimizer_path = join_path(options_.output, "optimizer.safetensors")});
  // Its files were copies where the store is elsewhere, and are not looked at again.
  if (const Status released = store_.release_files(); !released) return released.error();
  if (!exported) return exported.error();
  const std::string metrics = json_text(metrics_json(job.metrics), 2) + "\n";
  if (const Status put = write_file_atomically(join_path(options_.output, "metrics.json"), metrics);
      !put) {
    return put.error();
  }
  const std::string model = model_json(job, exported->model_sha256);
  if (const Status put = write_file_atomically(join_path(options_.output, "model.json"), model);
      !put) {
    return put.error();
  }
  return exported->model_sha256;
}

Result<Metrics> StoreExecutor::write_scores(const ExportModel& job) {
  BALLAST_CHECK(job.validation != nullptr);
  if (const Status synced = sync_history(); !synced) return synced.error();
  const RunConfig& run = *options_.run;
  RunResult result;
  result.step = job.checkpoint.commit.step;
  result.stopped_early = result.step < end_of(run);
  result.train_examples = run.train_examples;
  result.steps_per_epoch = run.steps_per_epoch;
  result.outputs_per_example = run.outputs;
  result.outputs = job.validation->outputs;
  result.labels = job.validation->labels;
  result.weights = job.validation->weights;
  result.scores = measure({.task = run.task,
                           .outputs_per_example = run.outputs,
                           .outputs = result.outputs,
                           .labels = result.labels,
                           .weights = result.weights});
  for (const auto& [split, metrics] : job.metrics) {
    if (split != Split::validation) continue;
    for (const auto& metric : metrics) {
      if (metric.first == "loss") result.scores.push_back(metric);
    }
  }
  if (const Status written = write_run_result(options_.output, result); !written) {
    return written.error();
  }
  return result.scores;
}

std::string StoreExecutor::model_json(const ExportModel& job, const std::string& digest) const {
  nlohmann::ordered_json json;
  json["format"] = 1;
  json["name"] = options_.run->name;
  json["ballast_version"] = options_.version;
  json["digest"] = digest;
  json["step"] = job.checkpoint.commit.step;
  json["kernel_family"] = to_string(job.checkpoint.family);
  json["openblas"] = job.checkpoint.blas_version;
  if (job.threshold) {
    json["threshold"] = {{"metric", name_of(job.threshold->metric)},
                         {"value", job.threshold->value},
                         {"score", job.threshold->score},
                         {"chosen_on", name_of(job.threshold->source)}};
  }
  json["spec"] = options_.run->spec;
  json["run"] = parse_json<nlohmann::ordered_json>(run_to_json(*options_.run));
  json["transforms"] = parse_shallow_json<nlohmann::ordered_json>(options_.transforms_json);
  seal(json);
  return json_text(json, 2) + "\n";
}

}  // namespace ballast
