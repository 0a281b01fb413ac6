#include "common/storage/manifest.h"

#include <span>

#include "common/storage/content_hash.h"
#include "common/storage/json_object.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

Manifest sample() {
  Manifest manifest;
  manifest.ballast_version = "0.1.0";
  manifest.run = "adult \"mlp\" 数据";
  manifest.timeline = 3;
  manifest.step = ~std::uint64_t{0};
  for (std::uint32_t i = 0; i < 3; ++i) {
    const std::string checksum = "0123456789abcdef0123456789abcde" + std::to_string(i);
    manifest.files.push_back({PartitionId{i}, checksum + ".sst", 1000 + i, 10 * i, checksum});
  }
  manifest.run_config_json = R"({"name": "adult", "steps": 100})";
  manifest.commit_json = R"({"step": 5})";
  manifest.canary = "00ff";
  manifest.kernel_family = "haswell";
  manifest.openblas_version = "0.3.21";
  manifest.history_lines = 12345;
  manifest.created = "2024-05-01T12:00:00Z";
  return manifest;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Manifest, RoundTrips) {
  const Manifest manifest = sample();
  const std::string text = need(encode_manifest(manifest));
  EXPECT_EQ(need(decode_manifest(text)), manifest);
  EXPECT_EQ(need(encode_manifest(need(decode_manifest(text)))), text);
  EXPECT_EQ(need(decode_manifest(need(encode_manifest(Manifest{})))), Manifest{});
}

TEST(Manifest, EveryFlippedBitIsSeen) {
  const std::string good = need(encode_manifest(sample()));
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    ASSERT_TRUE(fails(decode_manifest(bad), ErrorCode::corrupt)) << "bit " << bit;
  }
}

TEST(Manifest, EveryTruncationIsSeen) {
  const std::string good = need(encode_manifest(sample()));
  for (std::size_t size = 0; size < good.size(); ++size) {
    ASSERT_TRUE(fails(decode_manifest(good.substr(0, size)), ErrorCode::corrupt)) << size;
  }
  EXPECT_TRUE(fails(decode_manifest(good + " "), ErrorCode::corrupt));
}

TEST(Manifest, MutationsNeverPassAndNeverCrash) {
  const std::string good = need(encode_manifest(sample()));
  Random random(7);
  for (int i = 0; i < 4'000; ++i) {
    const std::string bad = mutate(mutate(good, random), random);
    if (bad == good) continue;
    ASSERT_TRUE(fails(decode_manifest(bad), ErrorCode::corrupt)) << i;
  }
}

TEST(Manifest, OtherTextIsNotOne) {
  const std::string deep = R"({"checksum": ")" + std::string(32, '0') + R"(", "a": )" +
                           std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";
  for (const std::string& text : {std::string(), std::string("null"), std::string("[]"),
                                  std::string("{}"), std::string(R"({"checksum": 5})"), deep}) {
    EXPECT_TRUE(fails(decode_manifest(text), ErrorCode::corrupt)) << text.substr(0, 40);
  }
}

TEST(Manifest, WhatIsSealedMustStillBeRight) {
  struct Case {
    const char* name;
    void (*change)(Manifest&);
    ErrorCode code;
    const char* words;
  };
  const Case cases[] = {
      {"newer format", [](Manifest& m) { m.format = kManifestFormat + 1; }, ErrorCode::unsupported,
       "use the Ballast that wrote it"},
      {"partition missing", [](Manifest& m) { m.files.erase(m.files.begin()); }, ErrorCode::corrupt,
       "files[0]: expected partition 0, found 1"},
      {"partition twice", [](Manifest& m) { m.files.push_back(m.files.back()); },
       ErrorCode::corrupt, "files[3]: expected partition 3, found 2"},
      {"delta without a base", [](Manifest& m) { m.files[0].since = 5; }, ErrorCode::corrupt,
       "files[0]: a delta since step 5 that follows neither"},
      {"delta of another partition", [](Manifest& m) { m.files[2].since = 5; }, ErrorCode::corrupt,
       "files[2]: expected partition 1, found 2"},
      {"deltas out of order",
       [](Manifest& m) {
         for (const Step since : {7, 7}) {
           m.files.push_back(m.files[2]);
           m.files.back().since = since;
         }
       },
       ErrorCode::corrupt, "files[4]: a delta since step 7 that follows neither"},
      {"path instead of a name", [](Manifest& m) { m.files[1].name = "../../etc/passwd"; },
       ErrorCode::corrupt, "named by its checksum"},
      {"no checksum", [](Manifest& m) { m.files[1].checksum = m.files[1].name = ""; },
       ErrorCode::corrupt, "named by its checksum"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Manifest manifest = sample();
    c.change(manifest);
    EXPECT_TRUE(fails(decode_manifest(need(encode_manifest(manifest))), c.code, c.words));
  }
}

TEST(Manifest, FilesOfOnePartitionAreAChain) {
  Manifest manifest = sample();
  for (const Step since : {4, 9}) {
    manifest.files.insert(manifest.files.begin() + 2 + (since == 9 ? 1 : 0), manifest.files[1]);
    manifest.files[since == 9 ? 3 : 2].since = since;
  }
  EXPECT_EQ(need(decode_manifest(need(encode_manifest(manifest)))), manifest);
  const auto chains = chains_of(manifest.files);
  ASSERT_EQ(chains.size(), 3U);
  EXPECT_EQ(chains[0].size(), 1U);
  ASSERT_EQ(chains[1].size(), 3U);
  EXPECT_EQ(chains[1][2].since, 9U);
  EXPECT_EQ(index(chains[2][0].partition), 2U);
}

TEST(Manifest, OneOfTheFirstFormatIsStillRead) {
  Manifest manifest = sample();
  manifest.format = 1;
  std::string text = need(encode_manifest(manifest));
  for (std::size_t at = text.find(",\n      \"since\": 0"); at != std::string::npos;
       at = text.find(",\n      \"since\": 0")) {
    text.erase(at, std::string(",\n      \"since\": 0").size());
  }
  EXPECT_EQ(text.find("since"), std::string::npos);
  const auto json = parse_json_object(text);
  ASSERT_TRUE(ok(json));
  nlohmann::json fields = *json;
  fields.erase("checksum");
  const std::string plain = fields.dump();
  fields["checksum"] = content_hash(std::as_bytes(std::span(plain.data(), plain.size())));
  EXPECT_EQ(need(decode_manifest(fields.dump(2) + "\n")), manifest);
}

TEST(Manifest, TextMustBeUtf8) {
  Manifest manifest = sample();
  manifest.run = "\xff\xfe";
  EXPECT_TRUE(fails(encode_manifest(manifest), ErrorCode::invalid, "UTF-8"));
}

TEST(Manifest, SpacesThatJsonIgnoresAreSeenToo) {
  const std::string good = need(encode_manifest(sample()));
  EXPECT_TRUE(fails(decode_manifest(replaced(good, ": ", ":  ")), ErrorCode::corrupt));
  EXPECT_TRUE(fails(decode_manifest(replaced(good, "{", "{\"step\": 1,")), ErrorCode::corrupt));
}

TEST(Manifest, NamesOfCheckpoints) {
  EXPECT_EQ(to_string(CheckpointName{2, 1500}), "checkpoint-2-1500.json");
  EXPECT_EQ(parse_checkpoint_name("checkpoint-2-1500.json"), (CheckpointName{2, 1500}));
  EXPECT_LT((CheckpointName{1, 900}), (CheckpointName{2, 3}));
  EXPECT_LT((CheckpointName{2, 9}), (CheckpointName{2, 10}));
  for (const char* other :
       {"checkpoint-2.json", "checkpoint-2-.json", "checkpoint--1.json", "checkpoint-02-1.json",
        "checkpoint-2-1.json.tmp", "checkpoint-2-1-3.json", "checkpoint-+2-1.json", "timeline-2",
        "checkpoint-2-99999999999999999999.json", "", "checkpoint-.json", "checkpoint-json"}) {
    EXPECT_EQ(parse_checkpoint_name(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace ballast
