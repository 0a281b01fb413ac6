#include "common/job/sealed_json.h"

#include <gtest/gtest.h>

#include <string>

namespace ballast {
namespace {

using Json = nlohmann::ordered_json;

Json sealed() {
  Json json = {{"mean", 0.1}, {"names", {"a", "\xE4\xB8\xAD"}}, {"count", 18446744073709551615U}};
  json["small"] = -0.0;
  seal(json);
  return json;
}

TEST(SealedJson, HoldsForWhatWasWrittenHoweverItIsSpaced) {
  const Json json = sealed();
  EXPECT_TRUE(seal_holds(json));
  for (const int indent : {-1, 0, 2, 7}) EXPECT_TRUE(seal_holds(Json::parse(json.dump(indent))));
}

TEST(SealedJson, SeesEveryChangedByteThatStillReads) {
  const std::string text = sealed().dump(2);
  int read = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = text;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      const Json json = Json::parse(changed, nullptr, false);
      if (json.is_discarded() || json == Json::parse(text)) continue;
      if (!json.contains("sha256_of_the_rest"))
        continue;  // The seal's own name: taken as unsealed.
      read += 1;
      EXPECT_FALSE(seal_holds(json)) << changed;
    }
  }
  EXPECT_GT(read, 300);
}

TEST(SealedJson, WhatHasNoSealIsTakenAsItIs) {
  EXPECT_TRUE(seal_holds(Json{{"a", 1}}));
  EXPECT_FALSE(seal_holds(Json{{"a", 1}, {"sha256_of_the_rest", 5}}));
}

TEST(SealedJson, IsTheSameSealedTwice) {
  Json twice = sealed();
  seal(twice);
  EXPECT_EQ(twice.dump(), sealed().dump());
}

}  // namespace
}  // namespace ballast
