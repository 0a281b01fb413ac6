#include "common/storage/record.h"

#include <bit>
#include <limits>

#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

constexpr auto kMax32 = std::numeric_limits<std::uint32_t>::max();
constexpr auto kMax64 = std::numeric_limits<std::uint64_t>::max();

std::string bytes_of(const RecordKey& key) { return std::string(view(encode_record_key(key))); }

TEST(Record, KeyBytesSortAsNumbersDo) {
  const std::uint32_t numbers[] = {0, 1, 127, 128, 255, 256, 65535, 1U << 31, kMax32 - 1, kMax32};
  const std::uint64_t keys[] = {0, 1, 255, 256, 1ULL << 32, 1ULL << 63, kMax64};
  std::vector<RecordKey> sorted;
  for (const std::uint32_t partition : numbers) {
    for (const std::uint32_t table : numbers) {
      for (const std::uint64_t key : keys) {
        sorted.push_back({PartitionId{partition}, TableId{table}, key});
      }
    }
  }
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    ASSERT_EQ(need(decode_record_key(bytes_of(sorted[i]))), sorted[i]);
    if (i > 0) {
      ASSERT_LT(sorted[i - 1], sorted[i]);
      ASSERT_LT(bytes_of(sorted[i - 1]), bytes_of(sorted[i]));
    }
  }
}

TEST(Record, RangesHoldTheirRecordsAndNoOthers) {
  struct Case {
    const char* name;
    RecordRange range;
    RecordKey inside_first;
    RecordKey inside_last;
  };
  const Case cases[] = {
      {"partition",
       records_of(PartitionId{5}),
       {PartitionId{5}, TableId{0}, 0},
       {PartitionId{5}, TableId{kMax32}, kMax64}},
      {"partition whose last byte carries",
       records_of(PartitionId{255}),
       {PartitionId{255}, TableId{0}, 0},
       {PartitionId{255}, TableId{kMax32}, kMax64}},
      {"table",
       records_of(PartitionId{5}, TableId{7}),
       {PartitionId{5}, TableId{7}, 0},
       {PartitionId{5}, TableId{7}, kMax64}},
      {"last table carries into the partition",
       records_of(PartitionId{5}, kPartitionTable),
       {PartitionId{5}, kPartitionTable, 0},
       {PartitionId{5}, kPartitionTable, kMax64}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string first = bytes_of(c.inside_first);
    const std::string last = bytes_of(c.inside_last);
    EXPECT_TRUE(c.range.begin <= first && last < c.range.end);
    // The neighbours of the range, as byte strings, are outside.
    std::string before = first;
    for (std::size_t i = before.size(); i-- > 0 && before[i]-- == 0;) continue;
    EXPECT_LT(before, c.range.begin);
    std::string after = last;
    for (std::size_t i = after.size(); i-- > 0 && ++after[i] == 0;) continue;
    EXPECT_GE(after, c.range.end);
  }
  EXPECT_EQ(records_of(PartitionId{kMax32}).end, "") << "there is no key after the last partition";
}

TEST(Record, ValuesKeepEveryBit) {
  const float odd[] = {0.0F,
                       -0.0F,
                       1e-45F,
                       -std::numeric_limits<float>::infinity(),
                       std::bit_cast<float>(0x7fc00123U),
                       std::bit_cast<float>(0xffa00001U)};
  const float slots[] = {1.5F, std::numeric_limits<float>::max()};
  const RecordKey key{PartitionId{3}, TableId{2}, 0x0123456789abcdefULL};
  std::string value;
  encode_record_value(key, kMax64 - 1, odd, slots, value);
  EXPECT_EQ(value.size(), kRecordOverheadBytes + sizeof(odd) + sizeof(slots));

  Record record;
  need(decode_record(bytes_of(key), value, record));
  EXPECT_EQ(record.key, key);
  EXPECT_EQ(record.version, kMax64 - 1);
  ASSERT_EQ(record.floats.size(), 8U);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(record.floats[i]),
              std::bit_cast<std::uint32_t>(i < 6 ? odd[i] : slots[i - 6]));
  }
}

TEST(Record, EveryFlippedBitIsSeen) {
  const RecordKey key{PartitionId{3}, TableId{2}, 99};
  const float weights[] = {1.0F, 2.0F, 3.0F};
  std::string value;
  encode_record_value(key, 7, weights, {}, value);
  const std::string place = bytes_of(key);
  Record record;
  ASSERT_TRUE(ok(decode_record(place, value, record)));
  for (std::size_t bit = 0; bit < 8 * value.size(); ++bit) {
    std::string altered = value;
    altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ (1 << bit % 8));
    ASSERT_TRUE(fails(decode_record(place, altered, record), ErrorCode::corrupt, "checksum"));
  }
  for (std::size_t bit = 0; bit < 8 * place.size(); ++bit) {
    std::string altered = place;
    altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ (1 << bit % 8));
    ASSERT_TRUE(fails(decode_record(altered, value, record), ErrorCode::corrupt, "checksum"));
  }
}

TEST(Record, WrongSizesAreRefused) {
  const RecordKey key{PartitionId{3}, TableId{2}, 99};
  std::string value;
  encode_record_value(key, 7, {}, {}, value);
  EXPECT_EQ(value.size(), kRecordOverheadBytes);
  Record record;
  EXPECT_TRUE(ok(decode_record(bytes_of(key), value, record)));
  for (const std::size_t size : {0, 1, 11, 13, 15}) {
    std::string other = value;
    other.resize(size);
    EXPECT_TRUE(fails(decode_record(bytes_of(key), other, record), ErrorCode::corrupt,
                      "found " + std::to_string(size) + " bytes"));
  }
  for (const std::size_t size : {0, 15, 17}) {
    std::string other = bytes_of(key);
    other.resize(size);
    EXPECT_TRUE(fails(decode_record(other, value, record), ErrorCode::corrupt, "expected 16"));
  }
}

}  // namespace
}  // namespace ballast
