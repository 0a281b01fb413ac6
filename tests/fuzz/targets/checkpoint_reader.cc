// The files of a checkpoint, merged: what comes out is what a map holds into which all of them are
// put one after another, or an error where a file is not what the manifest says.
//
// Input: u8 files (modulo 4); of each u8 partition (modulo 3), u8 rows (modulo 8), and per row u8
// what its key is beyond that of the row before, u8 version. Then u8 damage: 0 none, 1 a byte of
// the last file (u16 where, u8 what it is xored with), 2 a count that is not the file's, 3 a file
// that is not there.

#include <map>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/storage/checkpoint_reader.h"
#include "common/storage/directory_store.h"
#include "common/storage/files.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/target.h"

namespace ballast::fuzz {
namespace {

constexpr Key kTables = 2;

template <class T>
T need(Result<T> result) {
  BALLAST_CHECK(result.has_value());
  return *std::move(result);
}

struct Row {
  Step version = 0;
  std::vector<float> floats;
  bool operator==(const Row&) const = default;
};
using Rows = std::map<RecordKey, Row>;

// Rows of partitions whose keys do not meet, as those of a run.
SnapshotFile write(Input& input, const std::string& directory, Rows& rows) {
  const PartitionId partition{static_cast<std::uint32_t>(input.byte() % 3)};
  const auto writer = need(SnapshotWriter::create(directory, partition));
  Key place = 0;
  for (unsigned left = input.byte() % 8; left > 0; --left) {
    place += 1 + input.byte();
    const TableId table{static_cast<std::uint32_t>(place / (128 * kTables) % kTables)};
    const Key key = 3 * place + index(partition);
    const Step version = input.byte();
    const std::vector<float> floats = {static_cast<float>(version), static_cast<float>(place)};
    if (!writer->add(table, key, version, floats, {})) break;  // Its table came before.
    rows[{partition, table, key}] = {version, floats};
  }
  return need(writer->finish());
}

Result<Rows> read(const Manifest& manifest, CheckpointStore& store) {
  auto reader = CheckpointReader::open(manifest, store);
  if (!reader) return reader.error();
  Rows rows;
  std::vector<std::pair<TableId, Key>> order;
  while (true) {
    const auto record = (*reader)->next();
    if (!record) return record.error();
    if (*record == nullptr) break;
    const RecordKey& key = (*record)->key;
    order.emplace_back(key.table, key.key);
    if (key.table == kPartitionTable) continue;  // Of the partition itself.
    BALLAST_CHECK(rows.emplace(key, Row{(*record)->version, (*record)->floats}).second);
  }
  BALLAST_CHECK(std::is_sorted(order.begin(), order.end()));
  return rows;
}

}  // namespace

BALLAST_FUZZ_TARGET(checkpoint_reader, bytes) {
  static const Scratch scratch;
  scratch.clear();
  const auto store = need(open_directory_store(scratch.path(), OpenMode::create));
  const std::string staging = need(store->staging_directory());
  Input input(bytes);
  Manifest manifest;
  Rows rows;
  for (unsigned left = input.byte() % 4; left > 0; --left) {
    SnapshotFile file = write(input, staging, rows);
    BALLAST_CHECK(store->put_file(staging + "/" + file.name, file.name).has_value());
    manifest.files.push_back(std::move(file));
  }
  const unsigned damage = manifest.files.empty() ? 0 : input.byte() % 4;
  bool changed = damage != 0;
  if (damage == 1) {
    const std::string& name = manifest.files.back().name;
    std::string file = need(read_file(need(store->fetch_file(name))));
    const std::size_t where = input.word() % file.size();
    const std::uint8_t mask = input.byte();
    file[where] = static_cast<char>(file[where] ^ mask);
    changed = mask != 0;
    scratch.put(name, file);
  } else if (damage == 2) {
    ++manifest.files.back().records;
  } else if (damage == 3) {
    BALLAST_CHECK(store->remove(manifest.files.back().name).has_value());
  }
  const auto read_back = read(manifest, *store);
  BALLAST_CHECK(read_back.has_value() != changed);
  if (!read_back) return Verdict::refused;
  BALLAST_CHECK(*read_back == rows);
  return Verdict::accepted;
}

}  // namespace ballast::fuzz
