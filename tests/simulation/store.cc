#include "tests/simulation/store.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/overloaded.h"
#include "tests/simulation/sample_job.h"

namespace ballast::simulation {

Rows rows_of(const PartitionCut& cut, CutScope scope) {
  Rows rows;
  for_each_record(cut, scope, [&](const RowView& view) {
    Row row{view.version, {view.weights.begin(), view.weights.end()}};
    row.floats.insert(row.floats.end(), view.slots.begin(), view.slots.end());
    rows.emplace(std::pair(view.table, view.key), std::move(row));
  });
  return rows;
}

namespace {

std::string name_of(PartitionId partition, std::uint64_t digest) {
  return std::to_string(index(partition)) + "-" + std::to_string(digest) + ".sst";
}

// Later files come later, so what they hold replaces what was there.
void put_over(const Rows& later, Rows& rows) {
  for (const auto& [place, row] : later) rows.insert_or_assign(place, row);
}

}  // namespace

std::uint64_t shared_canary() {
  static const std::uint64_t value = canary(*shared_blas());
  return value;
}

std::vector<std::string> lost_files(const SimulatedStore& store, const Checkpoint& checkpoint) {
  std::vector<std::string> lost;
  for (const wire::SnapshotFile& file : checkpoint.files) {
    if (store.damaged_files.contains(file.name)) continue;
    if (!store.files.contains(file.name)) lost.push_back(file.name);
  }
  return lost;
}

Rows merged(const SimulatedStore& store, const Checkpoint& checkpoint) {
  Rows rows;
  for (const wire::SnapshotFile& file : checkpoint.files) {
    put_over(store.files.at(file.name), rows);
  }
  return rows;
}

Rows merged(const SimulatedStore& store, const Checkpoint& checkpoint, PartitionId partition) {
  Rows rows;
  for (const wire::SnapshotFile& file : checkpoint.files) {
    if (file.partition == partition) put_over(store.files.at(file.name), rows);
  }
  return rows;
}

double score_of(std::uint64_t digest) { return static_cast<double>(digest % 9973); }

// ---- damage -------------------------------------------------------------------------------------

std::string SimulatedStore::fault_in(const Place& place, const Checkpoint& checkpoint) const {
  if (damaged_manifests.contains(place)) return kInjected + std::string("a checksum differs");
  for (const wire::SnapshotFile& file : checkpoint.files) {
    if (damaged_files.contains(file.name)) return kInjected + file.name + " is damaged";
    if (!files.contains(file.name)) return "the store does not have " + file.name;
  }
  return "";
}

void SimulatedStore::damage(Prng& prng) {
  if (!manifests.empty() && prng.chance(0.3)) {
    auto manifest = manifests.begin();
    std::advance(manifest, static_cast<std::ptrdiff_t>(prng.below(manifests.size())));
    damaged_manifests.insert(manifest->first);
  } else if (!files.empty()) {
    auto file = files.begin();
    std::advance(file, static_cast<std::ptrdiff_t>(prng.below(files.size())));
    damaged_files.insert(file->first);
    if (prng.chance(0.5)) files.erase(file);  // Gone or torn; else a bit is flipped.
  }
}

void SimulatedStore::remove_damaged() {
  const std::size_t removed = std::erase_if(
      manifests, [&](const auto& entry) { return !fault_in(entry.first, entry.second).empty(); });
  has_removed |= removed > 0;
  damaged_manifests.clear();
}

// ---- server -------------------------------------------------------------------------------------

ServerOutcome SimulatedServerDisk::operator()(ServerJob&& job) {
  return std::visit(
      Overloaded{
          [&](const ServerLoad& load_job) -> ServerOutcome {
            return ServerLoaded{.canary = shared_canary(),
                                .blas_version = shared_blas()->version(),
                                .error = "",
                                .recovered = recover(load_job)};
          },
          [&](const ServerRestore& restore_job) -> ServerOutcome { return restore(restore_job); },
          [&](const ServerCut& cut_job) -> ServerOutcome { return cut(cut_job); },
          [&](const ServerBase& base_job) -> ServerOutcome { return keep(base_job); },
          [&](const ServerLog& log_job) -> ServerOutcome { return log(log_job); },
      },
      job);
}

std::shared_ptr<RecoveredCopies> SimulatedServerDisk::recover(const ServerLoad& job) const {
  if (home_->fingerprint == 0 || home_->fingerprint != job.fingerprint) return nullptr;
  auto copies = std::make_shared<RecoveredCopies>();
  copies->timeline = home_->timeline;
  copies->commits = home_->commits;
  copies->plan = home_->plan;
  copies->formers = home_->formers;
  for (const auto& [id, rows] : home_->base) {
    auto tables = std::make_unique<Tables>(*job.run, id);
    for (const auto& [place, row] : rows) {
      BALLAST_CHECK(tables->load(place.first, place.second, row.version, row.floats));
    }
    copies->partitions.try_emplace(id, *job.run, std::move(tables), home_->commits.back().step);
  }
  for (const LoggedStep& step : home_->log) {
    if (!replay(*job.run, step.previous, step.push, *copies)) break;
  }
  return copies;
}

ServerBased SimulatedServerDisk::keep(const ServerBase& job) {
  if (prng_.chance(store_.disk.fault_rate)) {
    return {job.number, std::string(kInjected) + "no room for a base"};
  }
  *home_ = {.fingerprint = job.fingerprint,
            .timeline = job.step.timeline,
            .commits = job.commits,
            .base = {},
            .log = {job.step},
            .plan = job.step.plan.value_or(wire::Plan{}),
            .formers = {job.self}};
  for (const Snapshot& snapshot : *job.snapshots) {
    Rows& rows = home_->base[snapshot.partition()];
    snapshot.for_each([&](const RowView& view) {
      Row row{view.version, {view.weights.begin(), view.weights.end()}};
      row.floats.insert(row.floats.end(), view.slots.begin(), view.slots.end());
      rows.emplace(std::pair(view.table, view.key), std::move(row));
    });
  }
  return {job.number, ""};
}

ServerLogged SimulatedServerDisk::log(const ServerLog& job) {
  ServerLogged logged{job.base, job.step.timeline, job.step.push.step, 0, ""};
  if (prng_.chance(store_.disk.fault_rate)) {
    logged.error = std::string(kInjected) + "no room for a step";
    return logged;
  }
  home_->log.push_back(job.step);
  home_->formers.insert(job.self);
  if (job.step.plan) home_->plan = *job.step.plan;
  logged.bytes = home_->log.size();
  return logged;
}

ServerRestored SimulatedServerDisk::restore(const ServerRestore& job) const {
  ServerRestored restored{.timeline = job.timeline, .tables = {}, .error = ""};
  for (const PartitionId partition : job.partitions) {
    restored.tables.push_back(std::make_unique<Tables>(*job.run, partition));
  }
  const auto fail = [&](std::string error) {
    restored.tables.clear();
    restored.error = std::move(error);
    return std::move(restored);
  };
  if (prng_.chance(store_.disk.fault_rate)) {
    restored.may_pass = true;
    return fail(std::string(kInjected) + "a checkpoint cannot be read now");
  }
  std::map<PartitionId, Rows> rows;
  std::map<PartitionId, std::vector<Step>> clocks;
  for (const wire::SnapshotFile& file : job.files) {
    if (store_.damaged_files.contains(file.name))
      return fail(kInjected + file.name + " is damaged");
    const auto found = store_.files.find(file.name);
    if (found == store_.files.end()) return fail("the store does not have " + file.name);
    put_over(found->second, rows[file.partition]);
    clocks[file.partition] = store_.clocks.at(file.name);
  }
  for (const auto& [partition, chain] : rows) {
    const auto tables = std::find_if(restored.tables.begin(), restored.tables.end(),
                                     [&](const auto& t) { return t->partition() == partition; });
    if (tables == restored.tables.end()) return fail("a file is of another partition");
    for (const auto& [place, row] : chain) {
      if (!(*tables)->load(place.first, place.second, row.version, row.floats)) {
        return fail("a file holds a row that does not fit");
      }
    }
    const std::vector<Step>& counted = clocks[partition];
    for (Leaf leaf = 0; leaf < counted.size(); ++leaf) {
      if (!(*tables)->load_clock(leaf, counted[leaf])) {
        return fail("a file counts a leaf that this run has not");
      }
    }
  }
  return restored;
}

ServerCutDone SimulatedServerDisk::cut(const ServerCut& job) {
  ServerCutDone cut{{job.timeline, job.step, {}, {}, ""}};
  for (const PartitionCut& partition : job.partitions) {
    if (store_.disk.full || prng_.chance(store_.disk.fault_rate / 4)) {
      return {{job.timeline,
               job.step,
               {},
               {},
               std::string(kInjected) + "no room for a snapshot",
               store_.disk.full || prng_.chance(0.5)}};
    }
    if (!store_.disk.may_write()) return cut;
    const CutScope scope = scope_of(partition);
    if (scope == CutScope::nothing) {
      cut.done.unchanged.push_back({partition.snapshot.partition(), partition.since});
    } else {
      cut.done.files.push_back(write(partition, scope));
    }
  }
  return cut;
}

wire::SnapshotFile SimulatedServerDisk::write(const PartitionCut& cut, CutScope scope) {
  const PartitionId partition = cut.snapshot.partition();
  Rows rows = rows_of(cut, scope);
  const std::uint64_t digest = digest_of(rows, cut.snapshot.clocks());
  const wire::SnapshotFile file{.partition = partition,
                                .name = name_of(partition, digest),
                                .bytes = 8 * rows.size(),
                                .records = rows.size(),
                                .checksum = std::to_string(digest),
                                .since = since_of(cut, scope)};
  store_.damaged_files.erase(file.name);
  store_.files.insert_or_assign(file.name, std::move(rows));
  store_.clocks.insert_or_assign(file.name, cut.snapshot.clocks());
  return file;
}

// ---- coordinator --------------------------------------------------------------------------------

CoordinatorOutcome SimulatedCoordinatorStore::operator()(CoordinatorJob&& job) {
  return std::visit(
      Overloaded{
          [&](const ClaimTimeline& claim_job) -> CoordinatorOutcome { return claim(claim_job); },
          [&](const RaiseClaim& raise_job) -> CoordinatorOutcome { return raise(raise_job); },
          [&](const KeepCheckpoint& keep_job) -> CoordinatorOutcome { return keep(keep_job); },
          [&](const AppendHistory& append_job) -> CoordinatorOutcome { return append(append_job); },
          [&](const ExportModel& export_job) -> CoordinatorOutcome {
            return export_model(export_job);
          },
      },
      job);
}

TimelineClaimed SimulatedCoordinatorStore::claim(const ClaimTimeline& job) {
  TimelineClaimed claimed;
  const Timeline highest = store_.claimed.empty() ? 0 : *store_.claimed.rbegin();
  if (store_.disk.full || prng_.chance(store_.disk.fault_rate)) {
    claimed.error = std::string(kInjected) + "no room for a claim";
    claimed.may_pass = true;
    return claimed;
  }
  claimed.superseded = job.above != 0 && highest > job.above;
  if (claimed.superseded || !store_.disk.may_write()) return claimed;
  timeline_ = std::max(highest, job.above) + 1;
  store_.claimed.insert(timeline_);
  claimed.timeline = timeline_;
  for (auto manifest = store_.manifests.rbegin(); manifest != store_.manifests.rend(); ++manifest) {
    const std::string fault = store_.fault_in(manifest->first, manifest->second);
    if (fault.empty()) {
      claimed.latest = manifest->second;
      store_.passed_over = claimed.damaged.size();
      return claimed;
    }
    claimed.damaged.push_back("step " + std::to_string(manifest->first.second) + ": " + fault);
  }
  if (!claimed.damaged.empty()) claimed.error = std::string(kNoneWhole) + claimed.damaged.front();
  return claimed;
}

ClaimRaised SimulatedCoordinatorStore::raise(const RaiseClaim& job) {
  if (prng_.chance(store_.disk.fault_rate)) {
    return {.term = 0,
            .superseded = false,
            .error = std::string(kInjected) + "no room for a claim",
            .may_pass = true};
  }
  if (*store_.claimed.rbegin() != job.holding) return {.term = 0, .superseded = true, .error = ""};
  if (store_.disk.full) {
    return {.term = 0,
            .superseded = false,
            .error = std::string(kInjected) + "no room for a claim",
            .may_pass = true};
  }
  timeline_ = job.above + 1;
  store_.claimed.insert(timeline_);
  return {.term = timeline_, .superseded = false, .error = ""};
}

CheckpointKept SimulatedCoordinatorStore::keep(const KeepCheckpoint& job) {
  Checkpoint checkpoint = job.checkpoint;
  checkpoint.timeline = timeline_;
  CheckpointKept kept{.step = checkpoint.commit.step, .error = "", .fenced = false};
  if (is_fenced()) {
    kept.error = std::string(kFenced) + "run";
    kept.fenced = true;
    return kept;
  }
  if (history_is_broken_) {
    kept.error = std::string(kInjected) + "no room for the history";
    kept.may_pass = true;
    return kept;
  }
  if (store_.disk.full || prng_.chance(store_.disk.fault_rate)) {
    kept.error = std::string(kInjected) + "no room for a manifest";
    kept.may_pass = store_.disk.full || prng_.chance(0.5);
    return kept;
  }
  for (const wire::SnapshotFile& file : checkpoint.files) {  // A look at lengths, not at every bit.
    if (store_.files.contains(file.name)) continue;
    kept.error = (store_.damaged_files.contains(file.name) ? kInjected : "") +
                 std::string("the store does not have ") + file.name;
    kept.broken = true;
    return kept;
  }
  if (!store_.disk.may_write()) return kept;
  const SimulatedStore::Place place(checkpoint.timeline, checkpoint.commit.step);
  store_.damaged_manifests.erase(place);
  store_.manifests.insert_or_assign(place, checkpoint);
  retain();
  return kept;
}

// Damaged manifests among the newest stay, for a person to look at, and protect no file.
void SimulatedCoordinatorStore::retain() {
  const std::size_t keep = std::max<std::uint32_t>(1, run_.checkpoint.keep);
  std::size_t readable = 0;
  std::set<std::string> listed;
  auto kept = store_.manifests.end();
  while (kept != store_.manifests.begin() && readable < keep) {
    --kept;
    if (store_.damaged_manifests.contains(kept->first)) continue;
    ++readable;
    for (const wire::SnapshotFile& file : kept->second.files) listed.insert(file.name);
  }
  while (store_.manifests.begin() != kept) {
    if (!store_.disk.may_write()) return;
    store_.damaged_manifests.erase(store_.manifests.begin()->first);
    store_.manifests.erase(store_.manifests.begin());
  }
  for (auto file = store_.files.begin(); file != store_.files.end();) {
    if (listed.contains(file->first)) {
      ++file;
    } else if (store_.disk.may_write()) {
      file = store_.files.erase(file);
    } else {
      return;
    }
  }
}

HistoryAppended SimulatedCoordinatorStore::append(const AppendHistory& job) {
  HistoryAppended appended{.life = job.life,
                           .first = job.first,
                           .lines = job.lines.size(),
                           .error = "",
                           .fenced = false};
  if (is_fenced()) {
    appended.error = std::string(kFenced) + "run";
    appended.fenced = true;
    return appended;
  }
  if (job.anew) history_is_broken_ = false;
  if (history_is_broken_ || store_.disk.full || prng_.chance(store_.disk.fault_rate)) {
    history_is_broken_ = true;
    appended.error = std::string(kInjected) + "no room for the history";
    return appended;
  }
  std::vector<std::string>& history = store_.history;
  std::size_t at = std::min<std::size_t>(job.first, history.size());
  auto line = job.lines.begin();
  for (; line != job.lines.end() && at < history.size() && history[at] == *line; ++line) ++at;
  if (line == job.lines.end()) return appended;
  if (store_.disk.may_write()) {
    history.resize(at);
    history.insert(history.end(), line, job.lines.end());
  } else if (!job.anew) {
    history.resize(at);
    history.push_back(line->substr(0, line->size() / 2));
  }
  return appended;
}

ModelExported SimulatedCoordinatorStore::export_model(const ExportModel& job) {
  if (store_.disk.full || prng_.chance(store_.disk.fault_rate)) {
    return {"", std::string(kInjected) + "no room for the model",
            store_.disk.full || prng_.chance(0.5)};
  }
  const std::string fault =
      store_.fault_in({job.checkpoint.timeline, job.checkpoint.commit.step}, job.checkpoint);
  if (!fault.empty()) return {"", fault};
  if (!store_.disk.may_write()) return {};
  const std::uint64_t digest = digest_of(merged(store_, job.checkpoint));
  store_.model = StoredModel{digest, job.checkpoint.commit, job.checkpoint.files};
  return {.digest = std::to_string(digest), .error = "", .scores = {{kScore, score_of(digest)}}};
}

}  // namespace ballast::simulation
