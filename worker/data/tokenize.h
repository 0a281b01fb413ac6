#pragma once

// Text to keys. Tokens are, in any script:
//   - runs of letters and digits, an apostrophe between two letters included: "don't", "naïve",
//     "привет", "사과";
//   - single characters where a script writes no spaces: each ideograph, kana, Thai letter with
//     its marks ("我", "た", "ดี");
//   - single emoji, joined ones (families, flags, skin tones) being one: "😀",
//   "👩‍👩‍👧", "🇫🇷".
// Everything else separates. Fullwidth ASCII is read as ASCII, and ’ as an apostrophe.
//
// Word n-grams are 1 .. n neighbouring tokens joined by a space. Character n-grams are n
// neighbouring characters of the text in which every run of separators is one space, with one more
// at each end: spaces mark where words begin, and Chinese gets its pairs of ideographs. The key of
// an n-gram is the 64-bit hash of its UTF-8 bytes, with another seed for characters than for words.
//
// An n-gram that occurs twice gives its key twice, in the order of the text: a mean over the bag
// then weighs words by their count. Nothing is looked up, so training and prediction agree on every
// key that will ever exist.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"

namespace ballast {

struct TokenizeOptions {
  std::uint32_t word_ngrams_max = 1;       // 0: no words.
  std::uint32_t character_ngrams_min = 0;  // 0: no characters.
  std::uint32_t character_ngrams_max = 0;
  bool lowercase = true;
};

// Reuses its buffers from text to text; one per thread.
class Tokenizer {
 public:
  explicit Tokenizer(const TokenizeOptions& options) : options_(options) {}

  // Appends the keys of a text: words in order of their first token, short before long, then
  // characters likewise.
  void append_keys(std::string_view text, std::vector<Key>& keys);

  // The tokens of a text, for people and tests.
  [[nodiscard]] std::vector<std::string> tokens(std::string_view text);

 private:
  // What the last token may still take.
  enum class Open { nothing, word, token };

  struct Span {
    std::uint32_t begin;
    std::uint32_t end;
  };

  void read(std::string_view text);
  std::size_t read_ascii(std::string_view text, std::size_t at);
  std::size_t read_other(std::string_view text, std::size_t at);
  std::size_t read_symbol(std::string_view text, std::size_t at, char32_t character);
  void begin_token(Open open);
  void put(char32_t character);
  void separate();
  void add_words(std::vector<Key>& keys) const;
  void add_characters(std::vector<Key>& keys) const;

  const TokenizeOptions options_;
  Open open_ = Open::nothing;
  std::string words_;         // Tokens joined by single spaces.
  std::vector<Span> tokens_;  // Within words_.
  std::string characters_;    // The text with single spaces; empty when not wanted.
  std::vector<std::uint32_t> character_begins_;
};

}  // namespace ballast
