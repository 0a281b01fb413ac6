// What a checkpoint costs the thread that trains: taking the cut, and the steps after it, in which
// whatever changes is copied first as long as the writer holds it. Here it never lets go, which is
// the worst case, and has either done nothing else for the steps or what it can do ahead of them.
// Times are of this thread's CPU, so that other load on the machine does not count; the time that
// its page faults take does. Each case is a process of its own: memory that another one has left
// behind would make its first cut look cheap.
//
// Then what writing a cut costs: the CPU that all threads of the process take for it, the kernel's
// work for them included, and the time.
//
//   bench_cuts [MiB of weights [DIRECTORY to write in]]

#include <fmt/core.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/hash.h"
#include "common/job/run.h"
#include "common/runtime/memory.h"
#include "common/storage/directory_store.h"
#include "common/storage/files.h"
#include "paramserver/cut.h"
#include "paramserver/disk.h"
#include "paramserver/optimizer.h"
#include "paramserver/partition.h"

namespace ballast {
namespace {

constexpr std::uint32_t kPartitions = 64;
constexpr TableId kTable{0};

double ms_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

template <class Do>
double measured(Do what) {
  const double begin = ms_of(CLOCK_THREAD_CPUTIME_ID);
  what();
  return ms_of(CLOCK_THREAD_CPUTIME_ID) - begin;
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

  [[nodiscard]] Step applied() const { return partitions_[0].applied(); }
  [[nodiscard]] const RunConfig& run() const { return run_; }

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

// Whether the writer of a cut has set aside what each step after it needs before it begins, which
// takes a thread of its own and a moment without work for it.
enum class Writer { behind, ahead };

// Steps before a cut, the cut, and steps after it. "Later": an earlier cut has come and gone, as in
// any run that is not at its first.
void report(const std::string& name, Model& model, Writer writer,
            const std::function<std::vector<Key>()>& keys) {
  for (const char* const which : {"first", "later"}) {
    std::vector<double> before;
    for (int i = 0; i < 8; ++i) before.push_back(model.step(keys()));
    std::sort(before.begin(), before.end());
    std::vector<PartitionCut> held;
    const double cut = measured([&] { held = model.cut(); });
    const auto catch_up = [&] {
      for (PartitionCut& partition : held) partition.snapshot.set_aside();
    };
    double longest = 0.0;
    double extra = 0.0;
    const double median = before[before.size() / 2];
    for (int i = 0; i < 8; ++i) {
      if (writer == Writer::ahead) std::thread(catch_up).join();
      const double took = model.step(keys());
      longest = std::max(longest, took - median);
      extra += took - median;
    }
    fmt::print("{:<44} {:<6} {:>10.1f} {:>10.1f} {:>12.1f} {:>12.1f}\n", name, which, median, cut,
               longest, extra);
  }
}

// A base, and another one after everything has changed.
int report_writing(const std::string& name, Model& model, const std::vector<Key>& all,
                   const std::string& directory) {
  ServerDisk disk(join_path(directory, "home"), [](const std::string& address) {
    return open_directory_store(address, OpenMode::create);
  });
  const auto failed = [](const std::string& error) {
    fmt::print(stderr, "bench_cuts: {}\n", error);
    return 1;
  };
  const auto loaded =
      std::get<ServerLoaded>(disk(ServerLoad{.run = std::make_shared<const RunConfig>(model.run()),
                                             .checkpoints = join_path(directory, "checkpoints")}));
  if (!loaded.error.empty()) return failed(loaded.error);
  for (const char* const which : {"first", "later"}) {
    ServerCut job{.timeline = 1, .step = model.applied(), .partitions = model.cut()};
    const double cpu = ms_of(CLOCK_PROCESS_CPUTIME_ID);
    const double begin = ms_of(CLOCK_MONOTONIC);
    const auto done = std::get<ServerCutDone>(disk(std::move(job))).done;
    const double took = ms_of(CLOCK_MONOTONIC) - begin;
    const double used = ms_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    if (!done.error.empty()) return failed(done.error);
    double mib = 0.0;
    for (const wire::SnapshotFile& file : done.files) {
      mib += static_cast<double>(file.bytes) / (1 << 20);
    }
    fmt::print("{:<44} {:<6} {:>10.0f} {:>10.0f} {:>12.0f} {:>12.0f}\n", name, which, mib, used,
               took, used / mib * 1024);
    model.step(all);
  }
  return 0;
}

constexpr std::uint32_t kWidth = 16;

std::vector<Key> rows_of(std::uint64_t mib) {
  std::vector<Key> all((mib << 20) / (kWidth * sizeof(float)));
  for (std::uint64_t i = 0; i < all.size(); ++i) all[i] = mix(i);
  return all;
}

RunConfig sparse_run() { return run_of(TableKind::sparse, {kWidth}, OptimizerKind::adagrad); }

RunConfig dense_run(std::uint64_t mib, OptimizerKind optimizer) {
  return run_of(TableKind::dense, {static_cast<std::uint32_t>((mib << 20) / sizeof(float))},
                optimizer);
}

int sparse(std::uint64_t mib, std::size_t touched, Writer writer, const std::string& name) {
  const std::vector<Key> all = rows_of(mib);
  Model model(sparse_run());
  model.step(all);
  std::uint64_t drawn = 0;
  report(name, model, writer, [&] {
    std::vector<Key> keys(touched);
    for (Key& key : keys) key = all[mix(++drawn, 7) % all.size()];
    return keys;
  });
  return 0;
}

int dense(std::uint64_t mib, OptimizerKind optimizer, Writer writer, const std::string& name) {
  Model model(dense_run(mib, optimizer));
  report(name, model, writer, [] { return std::vector<Key>(); });
  return 0;
}

int write_sparse(std::uint64_t mib, const std::string& name, const std::string& directory) {
  const std::vector<Key> all = rows_of(mib);
  Model model(sparse_run());
  model.step(all);
  return report_writing(name, model, all, directory);
}

int write_dense(std::uint64_t mib, const std::string& name, const std::string& directory) {
  Model model(dense_run(mib, OptimizerKind::adam));
  model.step({});
  return report_writing(name, model, {}, directory);
}

// In a process of its own. False: it failed, and has said why.
bool apart(const std::function<int()>& what) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    const int status = what();
    std::fflush(stdout);
    _exit(status);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

// With a directory of its own below `place`, gone afterwards.
bool apart_in(const std::string& place, const std::function<int(const std::string&)>& what) {
  std::string directory = join_path(place, "bench_cuts-XXXXXX");
  if (mkdtemp(directory.data()) == nullptr) {
    fmt::print(stderr, "bench_cuts: cannot make a directory in {}\n", place);
    return false;
  }
  const bool done = apart([&] { return what(directory); });
  const Status gone = remove_directory(directory);
  if (!gone) fmt::print(stderr, "bench_cuts: {}\n", gone.error().message);
  return done && gone;
}

bool bench(std::uint64_t mib, const std::string& place) {
  fmt::print("{} MiB of weights; milliseconds of the training thread\n", mib);
  fmt::print("{:<44} {:<6} {:>10} {:>10} {:>12} {:>12}\n", "", "cut", "a step", "the cut",
             "longest more", "in all more");
  bool done = true;
  for (const Writer writer : {Writer::behind, Writer::ahead}) {
    const std::string how = writer == Writer::ahead ? ", writer ahead" : "";
    for (const std::size_t touched : {1'000, 10'000, 100'000}) {
      done &= apart([&] {
        return sparse(mib, touched, writer, fmt::format("{} rows of 16, Adagrad{}", touched, how));
      });
    }
    done &= apart([&] { return dense(mib, OptimizerKind::sgd, writer, "dense, SGD" + how); });
    done &= apart([&] { return dense(mib, OptimizerKind::adam, writer, "dense, Adam" + how); });
  }
  fmt::print("\n{:<44} {:<6} {:>10} {:>10} {:>12} {:>12}\n", "writing", "cut", "MiB", "CPU ms",
             "ms", "CPU ms a GiB");
  done &= apart_in(place, [&](const std::string& directory) {
    return write_sparse(mib, "rows of 16, Adagrad", directory);
  });
  done &= apart_in(place, [&](const std::string& directory) {
    return write_dense(mib, "dense, Adam", directory);
  });
  return done;
}

}  // namespace
}  // namespace ballast

int main(int argc, char** argv) {
  ballast::keep_freed_memory();
  const std::uint64_t mib = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1024;
  return ballast::bench(mib, argc > 2 ? argv[2] : "/var/tmp") ? 0 : 1;
}
