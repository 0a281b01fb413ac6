#include "tests/simulation/model_jobs.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/overloaded.h"
#include "paramserver/cut.h"

namespace ballast::simulation::model {
namespace {

// A key of the one table for each partition.
Key key_of(std::uint32_t partition) {
  Key key = 1;
  while (index(partition_of(TableId{0}, key, kPartitions)) != partition) ++key;
  return key;
}

wire::SnapshotFile write(const PartitionCut& cut, CutScope scope, Files& files,
                         Findings& findings) {
  Files::mapped_type rows;
  for_each_record(cut, scope, [&](const RowView& row) {
    rows.emplace_back(row.key, row.version,
                      std::vector<float>(row.weights.begin(), row.weights.end()));
  });
  const Step since = since_of(cut, scope);
  const std::string name = std::to_string(index(cut.snapshot.partition())) + " from " +
                           std::to_string(since) + " to " + std::to_string(cut.snapshot.version());
  const auto [there, fresh] = files.emplace(name, rows);
  if (!fresh && there->second != rows) {
    findings.violated("partition " + name + " was written with two contents");
  }
  return {.partition = cut.snapshot.partition(),
          .name = name,
          .bytes = 1,
          .records = rows.size(),
          .checksum = name,
          .since = since};
}

}  // namespace

std::string name_of(Place place) {
  static constexpr const char* kNames[] = {"c1", "c2", "s1", "s2", "w1", "w2"};
  return kNames[place];
}

std::shared_ptr<const RunConfig> make_run(Step steps) {
  RunConfig run;
  run.name = "model";
  run.tables.push_back({.id = TableId{0}, .name = "t", .kind = TableKind::sparse, .shape = {1}});
  run.partitions = kPartitions;
  run.leaves = kLeaves;
  run.leaf_examples = 1;
  run.batch = kLeaves;
  run.train_examples = kLeaves * steps;
  run.steps_per_epoch = steps;
  run.steps = steps;
  run.optimizer.kind = OptimizerKind::sgd;
  run.training.log_every = 0;
  run.checkpoint.every_seconds = 0.0;
  run.cluster.replicas = 1;
  run.cluster.heartbeat_seconds = 5.0;
  run.cluster.silence_seconds = 1e6;  // Death is told; silence is none.
  return std::make_shared<const RunConfig>(std::move(run));
}

ServerOutcome perform(const ServerJob& job, Files& files, Findings& findings) {
  return std::visit(
      Overloaded{
          [](const ServerLoad&) -> ServerOutcome {
            return ServerLoaded{.canary = 7, .blas_version = "model", .error = "", .recovered = {}};
          },
          [](const ServerBase& base) -> ServerOutcome {
            return ServerBased{base.number, ""};
          },
          [](const ServerLog& log) -> ServerOutcome {
            return ServerLogged{log.base, log.step.timeline, log.step.push.step, 0, ""};
          },
          [&](const ServerRestore& restore) -> ServerOutcome {
            ServerRestored restored{.timeline = restore.timeline, .tables = {}, .error = ""};
            for (const PartitionId partition : restore.partitions) {
              auto tables = std::make_unique<Tables>(*restore.run, partition);
              std::map<Key, std::pair<Step, std::vector<float>>> rows;  // Later files win.
              for (const wire::SnapshotFile& file : restore.files) {
                if (file.partition != partition) continue;
                for (const auto& [key, version, floats] : files.at(file.name)) {
                  rows[key] = {version, floats};
                }
              }
              for (const auto& [key, row] : rows) {
                BALLAST_CHECK(tables->load(TableId{0}, key, row.first, row.second));
              }
              restored.tables.push_back(std::move(tables));
            }
            return restored;
          },
          [&](const ServerCut& cut) -> ServerOutcome {
            ServerCutDone done{{cut.timeline, cut.step, {}, {}, ""}};
            for (const PartitionCut& partition : cut.partitions) {
              const CutScope scope = scope_of(partition);
              if (scope == CutScope::nothing) {
                done.done.unchanged.push_back({partition.snapshot.partition(), partition.since});
              } else {
                done.done.files.push_back(write(partition, scope, files, findings));
              }
            }
            return done;
          },
      },
      job);
}

CoordinatorOutcome perform(const CoordinatorJob& job, Store& store, Timeline mine) {
  return std::visit(
      Overloaded{
          [&](const ClaimTimeline& claim) -> CoordinatorOutcome {
            if (claim.above != 0 && store.claimed > claim.above) {
              TimelineClaimed claimed;
              claimed.superseded = true;
              return claimed;
            }
            store.claimed = std::max(store.claimed, claim.above) + 1;
            return TimelineClaimed{store.claimed, store.latest, {}, "", false};
          },
          [&](const KeepCheckpoint& keep) -> CoordinatorOutcome {
            const bool fenced = mine != store.claimed;
            if (!fenced) store.latest = keep.checkpoint;
            if (!fenced) store.latest->timeline = mine;
            return CheckpointKept{keep.checkpoint.commit.step, fenced ? kFenced : "", fenced};
          },
          [&](const RaiseClaim& raise) -> CoordinatorOutcome {
            if (store.claimed != raise.holding) {
              return ClaimRaised{.term = 0, .superseded = true, .error = ""};
            }
            store.claimed = raise.above + 1;
            return ClaimRaised{.term = store.claimed, .superseded = false, .error = ""};
          },
          [&](const AppendHistory& append) -> CoordinatorOutcome {
            const bool fenced = mine != store.claimed;
            return HistoryAppended{.life = append.life,
                                   .first = append.first,
                                   .lines = append.lines.size(),
                                   .error = fenced ? kFenced : "",
                                   .fenced = fenced};
          },
          [&](const ExportModel&) -> CoordinatorOutcome {
            return mine == store.claimed ? ModelExported{"digest", ""} : ModelExported{"", kFenced};
          },
      },
      job);
}

// A leaf's gradient depends on the step and the leaf alone: 2^-leaf * step for every key.
WorkerOutcome perform(WorkerJob&& job) {
  return std::visit(
      Overloaded{
          [](WorkerLoad& load) -> WorkerOutcome {
            return WorkerLoaded{load.number, 7, "model", ""};
          },
          [](GatherLeaves& gather) -> WorkerOutcome {
            KeySets keys(1);
            for (std::uint32_t p = 0; p < kPartitions; ++p) keys[0].push_back(key_of(p));
            std::sort(keys[0].begin(), keys[0].end());
            if (gather.leaves.empty()) keys[0].clear();
            return Gathered{gather.group, std::make_shared<const KeySets>(std::move(keys))};
          },
          [](GatherBatches&) -> WorkerOutcome { return Dropped{}; },
          [](ComputeLeaf& compute) -> WorkerOutcome {
            Gradient gradient;
            gradient.tables.resize(1);
            for (std::uint32_t p = 0; p < kPartitions; ++p) {
              gradient.tables[0].keys.push_back(key_of(p));
              gradient.tables[0].values.push_back(static_cast<float>(compute.step) /
                                                  static_cast<float>(1U << compute.leaf));
            }
            std::sort(gradient.tables[0].keys.begin(), gradient.tables[0].keys.end());
            gradient.figures = {.loss = 1.0, .examples = 1, .correct = 0, .nonfinite = 0};
            return NodeReady{compute.group,
                             {0, compute.leaf},
                             std::make_shared<const Gradient>(std::move(gradient))};
          },
          [](AddNodes& add) -> WorkerOutcome {
            Gradient sum = *add.left;
            for (std::size_t i = 0; i < sum.tables[0].values.size(); ++i) {
              sum.tables[0].values[i] += add.right->tables[0].values[i];
            }
            sum.figures = sum.figures + add.right->figures;
            return NodeReady{add.group, add.sum, std::make_shared<const Gradient>(std::move(sum))};
          },
          [](PackPush& push) -> WorkerOutcome {
            auto pushes = pack(push);
            return Packed{std::move(push), std::move(pushes)};
          },
          [](EvaluateBatch&) -> WorkerOutcome { return Dropped{}; },
      },
      job);
}

}  // namespace ballast::simulation::model
