#include "common/storage/export.h"

#include <algorithm>
#include <map>

#include "common/base/hash.h"
#include "common/storage/checkpoints.h"
#include "common/storage/directory_store.h"
#include "common/storage/safetensors.h"
#include "tests/unit/storage/snapshots.h"

namespace ballast {
namespace {

constexpr std::uint32_t kSlots = 2;

// A run with a dense table of two and a half blocks, a small one, and two sparse ones, the second
// of which has no rows.
RunConfig make_run(std::uint32_t partitions) {
  RunConfig run;
  run.name = "export";
  run.partitions = partitions;
  run.tables = {
      {.id = TableId{0}, .name = "dense_0.weight", .shape = {640, 64}},
      {.id = TableId{1}, .name = "words", .kind = TableKind::sparse, .shape = {5}},
      {.id = TableId{2}, .name = "dense_0.bias", .shape = {3}},
      {.id = TableId{3}, .name = "unseen", .kind = TableKind::sparse, .shape = {2}},
  };
  return run;
}

float weight(std::uint32_t table, Key key, std::size_t i) {
  return static_cast<float>(mix(key, mix(table, i)) % 10007) * 0.25F;
}
float slot_value(std::uint32_t table, Key key, std::uint32_t slot, std::size_t i) {
  return -weight(table, key, i) - static_cast<float>(slot);
}

Row make_row(std::uint32_t table, Key key, std::size_t floats) {
  Row row{.table = table, .key = key, .version = 5, .weights = {}, .slots = {}};
  for (std::size_t i = 0; i < floats; ++i) row.weights.push_back(weight(table, key, i));
  for (std::uint32_t s = 0; s < kSlots; ++s) {
    for (std::size_t i = 0; i < floats; ++i) row.slots.push_back(slot_value(table, key, s, i));
  }
  return row;
}

std::vector<Key> word_keys() {
  std::vector<Key> keys;
  for (Key i = 0; i < 1000; ++i) keys.push_back(mix(i));
  std::sort(keys.begin(), keys.end());
  return keys;
}

// What the servers hold, by partition, in the order of a snapshot.
std::map<std::uint32_t, std::vector<Row>> make_rows(const RunConfig& run) {
  std::map<std::uint32_t, std::vector<Row>> rows;
  for (std::uint32_t p = 0; p < run.partitions; ++p) rows[p];
  for (const TableSpec& table : run.tables) {
    const std::uint32_t id = index(table.id);
    std::vector<Key> keys;
    if (table.kind == TableKind::dense) {
      for (std::uint32_t b = 0; b < blocks_of(table); ++b) keys.push_back(b);
    } else if (table.name == "words") {
      keys = word_keys();
    }
    for (const Key key : keys) {
      const std::uint64_t floats = table.kind == TableKind::dense
                                       ? floats_of_block(table, static_cast<std::uint32_t>(key))
                                       : floats_of(table);
      rows[index(partition_of(table.id, key, run.partitions))].push_back(make_row(id, key, floats));
    }
  }
  return rows;
}

class ExportTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = need(open_directory_store(directory_.path("store"), OpenMode::create));
  }

  Manifest write(const RunConfig& run, const std::map<std::uint32_t, std::vector<Row>>& rows) {
    Manifest manifest;
    manifest.timeline = 1;
    manifest.step = 5;
    for (const auto& [partition, list] : rows) {
      manifest.files.push_back(write_snapshot(directory_.path("store"), partition, list));
    }
    EXPECT_EQ(manifest.files.size(), run.partitions);
    return manifest;
  }
  Result<Exported> run_export(const RunConfig& run, const Manifest& manifest) {
    return export_model(manifest, *store_, run,
                        {.slots = kSlots,
                         .model_path = directory_.path("model.safetensors"),
                         .optimizer_path = directory_.path("optimizer.safetensors")});
  }
  Result<Exported> write_and_export(const RunConfig& run,
                                    const std::map<std::uint32_t, std::vector<Row>>& rows) {
    return run_export(run, write(run, rows));
  }
  std::vector<std::string> exported_files() const { return need(list_files(directory_.path())); }

  const TemporaryDirectory directory_;
  std::unique_ptr<CheckpointStore> store_;
};

TEST_F(ExportTest, BytesDoNotDependOnThePartitions) {
  std::string model;
  std::string optimizer;
  for (const std::uint32_t partitions : {1U, 2U, 7U, 64U}) {
    SCOPED_TRACE(partitions);
    const RunConfig run = make_run(partitions);
    const Exported exported = need(write_and_export(run, make_rows(run)));
    EXPECT_EQ(exported.sparse_rows, 1000U);
    EXPECT_NE(exported.model_sha256, exported.optimizer_sha256);
    if (!model.empty()) {
      EXPECT_EQ(exported.model_sha256, model);
      EXPECT_EQ(exported.optimizer_sha256, optimizer);
    }
    model = exported.model_sha256;
    optimizer = exported.optimizer_sha256;
  }
}

// What is written in pieces, oldest first, exports as what is written at once.
TEST_F(ExportTest, ChainsGiveTheBytesOfTheirMergedRecords) {
  const RunConfig run = make_run(3);
  const auto rows = make_rows(run);
  const Exported expected = need(write_and_export(run, rows));

  Manifest manifest;
  manifest.timeline = 1;
  manifest.step = 30;
  std::size_t replaced = 0;
  for (const auto& [partition, list] : rows) {
    std::vector<Row> base = list;  // Some rows as they were before, some not there yet.
    std::vector<Row> changed[2];
    for (std::size_t i = list.size(); i-- > 0;) {
      const std::size_t kind = i % 4;
      if (kind == 0) continue;
      Row& old = base[i];
      for (float& value : old.weights) value += 1.0F;
      Row row = list[i];
      row.version = kind == 1 ? 15 : 25;
      changed[kind == 1 ? 0 : 1].push_back(row);
      if (kind == 3) {
        Row between = old;
        between.version = 15;
        changed[0].push_back(between);
      }
      const bool is_new = kind == 1 && run.tables[old.table].kind == TableKind::sparse;
      if (is_new) base.erase(base.begin() + static_cast<std::ptrdiff_t>(i));
      ++replaced;
    }
    const std::string store = directory_.path("store");
    manifest.files.push_back(write_snapshot(store, partition, base));
    for (std::size_t i = 0; i < 2; ++i) {
      std::reverse(changed[i].begin(), changed[i].end());
      manifest.files.push_back(write_snapshot(store, partition, changed[i], i == 0 ? 10 : 20));
    }
  }
  EXPECT_GT(replaced, 500U);
  const Exported exported = need(run_export(run, manifest));
  EXPECT_EQ(exported.model_sha256, expected.model_sha256);
  EXPECT_EQ(exported.optimizer_sha256, expected.optimizer_sha256);
  EXPECT_EQ(exported.sparse_rows, expected.sparse_rows);

  // A delta less is another model, and not an error that nobody sees: its rows are the older ones.
  manifest.files.pop_back();
  EXPECT_NE(need(run_export(run, manifest)).model_sha256, expected.model_sha256);
}

TEST_F(ExportTest, TheModelHoldsTheWeightsAndTheOptimizerTheSlots) {
  const RunConfig run = make_run(7);
  need(write_and_export(run, make_rows(run)));
  EXPECT_EQ(exported_files(),
            (std::vector<std::string>{"model.safetensors", "optimizer.safetensors"}));

  const auto model = need(ModelFile::open(directory_.path("model.safetensors"), run.tables));
  const auto& tables = model->tables();
  ASSERT_EQ(tables.size(), 4U);
  ASSERT_EQ(tables[0].values.size(), 640U * 64U);
  for (std::size_t i = 0; i < tables[0].values.size(); ++i) {
    ASSERT_EQ(tables[0].values[i], weight(0, i / kBlockFloats, i % kBlockFloats)) << i;
  }
  for (const std::size_t dense : {0, 2}) {
    EXPECT_TRUE(tables[dense].keys.empty());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tables[dense].values.data()) % 64, 0U);
  }
  const std::vector<Key> keys = word_keys();
  ASSERT_TRUE(std::equal(keys.begin(), keys.end(), tables[1].keys.begin(), tables[1].keys.end()));
  for (std::size_t i = 0; i < 5000; ++i) {
    ASSERT_EQ(tables[1].values[i], weight(1, keys[i / 5], i % 5));
  }
  EXPECT_TRUE(tables[3].keys.empty());
  EXPECT_TRUE(tables[3].values.empty());

  const auto optimizer =
      need(SafetensorsReader::open(directory_.path("optimizer.safetensors"), Trust::checksummed));
  EXPECT_EQ(optimizer->tensors().size(), 2U * kSlots + 2U * (1 + kSlots));
  const auto dense_slot =
      need(optimizer->floats("dense_0.weight.slot1", std::vector<std::uint64_t>{640, 64}));
  for (std::size_t i = 0; i < dense_slot.size(); ++i) {
    ASSERT_EQ(dense_slot[i], slot_value(0, i / kBlockFloats, 1, i % kBlockFloats)) << i;
  }
  const auto slot = need(optimizer->floats("words.slot0", std::vector<std::uint64_t>{1000, 5}));
  EXPECT_EQ(slot[7], slot_value(1, keys[1], 0, 2));
  EXPECT_EQ(need(optimizer->keys("words.keys")).size(), 1000U);
}

TEST_F(ExportTest, WithoutSlotsOnlyTheModelIsWritten) {
  RunConfig run = make_run(3);
  auto rows = make_rows(run);
  const std::string with_slots = need(write_and_export(run, rows)).model_sha256;
  for (auto& [partition, list] : rows) {
    for (Row& row : list) row.slots.clear();
  }
  const Exported exported = need(export_model(write(run, rows), *store_, run,
                                              {.slots = 0, .model_path = directory_.path("sgd")}));
  EXPECT_EQ(exported.model_sha256, with_slots) << "the model's digest must not see the slots";
  EXPECT_EQ(exported.optimizer_sha256, "");
}

TEST_F(ExportTest, ACheckpointThatDoesNotFitIsRefusedAndNothingIsWritten) {
  struct Case {
    const char* name;
    void (*damage)(std::map<std::uint32_t, std::vector<Row>>&);
    const char* words;
  };
  using Rows = std::map<std::uint32_t, std::vector<Row>>;
  const auto find = [](Rows& rows, std::uint32_t table, Key key) -> std::pair<std::uint32_t, Row*> {
    for (auto& [partition, list] : rows) {
      for (Row& row : list) {
        if (row.table == table && row.key == key) return {partition, &row};
      }
    }
    throw std::logic_error("no such row");
  };
  static const auto kFind = find;
  static const auto kErase = [](Rows& rows, std::uint32_t table, Key key) {
    auto& list = rows[kFind(rows, table, key).first];
    std::erase_if(list, [&](const Row& row) { return row.table == table && row.key == key; });
  };
  const Case cases[] = {
      {"first block missing", [](Rows& rows) { kErase(rows, 0, 0); },
       "table \"dense_0.weight\", block 1 was found where block 0 was expected"},
      {"last block missing", [](Rows& rows) { kErase(rows, 0, 2); },
       "table \"dense_0.weight\", block 2 is missing"},
      {"a whole table missing", [](Rows& rows) { kErase(rows, 2, 0); },
       "table \"dense_0.bias\", block 0 is missing"},
      {"a block too many",
       [](Rows& rows) {
         auto& list = rows[index(partition_of(TableId{2}, 1, 3))];
         list.insert(std::find_if(list.begin(), list.end(),
                                  [](const Row& row) {
                                    return row.table > 2 || (row.table == 2 && row.key > 1);
                                  }),
                     make_row(2, 1, 3));
       },
       "block 1 is beyond the table's end"},
      {"a short block", [](Rows& rows) { kFind(rows, 0, 1).second->weights.pop_back(); },
       "block 1 has 49151 floats where 49152 were expected"},
      {"a row without slots",
       [](Rows& rows) { kFind(rows, 1, word_keys()[3]).second->slots.clear(); },
       "has 5 floats where 15 were expected"},
      {"an unknown table", [](Rows& rows) { rows[1].push_back(make_row(4, 0, 1)); },
       "found table 4"},
      {"a foreign row",
       [](Rows& rows) {
         const auto [partition, row] = kFind(rows, 1, word_keys()[3]);
         const Row moved = *row;
         kErase(rows, 1, moved.key);
         auto& other = rows[(partition + 1) % 3];
         other.insert(std::find_if(other.begin(), other.end(),
                                   [&](const Row& at) {
                                     return at.table > 1 || (at.table == 1 && at.key > moved.key);
                                   }),
                      moved);
       },
       "where it does not belong"},
  };
  const RunConfig run = make_run(3);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Rows rows = make_rows(run);
    c.damage(rows);
    EXPECT_TRUE(fails(write_and_export(run, rows), ErrorCode::corrupt, c.words));
    EXPECT_TRUE(exported_files().empty());
  }
}

TEST_F(ExportTest, DamagedOrMissingFilesAreRefused) {
  const RunConfig run = make_run(3);
  Manifest manifest = write(run, make_rows(run));
  Manifest short_manifest = manifest;
  short_manifest.files.pop_back();
  EXPECT_TRUE(fails(run_export(run, short_manifest), ErrorCode::corrupt,
                    "expected files of 3 partitions, found 2"));
  flip_bit(directory_.path("store/" + manifest.files[2].name), 1000);
  EXPECT_TRUE(fails(run_export(run, manifest), ErrorCode::corrupt, manifest.files[2].name));
  need(store_->remove(manifest.files[1].name));
  EXPECT_TRUE(fails(run_export(run, manifest), ErrorCode::not_found, manifest.files[1].name));
  EXPECT_TRUE(exported_files().empty());
}

TEST_F(ExportTest, AModelOfOtherTablesIsRefused) {
  const RunConfig run = make_run(3);
  need(write_and_export(run, make_rows(run)));
  const std::string path = directory_.path("model.safetensors");

  RunConfig other = make_run(3);
  other.tables[0].shape = {64, 640};
  EXPECT_TRUE(fails(ModelFile::open(path, other.tables), ErrorCode::invalid, "dense_0.weight"));
  other = make_run(3);
  other.tables[2].name = "dense_1.bias";
  EXPECT_TRUE(fails(ModelFile::open(path, other.tables), ErrorCode::not_found, "dense_1.bias"));
  other = make_run(3);
  other.tables.pop_back();
  EXPECT_TRUE(fails(ModelFile::open(path, other.tables), ErrorCode::invalid, "tensors, found"));
  flip_bit(path, need(file_bytes(path)) - 1);
  EXPECT_TRUE(fails(ModelFile::open(path, run.tables), ErrorCode::corrupt, "altered"));
}

TEST_F(ExportTest, KeysOfAModelMustRise) {
  const RunConfig run = make_run(3);
  const std::string path = directory_.path("model");
  const std::vector<TableSpec> tables = {
      {.id = TableId{0}, .name = "t", .kind = TableKind::sparse, .shape = {1}}};
  const auto writer = need(SafetensorsWriter::create(
      path, {{"t.keys", TensorType::u64, {3}}, {"t.rows", TensorType::f32, {3, 1}}}));
  need(writer->append_keys(0, std::vector<Key>{1, 5, 5}));
  need(writer->append_floats(1, std::vector<float>{1, 2, 3}));
  need(writer->finish());
  EXPECT_TRUE(fails(ModelFile::open(path, tables), ErrorCode::corrupt, "found 5 after 5"));
}

}  // namespace
}  // namespace ballast
