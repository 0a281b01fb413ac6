#include "common/storage/safetensors.h"

#include <cstring>

#include "common/base/sha256.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

const std::vector<TensorSpec> kSpecs = {
    {"b.rows", TensorType::f32, {3, 2}},     {"b.keys", TensorType::u64, {3}},
    {"a", TensorType::f32, {1, 1, 5}},       {"empty.keys", TensorType::u64, {0}},
    {"empty.rows", TensorType::f32, {0, 4}}, {"scalar", TensorType::f32, {}},
};
const std::vector<float> kRows = {1, 2, 3, 4, 5, 6};
const std::vector<float> kA = {-1, -2, -3, -4, -5};
const std::vector<Key> kKeys = {7, 8, ~std::uint64_t{0}};

std::string write_sample(const std::string& path) {
  const auto writer = need(SafetensorsWriter::create(path, kSpecs));
  need(writer->append_floats(0, std::span(kRows).first(2)));
  need(writer->append_keys(1, kKeys));
  need(writer->append_floats(2, kA));
  need(writer->append_floats(0, std::span(kRows).subspan(2)));
  need(writer->append_floats(5, std::span(kA).first(1)));
  return need(writer->finish());
}

// A file with this header, padded to eight bytes when it says so, and this much data.
std::string file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header +
         std::string(data_bytes, '\x01');
}

TEST(Safetensors, BytesAreCanonical) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("m.safetensors");
  const std::string digest = write_sample(path);
  const std::string bytes = need(read_file(path));
  EXPECT_EQ(digest, need(sha256_of_file(path)));

  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  const std::string header = bytes.substr(8, length);
  const std::string checksum = header.substr(header.find("checksum\":\"") + 11, 32);
  std::string expected = R"({"__metadata__":{"ballast.checksum":")" + checksum +
                         R"(","ballast.format":"1","format":"ballast"},)"
                         R"("a":{"data_offsets":[24,44],"dtype":"F32","shape":[1,1,5]},)"
                         R"("b.keys":{"data_offsets":[0,24],"dtype":"U64","shape":[3]},)"
                         R"("b.rows":{"data_offsets":[44,68],"dtype":"F32","shape":[3,2]},)"
                         R"("empty.keys":{"data_offsets":[24,24],"dtype":"U64","shape":[0]},)"
                         R"("empty.rows":{"data_offsets":[68,68],"dtype":"F32","shape":[0,4]},)"
                         R"("scalar":{"data_offsets":[68,72],"dtype":"F32","shape":[]}})";
  expected.append((8 - expected.size() % 8) % 8, ' ');
  EXPECT_EQ(header, expected);
  EXPECT_EQ(bytes.size(), 8 + length + 72);

  // The order of the tensors given does not matter.
  std::vector<TensorSpec> reversed(kSpecs.rbegin(), kSpecs.rend());
  const auto writer = need(SafetensorsWriter::create(path, reversed));
  need(writer->append_floats(0, std::span(kA).first(1)));
  need(writer->append_floats(3, kA));
  need(writer->append_keys(4, kKeys));
  need(writer->append_floats(5, kRows));
  EXPECT_EQ(need(writer->finish()), digest);
}

TEST(Safetensors, ReadsBack) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("m.safetensors");
  write_sample(path);
  for (const Trust trust : {Trust::checksummed, Trust::structure}) {
    const auto reader = need(SafetensorsReader::open(path, trust));
    EXPECT_EQ(reader->tensors().size(), kSpecs.size());
    const auto rows = need(reader->floats("b.rows", std::vector<std::uint64_t>{3, 2}));
    EXPECT_EQ(std::vector<float>(rows.begin(), rows.end()), kRows);
    const auto keys = need(reader->keys("b.keys"));
    EXPECT_EQ(std::vector<Key>(keys.begin(), keys.end()), kKeys);
    EXPECT_TRUE(need(reader->keys("empty.keys")).empty());
    EXPECT_TRUE(need(reader->floats("empty.rows", std::vector<std::uint64_t>{0, 4})).empty());
    EXPECT_TRUE(fails(reader->floats("b.rows", std::vector<std::uint64_t>{2, 3}),
                      ErrorCode::invalid, "expected F32 [2, 3], found F32 [3, 2]"));
    EXPECT_TRUE(fails(reader->keys("b.rows"), ErrorCode::invalid, "U64"));
    EXPECT_TRUE(fails(reader->keys("c.keys"), ErrorCode::not_found, "c.keys"));
  }
}

TEST(Safetensors, LargeTensorsGoThroughSmallBuffers) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("m.safetensors");
  constexpr std::uint64_t kRowCount = 100'000;
  const auto writer =
      need(SafetensorsWriter::create(path, {{"t.keys", TensorType::u64, {kRowCount}},
                                            {"t.rows", TensorType::f32, {kRowCount, 3}}}));
  for (Key key = 0; key < kRowCount; ++key) {
    const float value = static_cast<float>(key);
    const float row[] = {value, -value, 0.5F};
    need(writer->append_keys(0, std::span(&key, 1)));
    need(writer->append_floats(1, row));
  }
  need(writer->finish());
  const auto reader = need(SafetensorsReader::open(path, Trust::checksummed));
  const auto rows = need(reader->floats("t.rows", std::vector<std::uint64_t>{kRowCount, 3}));
  const auto keys = need(reader->keys("t.keys"));
  for (Key key = 0; key < kRowCount; ++key) {
    ASSERT_EQ(keys[key], key);
    ASSERT_EQ(rows[3 * key + 1], -static_cast<float>(key));
  }
}

TEST(Safetensors, AnAbandonedWriterLeavesNothing) {
  const TemporaryDirectory directory;
  {
    const auto writer = need(SafetensorsWriter::create(directory.path("m"), kSpecs));
    need(writer->append_keys(1, kKeys));
  }
  EXPECT_TRUE(need(list_files(directory.path())).empty());
}

TEST(Safetensors, WriterRefusesWhatNoFileCanHold) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("m");
  const std::uint64_t huge = std::uint64_t{1} << 40;
  EXPECT_TRUE(fails(
      SafetensorsWriter::create(path, {{"a", TensorType::f32, {1}}, {"a", TensorType::f32, {1}}}),
      ErrorCode::invalid, "\"a\": expected names to be unique"));
  EXPECT_TRUE(fails(SafetensorsWriter::create(path, {{"a", TensorType::f32, {huge, huge}}}),
                    ErrorCode::invalid, "larger than any file"));
  EXPECT_TRUE(fails(SafetensorsWriter::create(path, {{"\xff", TensorType::f32, {1}}}),
                    ErrorCode::invalid, "UTF-8"));
  EXPECT_TRUE(fails(SafetensorsWriter::create(path, {{"__metadata__", TensorType::f32, {1}}}),
                    ErrorCode::invalid, "unique"));
  EXPECT_TRUE(fails(SafetensorsWriter::create(directory.path("no/m"), {}), ErrorCode::not_found));
  EXPECT_TRUE(need(list_files(directory.path())).empty());
}

TEST(Safetensors, AFlippedBitInAnyByteAndEveryTruncationIsSeen) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("m");
  write_sample(path);
  const std::string good = need(read_file(path));
  Random random(5);
  for (std::size_t byte = 0; byte < good.size(); ++byte) {
    std::string bad = good;
    bad[byte] = static_cast<char>(bad[byte] ^ (1U << random.below(8)));
    overwrite(path, bad);
    ASSERT_TRUE(fails(SafetensorsReader::open(path, Trust::checksummed), ErrorCode::corrupt))
        << "byte " << byte;
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    overwrite(path, good.substr(0, size));
    for (const Trust trust : {Trust::checksummed, Trust::structure}) {
      ASSERT_TRUE(fails(SafetensorsReader::open(path, trust), ErrorCode::corrupt, path)) << size;
    }
  }
  overwrite(path, good + "x");
  EXPECT_TRUE(fails(SafetensorsReader::open(path, Trust::structure), ErrorCode::corrupt));
}

TEST(Safetensors, WhatIsWrongIsSaid) {
  struct Case {
    const char* name;
    std::string bytes;
    ErrorCode code;
    const char* words;
  };
  const auto one = [](const std::string& entry, std::size_t data) {
    return file_of("{\"a\":" + entry + "}", data);
  };
  const std::string huge = "18446744073709551615";
  const Case cases[] = {
      {"empty", "", ErrorCode::corrupt, "at least 8 bytes, found 0"},
      {"length beyond the file", std::string("\x09\0\0\0\0\0\0\0{}", 10), ErrorCode::corrupt,
       "truncated"},
      {"huge length", std::string(16, '\xff'), ErrorCode::corrupt, "truncated"},
      {"no JSON", file_of("hello", 0), ErrorCode::corrupt, "not JSON"},
      {"a list", file_of("[]", 0), ErrorCode::corrupt, "JSON object"},
      {"deep nesting",
       file_of("{\"a\":" + std::string(500'000, '[') + std::string(500'000, ']') + "}", 0),
       ErrorCode::corrupt, "\"a\": expected an object"},
      {"no dtype", one("{}", 0), ErrorCode::corrupt, "dtype"},
      {"other dtype", one(R"({"dtype":"BF16","shape":[1],"data_offsets":[0,2]})", 2),
       ErrorCode::unsupported, "expected F32 or U64, found BF16"},
      {"no shape", one(R"({"dtype":"F32","data_offsets":[0,4]})", 4), ErrorCode::corrupt, "shape"},
      {"negative size", one(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})", 4),
       ErrorCode::corrupt, "whole numbers in \"shape\""},
      {"fraction", one(R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})", 4),
       ErrorCode::corrupt, "whole numbers"},
      {"shape that overflows",
       one("{\"dtype\":\"F32\",\"shape\":[" + huge + "," + huge + "],\"data_offsets\":[0,4]}", 4),
       ErrorCode::corrupt, "but has 4 bytes"},
      {"shape that overflows beside a zero",
       one("{\"dtype\":\"F32\",\"shape\":[0," + huge + "],\"data_offsets\":[0,0]}", 0),
       ErrorCode::corrupt, "but has 0 bytes"},
      {"shape and bytes differ", one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})", 4),
       ErrorCode::corrupt, "it is F32 [2], but has 4 bytes"},
      {"offsets beyond the data", one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})", 3),
       ErrorCode::corrupt, "not inside the file's 3 bytes"},
      {"offsets reversed", one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})", 4),
       ErrorCode::corrupt, "not inside"},
      {"one offset", one(R"({"dtype":"F32","shape":[1],"data_offsets":[0]})", 4),
       ErrorCode::corrupt, "not inside"},
      {"a hole before", one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})", 8),
       ErrorCode::corrupt, "expected it to begin at byte 0 of the tensors, found 4"},
      {"bytes left over", one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})", 8),
       ErrorCode::corrupt, "expected 4 bytes of tensors, found 8"},
      {"overlap",
       file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
               R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
               8),
       ErrorCode::corrupt, "\"b\": expected it to begin at byte 8"},
      {"not aligned", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} )", 4),
       ErrorCode::unsupported, "aligned to its type"},
  };
  const TemporaryDirectory directory;
  const std::string path = directory.path("m");
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    overwrite(path, c.bytes);
    EXPECT_TRUE(fails(SafetensorsReader::open(path, Trust::structure), c.code, c.words));
  }
  overwrite(path, file_of("{}", 0));
  EXPECT_TRUE(ok(SafetensorsReader::open(path, Trust::structure)));
  EXPECT_TRUE(fails(SafetensorsReader::open(path, Trust::checksummed), ErrorCode::corrupt,
                    "has no checksum"));
  EXPECT_TRUE(fails(SafetensorsReader::open(directory.path("absent"), Trust::structure),
                    ErrorCode::not_found, "absent"));
}

TEST(Safetensors, MutationsNeverCrashTheReader) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("m");
  write_sample(path);
  const std::string good = need(read_file(path));
  Random random(11);
  int accepted = 0;
  for (int i = 0; i < 3'000; ++i) {
    const std::string bad = mutate(good, random);
    overwrite(path, bad);
    ASSERT_EQ(SafetensorsReader::open(path, Trust::checksummed).has_value(), bad == good) << i;
    const auto reader = SafetensorsReader::open(path, Trust::structure);
    if (!reader) continue;
    accepted += 1;
    float sum = 0.0F;  // Touches every byte that the reader hands out.
    for (const auto& [name, spec] : (*reader)->tensors()) {
      if (spec.type == TensorType::u64) {
        if (spec.shape.size() == 1) {
          ASSERT_TRUE(ok((*reader)->keys(name)));
        }
      } else {
        for (const float value : need((*reader)->floats(name, spec.shape))) sum += value;
      }
    }
    ASSERT_TRUE(sum == sum || sum != sum);
  }
  EXPECT_GT(accepted, 30) << "damage to the data alone passes where no checksum is asked for";
}

}  // namespace
}  // namespace ballast
