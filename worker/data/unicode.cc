#include "worker/data/unicode.h"

#include <algorithm>
#include <iterator>

#include "common/job/text.h"

namespace ballast {

namespace {

struct Range {
  char32_t first;
  char32_t last;
  CharacterClass kind;
};

using enum CharacterClass;

// Everything from U+0080 on that is not listed is a word character. Sorted. From the block and
// script tables of Unicode 15, drawn with a broad brush: what matters is that words come out as
// readers of the script see them, and that the table never changes under a trained model.
constexpr Range kRanges[] = {
    {0x0080, 0x00A9, separator},   {0x00AB, 0x00B4, separator}, {0x00B6, 0x00B9, separator},
    {0x00BB, 0x00BF, separator},   {0x00D7, 0x00D7, separator}, {0x00F7, 0x00F7, separator},
    {0x0300, 0x036F, mark},        {0x037E, 0x037E, separator}, {0x0387, 0x0387, separator},
    {0x055A, 0x055F, separator},   {0x0589, 0x058A, separator}, {0x05BE, 0x05BE, separator},
    {0x05C0, 0x05C0, separator},   {0x05C3, 0x05C3, separator}, {0x05C6, 0x05C6, separator},
    {0x05F3, 0x05F4, separator},   {0x0600, 0x060F, separator}, {0x061B, 0x061F, separator},
    {0x066A, 0x066D, separator},   {0x06D4, 0x06D4, separator}, {0x0700, 0x070D, separator},
    {0x0964, 0x0965, separator},   {0x0970, 0x0970, separator}, {0x0E01, 0x0E30, single},
    {0x0E31, 0x0E31, mark},        {0x0E32, 0x0E33, single},    {0x0E34, 0x0E3A, mark},
    {0x0E3F, 0x0E3F, separator},   {0x0E40, 0x0E46, single},    {0x0E47, 0x0E4E, mark},
    {0x0E4F, 0x0E4F, separator},   {0x0E5A, 0x0E5B, separator}, {0x0E81, 0x0EB0, single},
    {0x0EB1, 0x0EB1, mark},        {0x0EB2, 0x0EB3, single},    {0x0EB4, 0x0EBC, mark},
    {0x0EBD, 0x0EC6, single},      {0x0EC8, 0x0ECE, mark},      {0x0F01, 0x0F17, separator},
    {0x1000, 0x102A, single},      {0x102B, 0x103E, mark},      {0x104A, 0x104F, separator},
    {0x10FB, 0x10FB, separator},   {0x1360, 0x1368, separator}, {0x1400, 0x1400, separator},
    {0x166D, 0x166E, separator},   {0x1680, 0x1680, separator}, {0x1780, 0x17B3, single},
    {0x17B4, 0x17D3, mark},        {0x17D4, 0x17DB, separator}, {0x1800, 0x180E, separator},
    {0x1AB0, 0x1AFF, mark},        {0x1DC0, 0x1DFF, mark},      {0x2000, 0x200B, separator},
    {0x200C, 0x200C, ignored},     {0x200D, 0x200D, joiner},    {0x200E, 0x205F, separator},
    {0x2060, 0x2060, ignored},     {0x2061, 0x20CF, separator}, {0x20D0, 0x20FF, mark},
    {0x2116, 0x2116, separator},   {0x2122, 0x2122, separator}, {0x2190, 0x24FF, symbol},
    {0x2500, 0x259F, separator},   {0x25A0, 0x2BFF, symbol},    {0x2E00, 0x2E7F, separator},
    {0x2E80, 0x2FDF, single},      {0x2FE0, 0x3004, separator}, {0x3005, 0x3007, single},
    {0x3008, 0x3020, separator},   {0x3021, 0x3029, single},    {0x302A, 0x302F, mark},
    {0x3030, 0x3040, separator},   {0x3041, 0x3098, single},    {0x3099, 0x309A, mark},
    {0x309B, 0x309F, single},      {0x30A0, 0x30A0, separator}, {0x30A1, 0x30FA, single},
    {0x30FB, 0x30FB, separator},   {0x30FC, 0x312F, single},    {0x3190, 0x4DBF, single},
    {0x4DC0, 0x4DFF, symbol},      {0x4E00, 0xA4CF, single},    {0xD800, 0xF8FF, separator},
    {0xF900, 0xFAFF, single},      {0xFD3E, 0xFD3F, separator}, {0xFE00, 0xFE0F, ignored},
    {0xFE10, 0xFE1F, separator},   {0xFE20, 0xFE2F, mark},      {0xFE30, 0xFE6F, separator},
    {0xFEFF, 0xFEFF, ignored},     {0xFF00, 0xFF65, separator}, {0xFF66, 0xFF9D, single},
    {0xFF9E, 0xFF9F, mark},        {0xFFE0, 0xFFFF, separator}, {0x1F000, 0x1FAFF, symbol},
    {0x1FB00, 0x1FBFF, separator}, {0x20000, 0x3FFFF, single},  {0xE0000, 0x10FFFF, ignored},
};

// Capital letters: either a fixed distance from the small ones, or every other one.
struct Capitals {
  char32_t first;
  char32_t last;
  std::int32_t shift;  // 0: alternating, the capital at the parity of `first`, the small one next.
};

constexpr Capitals kCapitals[] = {
    {0x00C0, 0x00D6, 32}, {0x00D8, 0x00DE, 32}, {0x0100, 0x012F, 0},  {0x0130, 0x0130, -199},
    {0x0132, 0x0137, 0},  {0x0139, 0x0148, 0},  {0x014A, 0x0177, 0},  {0x0178, 0x0178, -121},
    {0x0179, 0x017E, 0},  {0x01CD, 0x01DC, 0},  {0x01DE, 0x01EF, 0},  {0x01F8, 0x021F, 0},
    {0x0222, 0x0233, 0},  {0x0246, 0x024F, 0},  {0x0386, 0x0386, 38}, {0x0388, 0x038A, 37},
    {0x038C, 0x038C, 64}, {0x038E, 0x038F, 63}, {0x0391, 0x03A1, 32}, {0x03A3, 0x03AB, 32},
    {0x0400, 0x040F, 80}, {0x0410, 0x042F, 32}, {0x0460, 0x0481, 0},  {0x048A, 0x04BF, 0},
    {0x04C1, 0x04CE, 0},  {0x04D0, 0x052F, 0},  {0x0531, 0x0556, 48}, {0x1E00, 0x1E95, 0},
    {0x1EA0, 0x1EFF, 0},
};

template <class T, std::size_t N>
const T* find_range(const T (&ranges)[N], char32_t character) {
  const T* after = std::upper_bound(std::begin(ranges), std::end(ranges), character,
                                    [](char32_t c, const T& range) { return c < range.first; });
  if (after == std::begin(ranges) || character > (after - 1)->last) return nullptr;
  return after - 1;
}

bool is_ascii_word(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

CharacterClass class_of(char32_t character) {
  if (character < 0x80) return is_ascii_word(character) ? word : separator;
  const Range* range = find_range(kRanges, character);
  return range == nullptr ? word : range->kind;
}

char32_t lower_case(char32_t character) {
  if (character < 0x80) return character >= 'A' && character <= 'Z' ? character + 32 : character;
  const Capitals* range = find_range(kCapitals, character);
  if (range == nullptr) return character;
  if (range->shift != 0) {
    return static_cast<char32_t>(static_cast<std::int64_t>(character) + range->shift);
  }
  return (character - range->first) % 2 == 0 ? character + 1 : character;
}

Decoded decode_utf8(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[at + i]));
  };
  switch (utf8_length(text.substr(at))) {
    case 1:
      return {byte(0), 1};
    case 2:
      return {(byte(0) & 0x1F) << 6 | (byte(1) & 0x3F), 2};
    case 3:
      return {(byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
    case 4:
      return {(byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 |
                  (byte(3) & 0x3F),
              4};
    default:
      return {0xFFFD, 1};
  }
}

void append_utf8(char32_t c, std::string& out) {
  const auto put = [&](char32_t byte) {
    out += static_cast<char>(static_cast<unsigned char>(byte));
  };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

}  // namespace ballast
