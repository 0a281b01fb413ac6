#include "common/storage/snapshot.h"

#include "common/storage/content_hash.h"
#include "common/storage/memory_store.h"
#include "common/storage/rocks_sst.h"
#include "common/storage/rocks_store.h"
#include "common/storage/sst_identity.h"
#include "tests/unit/storage/snapshots.h"

namespace ballast {
namespace {

std::vector<Record> read_all(SnapshotReader& reader) {
  std::vector<Record> records;
  while (need(reader.next())) records.push_back(reader.record());
  return records;
}

TEST(Snapshot, ReadsBackWhatWasWritten) {
  const TemporaryDirectory directory;
  std::vector<Row> rows = some_rows(3000, 1);
  rows.push_back({4, 0, 9, std::vector<float>(16384, 0.25F), std::vector<float>(32768, 0.5F)});
  rows.push_back({4, 1, 8, {}, {}});
  const SnapshotFile file = write_snapshot(directory.path(), 7, rows);
  EXPECT_EQ(file.partition, PartitionId{7});
  EXPECT_EQ(file.records, rows.size());
  EXPECT_EQ(file.name, file.checksum + ".sst");
  EXPECT_EQ(need(list_files(directory.path())), std::vector<std::string>{file.name});
  EXPECT_EQ(need(file_bytes(directory.path(file.name))), file.bytes);

  const auto reader = need(SnapshotReader::open(directory.path(file.name), file));
  const std::vector<Record> records = read_all(*reader);
  ASSERT_EQ(records.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<float> floats = rows[i].weights;
    floats.insert(floats.end(), rows[i].slots.begin(), rows[i].slots.end());
    const RecordKey key{PartitionId{7}, TableId{rows[i].table}, rows[i].key};
    ASSERT_EQ(records[i].key, key);
    ASSERT_EQ(records[i].version, rows[i].version);
    ASSERT_EQ(records[i].floats, floats);
  }
}

TEST(Snapshot, EqualRecordsGiveEqualFilesAndDifferentOnesDoNot) {
  const TemporaryDirectory first;
  const TemporaryDirectory second;
  std::vector<Row> rows = some_rows(500, 1);
  const SnapshotFile a = write_snapshot(first.path(), 7, rows);
  const SnapshotFile b = write_snapshot(second.path(), 7, rows);
  EXPECT_EQ(a, b);
  EXPECT_EQ(need(read_file(first.path(a.name))), need(read_file(second.path(b.name))));

  EXPECT_NE(write_snapshot(first.path(), 8, rows).name, a.name);
  rows[100].version += 1;
  EXPECT_NE(write_snapshot(first.path(), 7, rows).name, a.name);
  rows.pop_back();
  EXPECT_NE(write_snapshot(first.path(), 7, rows).name, a.name);
}

TEST(Snapshot, APartitionWithoutRecordsHasAFileToo) {
  const TemporaryDirectory directory;
  const SnapshotFile file = write_snapshot(directory.path(), 63, {});
  EXPECT_EQ(file.records, 0U);
  const auto reader = need(SnapshotReader::open(directory.path(file.name), file));
  EXPECT_TRUE(read_all(*reader).empty());
  EXPECT_FALSE(need(reader->next())) << "the end stays the end";
}

TEST(Snapshot, RefusesRecordsOutOfOrderAndLeavesNothing) {
  struct Case {
    const char* name;
    std::uint32_t table;
    Key key;
  };
  const TemporaryDirectory directory;
  for (const Case& c : {Case{"same", 3, 10}, {"smaller key", 3, 9}, {"smaller table", 2, 11}}) {
    SCOPED_TRACE(c.name);
    const auto writer = need(SnapshotWriter::create(directory.path(), PartitionId{1}));
    need(writer->add(TableId{3}, 10, 1, {}, {}));
    EXPECT_TRUE(fails(writer->add(TableId{c.table}, c.key, 1, {}, {}), ErrorCode::invalid,
                      "after table 3, key 10"));
  }
  EXPECT_TRUE(need(list_files(directory.path())).empty());
}

TEST(Snapshot, WriterNeedsItsDirectory) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(fails(SnapshotWriter::create(directory.path("absent"), PartitionId{1}),
                    ErrorCode::not_found, "absent"));
}

TEST(Snapshot, DamageIsSeenBeforeAByteIsTrusted) {
  const TemporaryDirectory directory;
  const SnapshotFile file = write_snapshot(directory.path(), 7, some_rows(40, 1));
  const std::string path = directory.path(file.name);
  const std::string good = need(read_file(path));
  Random random(2);
  for (std::size_t byte = 0; byte < good.size(); ++byte) {
    std::string bad = good;
    bad[byte] = static_cast<char>(bad[byte] ^ (1U << random.below(8)));
    overwrite(path, bad);
    ASSERT_TRUE(fails(SnapshotReader::open(path, file), ErrorCode::corrupt, "altered")) << byte;
  }
  overwrite(path, good.substr(0, good.size() - 1));
  EXPECT_TRUE(fails(SnapshotReader::open(path, file), ErrorCode::corrupt, "bytes, found"));
  overwrite(path, good + "x");
  EXPECT_TRUE(fails(verify_snapshot(path, file), ErrorCode::corrupt, "bytes, found"));
  need(remove_file(path));
  EXPECT_TRUE(fails(SnapshotReader::open(path, file), ErrorCode::not_found, path));
}

TEST(Snapshot, AnotherPartitionOrCountIsSeen) {
  const TemporaryDirectory directory;
  SnapshotFile file = write_snapshot(directory.path(), 7, some_rows(40, 1));
  const std::string path = directory.path(file.name);
  file.partition = PartitionId{8};
  EXPECT_TRUE(fails(need(SnapshotReader::open(path, file))->next(), ErrorCode::corrupt,
                    "holds a record of partition 7"));
  file.partition = PartitionId{7};
  file.records = 41;
  const auto reader = need(SnapshotReader::open(path, file));
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(need(reader->next()));
  EXPECT_TRUE(fails(reader->next(), ErrorCode::corrupt, "expected 41 records, found 40"));
}

TEST(Snapshot, ASortedFileOfSomethingElseIsNotASnapshot) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("other");
  const auto writer = need(SstWriter::create(need(OpenFile::create_new(path))));
  need(writer->put("key", "value"));
  need(writer->finish());
  const SnapshotFile file{.partition = PartitionId{0},
                          .name = "other",
                          .bytes = need(file_bytes(path)),
                          .records = 1,
                          .checksum = need(content_hash_of_file(path))};
  EXPECT_TRUE(
      fails(need(SnapshotReader::open(path, file))->next(), ErrorCode::corrupt, "16 bytes"));
}

TEST(Snapshot, IngestsIntoEveryStoreAndReplacesWhatWasThere) {
  const TemporaryDirectory directory;
  const TemporaryDirectory home;
  const std::vector<Row> old_rows = some_rows(2000, 1);
  std::vector<Row> new_rows = old_rows;
  for (Row& row : new_rows) row.weights = {row.weights[0] + 1.0F, -1.0F};
  const std::string old_path = directory.path(write_snapshot(directory.path(), 7, old_rows).name);
  const std::string new_path = directory.path(write_snapshot(directory.path(), 7, new_rows).name);
  const std::string other_path =
      directory.path(write_snapshot(directory.path(), 8, some_rows(2000, 3)).name);
  const std::string bytes_before = need(read_file(new_path));

  MemoryStore memory;
  const auto rocks = need(open_rocks_store({.directory = home.path()}));
  for (KvStore* store : {static_cast<KvStore*>(&memory), rocks.get()}) {
    need(store->ingest(std::vector{old_path, other_path}, IngestBy::copy));
    const Entries before = entries_of(*store);  // Fills the cache with the old file's blocks.
    need(store->ingest(std::vector{new_path}, IngestBy::link));
    const Entries after = entries_of(*store);
    ASSERT_EQ(after.size(), 2 * (2000U + 1U));
    EXPECT_NE(before, after);
    Record record;
    for (std::size_t i = 0; i < 2000; ++i) {
      need(decode_record(after[i].first, after[i].second, record));
      ASSERT_EQ(record.floats[1], -1.0F);
    }
  }
  EXPECT_EQ(entries_of(memory), entries_of(*rocks));
  EXPECT_EQ(need(list_files(directory.path())).size(), 3U) << "a linked file was removed";
  EXPECT_EQ(need(read_file(new_path)), bytes_before) << "a linked file was changed in place";
}

TEST(Snapshot, IngestOfAMissingOrDamagedFileChangesNothing) {
  const TemporaryDirectory directory;
  const TemporaryDirectory home;
  const std::string good =
      directory.path(write_snapshot(directory.path(), 7, some_rows(9, 1)).name);
  const std::string bad = directory.path(write_snapshot(directory.path(), 8, some_rows(9, 2)).name);
  flip_bit(bad, 20);
  MemoryStore memory;
  const auto rocks = need(open_rocks_store({.directory = home.path()}));
  for (KvStore* store : {static_cast<KvStore*>(&memory), rocks.get()}) {
    EXPECT_TRUE(fails(store->ingest(std::vector{good, bad}, IngestBy::copy), ErrorCode::corrupt));
    EXPECT_FALSE(store->ingest(std::vector{good, directory.path("no")}, IngestBy::copy));
    EXPECT_TRUE(entries_of(*store).empty());
  }
}

TEST(Snapshot, ADeltaHoldsOnlyWhatChangedSince) {
  const TemporaryDirectory directory;
  std::vector<Row> rows = some_rows(9, 1);
  for (Row& row : rows) row.version = 21;
  const SnapshotFile good = write_snapshot(directory.path(), 7, rows, 20);
  const auto read = [&](const SnapshotFile& file) {
    const auto reader = need(SnapshotReader::open(directory.path(file.name), file));
    std::size_t records = 0;
    while (true) {
      const Result<bool> more = reader->next();
      if (!more) return Result<std::size_t>(more.error());
      if (!*more) return Result<std::size_t>(records);
      ++records;
    }
  };
  EXPECT_EQ(need(read(good)), 9U);
  SnapshotFile later = good;
  later.since = 21;
  EXPECT_TRUE(fails(read(later), ErrorCode::corrupt,
                    "expected what changed after step 21, found a record of step 21"));
}

TEST(SstIdentity, TakesAnyBytesWithoutHarm) {
  const TemporaryDirectory directory;
  const SnapshotFile file = write_snapshot(directory.path(), 7, some_rows(5, 1));
  const std::string good = need(read_file(directory.path(file.name)));
  const auto derive = [](const std::string& bytes) {
    ContentHash hash;
    return derive_sst_identity({std::as_bytes(std::span(bytes.data(), bytes.size()))}, hash);
  };
  const auto patch = derive(good);
  ASSERT_TRUE(patch.has_value());
  EXPECT_EQ(good.substr(patch->session_offset, kSessionIdBytes), patch->session);
  EXPECT_EQ(good.substr(patch->checksum_offset, 4), patch->checksum);

  Random random(3);
  for (int i = 0; i < 20'000; ++i) {
    const std::string bad = mutate(good, random);
    if (const auto found = derive(bad)) {
      ASSERT_LE(found->session_offset + kSessionIdBytes, bad.size());
      ASSERT_LE(found->checksum_offset + 4, bad.size());
    }
  }
}

}  // namespace
}  // namespace ballast
