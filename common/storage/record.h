#pragma once

// How a row of a sparse table or a block of a dense one looks on disk, in a server's RocksDB and
// in snapshot files alike:
//
//   key    partition u32, table u32, key u64, all big-endian: bytes sort as the numbers do
//   value  version u64, then weights and optimizer slots as f32, then a checksum u32, all
//          little-endian; the checksum covers key, version and floats
//
// The version is the step that last changed the row; replay skips what a row already has (R14).
// Weights and slots are not told apart here: whoever knows the table knows how many of each.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"

namespace ballast {

struct RecordKey {
  PartitionId partition{};
  TableId table{};
  Key key = 0;

  friend auto operator<=>(const RecordKey&, const RecordKey&) = default;
};

// Below this table are the run's own; at it, each partition keeps one record about itself, which
// has no floats (snapshot.h writes it, so that no snapshot is empty). Behind it, where a partition
// counts microbatches one by one, lies one record per leaf whose version is the leaf's clock: what
// is counted is written with the weights, or not at all.
inline constexpr TableId kPartitionTable{0xFFFFFFFFU};
[[nodiscard]] constexpr Key key_of_clock(Leaf leaf) { return Key{leaf} + 1; }

inline constexpr std::size_t kRecordKeyBytes = 16;
inline constexpr std::size_t kRecordOverheadBytes = 12;  // Of a value: version and checksum.

using RecordKeyBytes = std::array<char, kRecordKeyBytes>;

[[nodiscard]] RecordKeyBytes encode_record_key(const RecordKey& key);
[[nodiscard]] inline std::string_view view(const RecordKeyBytes& bytes) {
  return {bytes.data(), bytes.size()};
}
[[nodiscard]] Result<RecordKey> decode_record_key(std::string_view bytes);

// All records of a partition, or of one of its tables, are in [begin, end). An empty end means to
// the last key (KvStore::scan takes it so).
struct RecordRange {
  std::string begin;
  std::string end;
};
[[nodiscard]] RecordRange records_of(PartitionId partition);
[[nodiscard]] RecordRange records_of(PartitionId partition, TableId table);

// Replaces `value`; a string that is used again allocates nothing.
void encode_record_value(const RecordKey& key, Step version, std::span<const float> weights,
                         std::span<const float> slots, std::string& value);

struct Record {
  RecordKey key;
  Step version = 0;
  std::vector<float> floats;  // Weights, then slots.
};

// Replaces `record`, reusing its memory. Error{corrupt} names the record and what is wrong.
[[nodiscard]] Status decode_record(std::string_view key, std::string_view value, Record& record);

}  // namespace ballast
