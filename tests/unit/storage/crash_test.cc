// Both stores, driven by the same script, keep the same entries after a crash. RocksDB's crash is
// a process that ends without closing anything. A program of its own, because a process that
// has RocksDB's threads cannot fork and go on using them: all children come before the first open.

#include <sys/wait.h>
#include <unistd.h>

#include "common/storage/memory_store.h"
#include "common/storage/rocks_store.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

constexpr std::uint64_t kSeeds = 12;

// Writes that depend on the seed alone; some synced, the last ones not.
Status drive(KvStore& store, std::uint64_t seed) {
  Random random(seed);
  const std::uint32_t writes = 20 + random.below(60);
  const auto key = [&] { return "key" + std::to_string(100 + random.below(40)); };
  for (std::uint32_t i = 0; i < writes; ++i) {
    WriteBatch batch;
    const std::uint32_t operations = 1 + random.below(4);
    for (std::uint32_t j = 0; j < operations; ++j) {
      const std::uint32_t kind = random.below(8);
      if (kind == 0) {
        std::string begin = key();
        std::string end = key();
        if (end < begin) std::swap(begin, end);
        batch.remove_range(begin, end);
      } else if (kind == 1) {
        batch.remove(key());
      } else {
        batch.put(key(), std::to_string(i) + std::string(random.below(200), 'v'));
      }
    }
    const bool synced = i + 10 < writes && random.below(4) == 0;
    const Status done = store.write(batch, synced ? Durability::synced : Durability::buffered);
    if (!done) return done;
  }
  return {};
}

[[noreturn]] void drive_and_die(const std::string& directory, std::uint64_t seed) {
  auto store = open_rocks_store({.directory = directory});
  if (!store) ::_exit(2);
  if (!drive(**store, seed)) ::_exit(3);
  ::_exit(0);  // No destructor, no close, nothing flushed.
}

TEST(Crash, MemoryAndRocksKeepTheSame) {
  const TemporaryDirectory directory;
  const auto home = [&](std::uint64_t seed) { return directory.path(std::to_string(seed)); };
  std::vector<pid_t> children;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) drive_and_die(home(seed), seed);
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  std::uint64_t lost_something = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MemoryStore memory;
    need(drive(memory, seed));
    const Entries before = entries_of(memory);
    memory.crash();
    const auto rocks =
        need(open_rocks_store({.directory = home(seed), .mode = OpenMode::existing}));
    EXPECT_EQ(entries_of(*rocks), entries_of(memory));
    if (before != entries_of(memory)) lost_something += 1;
  }
  EXPECT_GT(lost_something, kSeeds / 2) << "the script no longer tests a crash";
}

}  // namespace
}  // namespace ballast
