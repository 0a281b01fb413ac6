// What a checkpoint costs the thread that trains: taking the cut, and the steps after it, in which
// whatever changes is copied first as long as the writer holds it. Here it never lets go, which is
// the worst case. Times are of this thread's CPU, so that other load on the machine does not count;
// the time that its page faults take does.
//
//   bench_cuts [MiB of weights]

#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

#include "common/base/hash.h"
#include "common/job/run.h"
#include "common/runtime/memory.h"
#include "paramserver/cut.h"
#include "paramserver/optimizer.h"
#include "paramserver/partition.h"

namespace ballast {
namespace {

constexpr std::uint32_t kPartitions = 64;
constexpr TableId kTable{0};

double thread_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

template <class Do>
double measured(Do what) {
  const double begin = thread_ms();
  what();
  return thread_ms() - begin;
}

RunConfig run_of(TableKind kind, std::vector<std::uint32_t> shape, OptimizerKind optimizer) {
  RunConfig run;
  run.tables = {{.id = kTable, .name = "t", .kind = kind, .shape = std::move(shape)}};
  run.partitions = kPartitions;
  run.leaves = 1;
  run.optimizer.kind = optimizer;
  run.optimizer.learning_rate = 0.01;
  return run;
}

// All partitions of a run in one thread, as an embedded server has them.
class Model {
 public:
  explicit Model(RunConfig run) : run_(std::move(run)) {
    for (std::uint32_t p = 0; p < kPartitions; ++p) partitions_.emplace_back(run_, PartitionId{p});
  }

  // One step that changes these rows, or every dense block; how long the update took.
  double step(const std::vector<Key>& keys) {
    offer(keys);
    Commit commit;
    commit.step = partitions_[0].applied() + 1;
    return measured([&] {
      for (Partition& partition : partitions_) partition.apply(commit);
    });
  }

  [[nodiscard]] std::vector<PartitionCut> cut() {
    std::vector<PartitionCut> cuts;
    for (Partition& partition : partitions_) cuts.push_back({partition.snapshot(), 0});
    return cuts;
  }

 private:
  void offer(const std::vector<Key>& keys) {
    const TableSpec& table = run_.tables[0];
    std::vector<Contribution> contributions(kPartitions);
    if (table.kind == TableKind::dense) {
      for (std::uint32_t b = 0; b < blocks_of(table); ++b) {
        const std::uint32_t p = index(partition_of(kTable, b, kPartitions));
        contributions[p].dense.push_back({kTable, b, gradient_});
      }
    } else {
      std::vector<std::vector<Key>> by_partition(kPartitions);
      for (const Key key : keys) {
        by_partition[index(partition_of(kTable, key, kPartitions))].push_back(key);
      }
      for (std::uint32_t p = 0; p < kPartitions; ++p) {
        std::vector<Key>& mine = by_partition[p];
        std::sort(mine.begin(), mine.end());
        mine.erase(std::unique(mine.begin(), mine.end()), mine.end());
        if (mine.empty()) continue;
        std::vector<float> values(mine.size() * floats_of(table), 0.5F);
        contributions[p].sparse.push_back(
            {kTable, Bytes::own(std::move(mine)), Bytes::own(std::move(values))});
      }
    }
    for (std::uint32_t p = 0; p < kPartitions; ++p) {
      static_cast<void>(partitions_[p].offer(Node{0, 0}, std::move(contributions[p])));
    }
  }

  const RunConfig run_;
  std::vector<Partition> partitions_;
  const Bytes gradient_ = Bytes::own(std::vector<float>(kBlockFloats, 0.5F));
};

// Steps before a cut, the cut, and steps after it. `warm`: an earlier cut has come and gone, as in
// any run that is not at its first.
void report(const char* name, Model& model, const std::function<std::vector<Key>()>& keys) {
  for (const bool warm : {false, true}) {
    std::vector<double> before;
    for (int i = 0; i < 8; ++i) before.push_back(model.step(keys()));
    std::sort(before.begin(), before.end());
    std::vector<PartitionCut> held;
    const double cut = measured([&] { held = model.cut(); });
    double longest = 0.0;
    double extra = 0.0;
    const double median = before[before.size() / 2];
    for (int i = 0; i < 8; ++i) {
      const double took = model.step(keys());
      longest = std::max(longest, took - median);
      extra += took - median;
    }
    fmt::print("{:<44} {:<6} {:>10.1f} {:>10.1f} {:>12.1f} {:>12.1f}\n", name,
               warm ? "later" : "first", median, cut, longest, extra);
  }
}

void sparse(std::uint64_t mib, std::size_t touched, const char* name) {
  constexpr std::uint32_t kWidth = 16;
  const std::uint64_t rows = (mib << 20) / (kWidth * sizeof(float));
  Model model(run_of(TableKind::sparse, {kWidth}, OptimizerKind::adagrad));
  std::vector<Key> all(rows);
  for (std::uint64_t i = 0; i < rows; ++i) all[i] = mix(i);
  model.step(all);
  std::uint64_t drawn = 0;
  report(name, model, [&] {
    std::vector<Key> keys(touched);
    for (Key& key : keys) key = all[mix(++drawn, 7) % rows];
    return keys;
  });
}

void dense(std::uint64_t mib, OptimizerKind optimizer, const char* name) {
  Model model(run_of(TableKind::dense, {static_cast<std::uint32_t>((mib << 20) / sizeof(float))},
                     optimizer));
  report(name, model, [] { return std::vector<Key>(); });
}

int bench(std::uint64_t mib) {
  fmt::print("{} MiB of weights; milliseconds of the training thread\n", mib);
  fmt::print("{:<44} {:<6} {:>10} {:>10} {:>12} {:>12}\n", "", "cut", "a step", "the cut",
             "longest more", "in all more");
  sparse(mib, 1'000, "rows of 16, Adagrad, 1,000 a step");
  sparse(mib, 10'000, "rows of 16, Adagrad, 10,000 a step");
  sparse(mib, 100'000, "rows of 16, Adagrad, 100,000 a step");
  dense(mib, OptimizerKind::sgd, "dense, SGD");
  dense(mib, OptimizerKind::adam, "dense, Adam");
  return 0;
}

}  // namespace
}  // namespace ballast

int main(int argc, char** argv) {
  ballast::keep_freed_memory();
  return ballast::bench(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1024);
}
