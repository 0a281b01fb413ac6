#pragma once

// The part of a file that a request's Range names. Pure.

#include <cstdint>
#include <string_view>
#include <variant>

namespace ballast::http {

struct WholeFile {};
struct FileRange {
  std::uint64_t begin = 0;
  std::uint64_t bytes = 0;
};
struct BeyondFile {};

// One range in bytes; what cannot be read, several ranges and other units mean the whole file, as
// RFC 9110 allows.
[[nodiscard]] std::variant<WholeFile, FileRange, BeyondFile> parse_range(std::string_view field,
                                                                         std::uint64_t file_bytes);

}  // namespace ballast::http
