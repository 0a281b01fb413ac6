#pragma once

// The frames of a message, out of an input:
//
//   u8 count of payload frames (modulo 8), u16 words of 8 bytes in the header, u16 bytes of each
//   payload frame; then the header without its checksum, then the payload frames.
//
// Mutations would never get past checksums that they do not know. So the header is sealed here, and
// words in it that are kChecksumMark + i or kBytesMark + i become the checksum and the size of
// payload frame i.

#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/hash.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/wire_marks.h"

namespace ballast::fuzz {

inline Bytes sealed_header(std::string_view body, const std::vector<Bytes>& payload) {
  std::vector<std::uint64_t> words(1 + body.size() / sizeof(std::uint64_t));
  if (words.size() > 1) std::memcpy(words.data() + 1, body.data(), 8 * (words.size() - 1));
  for (std::uint64_t& word : words) {
    for (std::size_t i = 0; i < payload.size(); ++i) {
      if (word == kChecksumMark + i) {
        word = hash_bytes(payload[i].span());
      } else if (word == kBytesMark + i) {
        word = payload[i].size();
      }
    }
  }
  words[0] = hash_bytes(std::as_bytes(std::span(words).subspan(1)));
  return Bytes::own(std::move(words));
}

inline std::vector<Bytes> frames_of(Input& input) {
  std::vector<std::size_t> sizes(input.byte() % 8);
  const std::size_t header_bytes = 8 * input.word();
  for (std::size_t& size : sizes) size = input.word();
  const std::string_view header = input.take(header_bytes);
  std::vector<Bytes> payload;
  for (const std::size_t size : sizes) payload.push_back(Bytes::copy(input.take(size)));
  std::vector<Bytes> frames = {sealed_header(header, payload)};
  frames.insert(frames.end(), payload.begin(), payload.end());
  return frames;
}

}  // namespace ballast::fuzz
