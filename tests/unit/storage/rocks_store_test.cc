#include "common/storage/rocks_store.h"

#include <algorithm>
#include <functional>

#include "tests/unit/storage/snapshots.h"

namespace ballast {
namespace {

// A store with 500 rows in an ingested file and `logged` synced writes in its log.
void make_store(const std::string& directory, int logged) {
  const TemporaryDirectory files;
  const auto store = need(open_rocks_store({.directory = directory}));
  const SnapshotFile file = write_snapshot(files.path(), 7, some_rows(500, 1));
  need(store->ingest(std::vector{files.path(file.name)}, IngestBy::copy));
  for (int i = 0; i < logged; ++i) {
    WriteBatch batch;
    batch.put("log" + std::to_string(1000 + i), std::string(100, 'x'));
    need(store->write(batch, Durability::synced));
  }
  need(store->close());
}

std::string find_file(const std::string& directory, const std::string& suffix) {
  std::string found;
  std::uintmax_t largest = 0;
  for (const std::string& name : need(list_files(directory))) {
    const std::uint64_t bytes = need(file_bytes(join_path(directory, name)));
    if (name.ends_with(suffix) && bytes >= largest) {
      largest = bytes;
      found = join_path(directory, name);
    }
  }
  EXPECT_FALSE(found.empty()) << suffix;
  return found;
}

// Opening and reading everything: where damage may show, and must.
Status open_and_read(const std::string& directory) {
  auto store = open_rocks_store({.directory = directory, .mode = OpenMode::existing});
  if (!store) return store.error();
  const auto cursor = need((*store)->scan("", ""));
  while (true) {
    const auto more = cursor->next();
    if (!more) return more.error();
    if (!*more) return {};
  }
}

TEST(RocksStore, KeepsItsEntriesOverReopening) {
  const TemporaryDirectory directory;
  make_store(directory.path("home"), 20);
  const auto store =
      need(open_rocks_store({.directory = directory.path("home"), .mode = OpenMode::existing}));
  EXPECT_EQ(entries_of(*store).size(), 500U + 1U + 20U);
  EXPECT_EQ(entries_of(*store, "log").size(), 20U);
}

TEST(RocksStore, SaysWhatItHasAndHasDone) {
  const TemporaryDirectory directory;
  make_store(directory.path("home"), 20);
  const auto store = need(open_rocks_store({.directory = directory.path("home")}));
  WriteBatch batch;
  batch.put("key", std::string(5000, 'x'));
  need(store->write(batch, Durability::synced));
  const KvFigures figures = store->figures();
  EXPECT_GE(figures.files, 1U);
  EXPECT_GT(figures.file_bytes, 0U);
  EXPECT_GT(figures.memtable_bytes, 5000U);
  EXPECT_GT(figures.written_bytes, 5000U);
  EXPECT_LT(figures.written_bytes, 10'000U) << "since it was opened";
  need(store->close());
  EXPECT_EQ(store->figures().file_bytes, 0U);
}

TEST(RocksStore, HasOneOwner) {
  const TemporaryDirectory directory;
  const auto store = need(open_rocks_store({.directory = directory.path("home")}));
  EXPECT_TRUE(fails(open_rocks_store({.directory = directory.path("home")}), ErrorCode::conflict,
                    directory.path("home")));
}

TEST(RocksStore, ExistingModeMakesNothing) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(
      fails(open_rocks_store({.directory = directory.path("absent"), .mode = OpenMode::existing}),
            ErrorCode::not_found, "there is none"));
  EXPECT_FALSE(path_exists(directory.path("absent")));
  EXPECT_TRUE(fails(open_rocks_store({.directory = directory.path(), .mode = OpenMode::existing}),
                    ErrorCode::not_found, "there is none"));
}

TEST(RocksStore, AFileInItsPlaceIsAnError) {
  const TemporaryDirectory directory;
  need(write_file_atomically(directory.path("file"), "not a directory"));
  EXPECT_FALSE(open_rocks_store({.directory = directory.path("file")}));
}

TEST(RocksStore, DamageIsAClearErrorNeverASmallerStore) {
  struct Case {
    const char* name;
    std::function<void(const std::string&)> damage;
  };
  const Case cases[] = {
      {"CURRENT is gone",
       [](const std::string& home) { need(remove_file(join_path(home, "CURRENT"))); }},
      {"the list of files is gone",
       [](const std::string& home) {
         for (const std::string& name : need(list_files(home))) {
           if (name.starts_with("MANIFEST")) need(remove_file(join_path(home, name)));
         }
       }},
      {"a data file is gone",
       [](const std::string& home) { need(remove_file(find_file(home, ".sst"))); }},
      {"a data file is shorter",
       [](const std::string& home) {
         const std::string path = find_file(home, ".sst");
         overwrite(path, need(read_file(path)).substr(0, 1000));
       }},
      {"a bit of a data file is flipped",
       [](const std::string& home) { flip_bit(find_file(home, ".sst"), 5000); }},
      {"a bit in the middle of the log is flipped",
       [](const std::string& home) { flip_bit(find_file(home, ".log"), 600); }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const TemporaryDirectory directory;
    make_store(directory.path("home"), 20);
    ASSERT_TRUE(ok(open_and_read(directory.path("home"))));
    make_store(directory.path("again"), 20);
    c.damage(directory.path("again"));
    EXPECT_TRUE(
        fails(open_and_read(directory.path("again")), ErrorCode::corrupt, directory.path("again")));
    if (std::string(c.name) == "CURRENT is gone") {
      EXPECT_TRUE(fails(open_rocks_store({.directory = directory.path("again")}),
                        ErrorCode::corrupt, "CURRENT"));
    }
  }
}

TEST(RocksStore, AHeadlessDatabaseIsNotAnEmptyOne) {
  const TemporaryDirectory directory;
  make_store(directory.path("home"), 1);
  need(remove_file(directory.path("home/CURRENT")));
  EXPECT_TRUE(fails(open_rocks_store({.directory = directory.path("home")}), ErrorCode::corrupt,
                    "no CURRENT file"));
}

// Killed while it was made: nothing is lost, and a server that comes back goes on.
TEST(RocksStore, ADatabaseThatWasNeverWholeIsMadeAnew) {
  const TemporaryDirectory directory;
  for (const bool is_begun : {false, true}) {  // Its first list of files.
    const std::string home = directory.path(is_begun ? "begun" : "empty");
    need(make_directories(home));
    need(write_file_atomically(join_path(home, "MANIFEST-000001"), is_begun ? "half a rec" : ""));
    need(write_file_atomically(join_path(home, "000001.dbtmp"), "MANIFEST-0000"));
    make_store(home, 20);
    EXPECT_TRUE(ok(open_and_read(home)));
  }
}

TEST(RocksStore, AFullDiskIsAnErrorUntilTheStoreIsOpenedAgain) {
  const TemporaryDirectory directory;
  make_store(directory.path("home"), 20);
  {
    const auto store = need(open_rocks_store({.directory = directory.path("home")}));
    WriteBatch batch;
    batch.put("lost", std::string(100'000, 'x'));
    need(store->write(batch, Durability::buffered));
    {
      const FullDisk full;
      EXPECT_TRUE(fails(store->sync(), ErrorCode::io, "cannot sync"));
      EXPECT_TRUE(fails(store->sync(), ErrorCode::io, "cannot sync"));
      EXPECT_TRUE(fails(store->write(batch, Durability::synced), ErrorCode::io, "cannot write"));
    }
    // What the log lost would be missing between what came before and what comes after.
    EXPECT_TRUE(fails(store->sync(), ErrorCode::io, "cannot sync"));
    EXPECT_TRUE(fails(store->close(), ErrorCode::io, "cannot sync"));
  }
  const auto store = need(open_rocks_store({.directory = directory.path("home")}));
  EXPECT_EQ(entries_of(*store, "log").size(), 20U);
  EXPECT_EQ(entries_of(*store, "lost").size(), 0U);
  WriteBatch batch;
  batch.put("kept", "x");
  need(store->write(batch, Durability::synced));
  need(store->close());
}

TEST(RocksStore, ATornLastWriteIsForgottenWhole) {
  const TemporaryDirectory directory;
  make_store(directory.path("home"), 20);
  const std::string log = find_file(directory.path("home"), ".log");
  const std::string bytes = need(read_file(log));
  overwrite(log, bytes.substr(0, bytes.size() - 50));
  const auto store =
      need(open_rocks_store({.directory = directory.path("home"), .mode = OpenMode::existing}));
  EXPECT_EQ(entries_of(*store, "log").size(), 19U);
}

}  // namespace
}  // namespace ballast
