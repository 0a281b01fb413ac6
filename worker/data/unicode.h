#pragma once

// Just enough Unicode to find words in any script, without a library: what a character is to the
// tokenizer, and its lower case. Text is taken as it is; composed and decomposed forms stay apart.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ballast {

enum class CharacterClass : std::uint8_t {
  separator,  // Spaces, punctuation, currency, box drawing, anything that is not text.
  word,       // Letters and digits of scripts that put spaces between words; runs are words.
  single,   // A token alone: ideographs, kana, bopomofo, Yi, and Thai, Lao, Burmese, Khmer letters.
  symbol,   // A token alone: emoji, arrows, mathematical signs.
  mark,     // Belongs to the character before it.
  joiner,   // U+200D: joins emoji; within words it is dropped.
  ignored,  // Variation selectors, byte order mark, tags: dropped wherever they are.
};

[[nodiscard]] CharacterClass class_of(char32_t character);

// Simple lower case of Latin (to U+024F and U+1E00-1EFF), Greek, Cyrillic, Armenian.
[[nodiscard]] char32_t lower_case(char32_t character);

struct Decoded {
  char32_t character = 0;
  std::uint32_t bytes = 1;
};
// The character at text[at]; a byte that begins none decodes as U+FFFD, one byte long.
// REQUIRES: at < text.size().
[[nodiscard]] Decoded decode_utf8(std::string_view text, std::size_t at);
void append_utf8(char32_t character, std::string& out);

[[nodiscard]] constexpr bool is_regional_indicator(char32_t c) {
  return c >= 0x1F1E6 && c <= 0x1F1FF;
}
[[nodiscard]] constexpr bool is_skin_tone(char32_t c) { return c >= 0x1F3FB && c <= 0x1F3FF; }

}  // namespace ballast
