#include "worker/data/tokenize.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/hash.h"
#include "worker/data/unicode.h"
#include "worker/data/vocabulary.h"

namespace ballast {
namespace {

using Tokens = std::vector<std::string>;

TEST(Tokenizer, FindsTheTokensOfEveryScript) {
  struct Case {
    const char* name;
    std::string text;
    Tokens tokens;
  };
  const Case cases[] = {
      {"nothing", "", {}},
      {"only punctuation", " ... !? -- ", {}},
      {"words and digits",
       "Go until jurong point, 2nd TIME!",
       {"go", "until", "jurong", "point", "2nd", "time"}},
      {"markup falls apart", "great<br /><br />film", {"great", "br", "br", "film"}},
      {"apostrophes",
       "don't 'tis dogs' rock'n'roll it’s 5'7",
       {"don't", "tis", "dogs", "rock'n'roll", "it's", "5", "7"}},
      {"Latin beyond ASCII",
       "NAÏVE Ærøskøbing ŁÓDŹ Žižek İ",
       {"naïve", "ærøskøbing", "łódź", "žižek", "i"}},
      {"Greek and Cyrillic",
       "ΑΘΉΝΑ Ώρα ПРИВЕТ Ёлка Ґанок",
       {"αθήνα", "ώρα", "привет", "ёлка", "ґанок"}},
      {"Armenian", "ԵՐԵՎԱՆ", {"երեվան"}},
      {"combining marks stay", "Cafe\u0301 x\u0301y", {"cafe\u0301", "x\u0301y"}},
      {"Arabic and Hebrew", "مرحبا، بالعالم. שלום־עולם", {"مرحبا", "بالعالم", "שלום", "עולם"}},
      {"Devanagari", "नमस्ते दुनिया।", {"नमस्ते", "दुनिया"}},
      {"Chinese",
       "我爱机器学习。GPU很快！",
       {"我", "爱", "机", "器", "学", "习", "gpu", "很", "快"}},
      {"Chinese beyond the first plane", "𠮷野家", {"𠮷", "野", "家"}},
      {"Japanese", "東京タワーへ、行く", {"東", "京", "タ", "ワ", "ー", "へ", "行", "く"}},
      {"halfwidth kana and fullwidth Latin", "ｶﾞ ＡＢｃ１", {"ｶﾞ", "abc1"}},
      {"Korean words", "안녕하세요 세계", {"안녕하세요", "세계"}},
      {"Thai letters with their marks", "ดีมาก", {"ดี", "ม", "า", "ก"}},
      {"emoji", "so good😀😀!", {"so", "good", "😀", "😀"}},
      {"joined emoji",
       "👩‍👩‍👧 👍🏽 ❤️ 🇫🇷🇯🇵",
       {"👩‍👩‍👧", "👍🏽", "❤", "🇫🇷", "🇯🇵"}},
      {"arrows and mathematics", "a→b ≤ c", {"a", "→", "b", "≤", "c"}},
      {"bytes that are no UTF-8 separate",
       "ab\xFF"
       "cd \xE4\xBA",
       {"ab", "cd"}},
      {"spaces of all kinds", "a\u00A0b\u3000c\u2003d\te", {"a", "b", "c", "d", "e"}},
  };
  Tokenizer tokenizer({.word_ngrams_max = 1});
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(tokenizer.tokens(c.text), c.tokens);
  }
}

TEST(Tokenizer, KeepsCapitalsWhenAsked) {
  Tokenizer tokenizer({.word_ngrams_max = 1, .lowercase = false});
  EXPECT_EQ(tokenizer.tokens("Apple ПРИВЕТ"), (Tokens{"Apple", "ПРИВЕТ"}));
}

std::vector<Key> keys_of(const TokenizeOptions& options, std::string_view text) {
  std::vector<Key> keys;
  Tokenizer tokenizer(options);
  tokenizer.append_keys("spoils the buffers 我 😀", keys);
  keys.clear();
  tokenizer.append_keys(text, keys);
  return keys;
}

std::vector<Key> hashes(std::initializer_list<const char*> texts, std::uint64_t seed) {
  std::vector<Key> keys;
  for (const char* text : texts) keys.push_back(hash_text(text, seed));
  return keys;
}

TEST(Tokenizer, WordNgramsAreHashedAsTheyAreJoined) {
  EXPECT_EQ(keys_of({.word_ngrams_max = 1}, "To be, to BE"), hashes({"to", "be", "to", "be"}, 0));
  EXPECT_EQ(keys_of({.word_ngrams_max = 3}, "not very good"),
            hashes({"not", "not very", "not very good", "very", "very good", "good"}, 0));
  EXPECT_EQ(keys_of({.word_ngrams_max = 2}, "我爱你"),
            hashes({"我", "我 爱", "爱", "爱 你", "你"}, 0));
  EXPECT_EQ(keys_of({.word_ngrams_max = 2}, "?!"), std::vector<Key>{});
}

TEST(Tokenizer, CharacterNgramsSeeOneSpaceBetweenWords) {
  const TokenizeOptions two{
      .word_ngrams_max = 0, .character_ngrams_min = 2, .character_ngrams_max = 2};
  EXPECT_EQ(keys_of(two, "  Ab,  c "), hashes({" a", "ab", "b ", " c", "c "}, 1));
  EXPECT_EQ(keys_of(two, "我爱你"), hashes({" 我", "我爱", "爱你", "你 "}, 1));
  EXPECT_EQ(keys_of(two, "é"), hashes({" é", "é "}, 1));
  EXPECT_EQ(keys_of(two, "..."), std::vector<Key>{});
  const TokenizeOptions both{
      .word_ngrams_max = 1, .character_ngrams_min = 1, .character_ngrams_max = 3};
  std::vector<Key> expected = hashes({"ab"}, 0);
  for (const Key key : hashes({" ", " a", " ab", "a", "ab", "ab ", "b", "b ", " "}, 1)) {
    expected.push_back(key);
  }
  EXPECT_EQ(keys_of(both, "ab"), expected);
}

// These keys are in trained models: a change here makes every one of them useless.
TEST(Tokenizer, KeysNeverChange) {
  EXPECT_EQ(
      keys_of({.word_ngrams_max = 2}, "good film"),
      (std::vector<Key>{0x6e9d131583d73e79ULL, 0x38d3775e7bbc813bULL, 0x9842ceec7994aee0ULL}));
}

TEST(Utf8, DecodesAndEncodesEveryLength) {
  for (const char32_t c :
       {U'a', U'é', U'人', U'😀', U'\x7FF', U'\x800', U'\xFFFF', U'\x10000', U'\x10FFFF'}) {
    std::string text;
    append_utf8(c, text);
    const Decoded decoded = decode_utf8(text, 0);
    EXPECT_EQ(decoded.character, c);
    EXPECT_EQ(decoded.bytes, text.size());
  }
  EXPECT_EQ(decode_utf8("\x80", 0).character, U'\xFFFD');
  EXPECT_EQ(decode_utf8("\xC3", 0).bytes, 1U);
}

TEST(FrequentKeys, CountsOverAllLists) {
  const std::vector<std::vector<Key>> lists = {
      {5, 0, ~Key{0}, 5}, {}, {0, 7, 5, ~Key{0}, 1ULL << 60}};
  for (const std::uint32_t threads : {1U, 3U}) {
    EXPECT_EQ(frequent_keys(lists, 2, threads), (std::vector<Key>{0, 5, ~Key{0}}));
    EXPECT_EQ(frequent_keys(lists, 3, threads), (std::vector<Key>{5}));
    EXPECT_EQ(frequent_keys(lists, 4, threads), (std::vector<Key>{}));
  }
}

TEST(FrequentKeys, CountsMoreKeysThanATableStartsWith) {
  std::vector<std::vector<Key>> lists(2);
  std::vector<Key> expected;
  for (std::uint64_t i = 0; i < 100000; ++i) {
    lists[0].push_back(mix(i));
    if (i % 3 == 0) {
      lists[1].push_back(mix(i));
      expected.push_back(mix(i));
    }
  }
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(frequent_keys(lists, 2, 2), expected);
  const KeySet set(expected);
  for (std::uint64_t i = 0; i < 100000; ++i) ASSERT_EQ(set.contains(mix(i)), i % 3 == 0);
}

}  // namespace
}  // namespace ballast
