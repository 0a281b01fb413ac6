#pragma once

// Small questions about text that reading a spec asks: is it UTF-8, which word was meant; and how
// bytes that are no text are written in one.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace ballast {

// Bytes of the UTF-8 character that `text` starts with; 0 when it is not one (RFC 3629: no
// overlong forms, no surrogates, nothing above U+10FFFF). REQUIRES: not empty.
[[nodiscard]] std::size_t utf8_length(std::string_view text);
[[nodiscard]] bool is_utf8(std::string_view text);

// Two digits for each byte, lower case.
[[nodiscard]] std::string hexadecimal(std::string_view bytes);
// The bytes that hexadecimal() wrote; false when it did not.
[[nodiscard]] bool from_hexadecimal(std::string_view digits, std::string& out);

// Edits from one word to the other: insertions, deletions, replacements, neighbours swapped.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// The word that was probably meant: few edits away, or one that contains the other ("batch_size"
// means "batch"). Empty when nothing is near.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> words);

}  // namespace ballast
