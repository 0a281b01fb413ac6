#include "worker/data/tokenize.h"

#include <algorithm>
#include <array>

#include "common/base/hash.h"
#include "worker/data/unicode.h"

namespace ballast {

namespace {

constexpr std::uint64_t kWordSeed = 0;
constexpr std::uint64_t kCharacterSeed = 1;

constexpr std::size_t code_of(char c) { return static_cast<unsigned char>(c); }

// What ASCII letters and digits become; 0 for everything else.
constexpr std::array<char, 128> ascii_words(char capital_shift) {
  std::array<char, 128> table{};
  for (char c = '0'; c <= '9'; ++c) table[code_of(c)] = c;
  for (char c = 'a'; c <= 'z'; ++c) table[code_of(c)] = c;
  for (char c = 'A'; c <= 'Z'; ++c) {
    table[code_of(c)] = static_cast<char>(c + capital_shift);
  }
  return table;
}
constexpr std::array<char, 128> kLower = ascii_words(32);
constexpr std::array<char, 128> kSame = ascii_words(0);

bool is_ascii(char c) { return code_of(c) < 0x80; }

bool begins_with_letter(std::string_view text) {
  if (text.empty()) return false;
  if (is_ascii(text[0])) return (text[0] | 32) >= 'a' && (text[0] | 32) <= 'z';
  return class_of(decode_utf8(text, 0).character) == CharacterClass::word;
}

}  // namespace

void Tokenizer::append_keys(std::string_view text, std::vector<Key>& keys) {
  read(text);
  if (options_.word_ngrams_max > 0) add_words(keys);
  if (options_.character_ngrams_min > 0) add_characters(keys);
}

std::vector<std::string> Tokenizer::tokens(std::string_view text) {
  read(text);
  std::vector<std::string> out;
  for (const Span& token : tokens_)
    out.push_back(words_.substr(token.begin, token.end - token.begin));
  return out;
}

void Tokenizer::read(std::string_view text) {
  words_.clear();
  tokens_.clear();
  characters_.clear();
  character_begins_.clear();
  open_ = Open::nothing;
  if (options_.character_ngrams_min > 0) {
    character_begins_.push_back(0);
    characters_ += ' ';
  }
  std::size_t at = 0;
  while (at < text.size()) at = is_ascii(text[at]) ? read_ascii(text, at) : read_other(text, at);
  separate();
}

// The common case: a run of ASCII word characters, copied in one go.
std::size_t Tokenizer::read_ascii(std::string_view text, std::size_t at) {
  const auto& table = options_.lowercase ? kLower : kSame;
  const auto mapped = [&](std::size_t i) {
    return is_ascii(text[i]) ? table[code_of(text[i])] : '\0';
  };
  char c = mapped(at);
  if (c == '\0') {
    if (text[at] == '\'' && open_ == Open::word && begins_with_letter(text.substr(at + 1))) {
      put('\'');
    } else {
      separate();
    }
    return at + 1;
  }
  if (open_ != Open::word) begin_token(Open::word);
  do {
    words_ += c;
    if (options_.character_ngrams_min > 0) {
      character_begins_.push_back(static_cast<std::uint32_t>(characters_.size()));
      characters_ += c;
    }
    ++at;
    c = at < text.size() ? mapped(at) : '\0';
  } while (c != '\0');
  tokens_.back().end = static_cast<std::uint32_t>(words_.size());
  return at;
}

std::size_t Tokenizer::read_other(std::string_view text, std::size_t at) {
  auto [character, bytes] = decode_utf8(text, at);
  const std::size_t after = at + bytes;
  if (character == 0x2019 && open_ == Open::word && begins_with_letter(text.substr(after))) {
    put('\'');
    return after;
  }
  if (character >= 0xFF01 && character <= 0xFF5E) character -= 0xFEE0;  // Fullwidth ASCII.
  switch (class_of(character)) {
    case CharacterClass::word:
      if (open_ != Open::word) begin_token(Open::word);
      put(options_.lowercase ? lower_case(character) : character);
      return after;
    case CharacterClass::single:
      begin_token(Open::token);
      put(character);
      return after;
    case CharacterClass::symbol:
      return read_symbol(text, after, character);
    case CharacterClass::mark:
      if (open_ != Open::nothing) put(character);
      return after;
    case CharacterClass::separator:
      separate();
      return after;
    case CharacterClass::joiner:
    case CharacterClass::ignored:
      return after;
  }
  return after;
}

// A symbol with what belongs to it: skin tones, joined symbols, the second half of a flag.
std::size_t Tokenizer::read_symbol(std::string_view text, std::size_t at, char32_t character) {
  begin_token(Open::token);
  put(character);
  bool flag = is_regional_indicator(character);
  bool joined = false;
  while (at < text.size() && !is_ascii(text[at])) {
    const auto [next, bytes] = decode_utf8(text, at);
    const CharacterClass kind = class_of(next);
    if (kind == CharacterClass::joiner) {
      joined = true;
    } else if (kind == CharacterClass::symbol &&
               (joined || is_skin_tone(next) || (flag && is_regional_indicator(next)))) {
      if (joined) put(0x200D);
      put(next);
      joined = false;
      flag = false;
    } else if (kind != CharacterClass::ignored) {
      break;
    }
    at += bytes;
  }
  return at;
}

void Tokenizer::begin_token(Open open) {
  open_ = open;
  if (!tokens_.empty()) words_ += ' ';
  const auto begin = static_cast<std::uint32_t>(words_.size());
  tokens_.push_back({begin, begin});
}

void Tokenizer::put(char32_t character) {
  append_utf8(character, words_);
  tokens_.back().end = static_cast<std::uint32_t>(words_.size());
  if (options_.character_ngrams_min == 0) return;
  character_begins_.push_back(static_cast<std::uint32_t>(characters_.size()));
  append_utf8(character, characters_);
}

void Tokenizer::separate() {
  open_ = Open::nothing;
  if (options_.character_ngrams_min == 0 || characters_.back() == ' ') return;
  character_begins_.push_back(static_cast<std::uint32_t>(characters_.size()));
  characters_ += ' ';
}

void Tokenizer::add_words(std::vector<Key>& keys) const {
  const std::string_view words(words_);
  for (std::size_t first = 0; first < tokens_.size(); ++first) {
    const std::size_t last = std::min(tokens_.size(), first + options_.word_ngrams_max);
    for (std::size_t end = first; end < last; ++end) {
      const std::uint32_t begin = tokens_[first].begin;
      keys.push_back(hash_text(words.substr(begin, tokens_[end].end - begin), kWordSeed));
    }
  }
}

void Tokenizer::add_characters(std::vector<Key>& keys) const {
  if (tokens_.empty()) return;
  const std::string_view characters(characters_);
  const std::size_t count = character_begins_.size();
  const auto begin_of = [&](std::size_t i) {
    return i < count ? character_begins_[i] : characters.size();
  };
  for (std::size_t first = 0; first < count; ++first) {
    for (std::size_t n = options_.character_ngrams_min; n <= options_.character_ngrams_max; ++n) {
      if (first + n > count) break;
      const std::size_t begin = begin_of(first);
      keys.push_back(
          hash_text(characters.substr(begin, begin_of(first + n) - begin), kCharacterSeed));
    }
  }
}

}  // namespace ballast
