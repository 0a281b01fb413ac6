#pragma once

// What writer and reader of safetensors files share. For .cc files of this folder only.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/storage/content_hash.h"
#include "common/storage/safetensors.h"

namespace ballast {

inline constexpr std::string_view kMetadataField = "__metadata__";
inline constexpr std::string_view kChecksumField = "ballast.checksum";
// The checksum's digits while it is computed.
inline const std::string kNoChecksum(kContentHashDigits, '0');

// Of one element; the names are the format's.
[[nodiscard]] inline std::uint64_t bytes_of(TensorType type) {
  return type == TensorType::u64 ? 8 : 4;
}
[[nodiscard]] inline std::string_view name_of(TensorType type) {
  return type == TensorType::u64 ? "U64" : "F32";
}

// Nothing when the product does not fit 63 bits, which no file does either.
[[nodiscard]] inline std::optional<std::uint64_t> tensor_bytes(const TensorSpec& tensor) {
  std::uint64_t bytes = bytes_of(tensor.type);
  bool empty = false;
  for (const std::uint64_t size : tensor.shape) {
    if (size == 0) empty = true;
    if (__builtin_mul_overflow(bytes, size == 0 ? 1 : size, &bytes)) return std::nullopt;
  }
  if (bytes > (std::uint64_t{1} << 62)) return std::nullopt;
  return empty ? 0 : bytes;
}

// Where the checksum's digits are in a header of ours. Quotes inside names are escaped, so the
// text cannot occur elsewhere.
[[nodiscard]] inline std::optional<std::size_t> find_checksum(std::string_view header) {
  const std::string field = "\"" + std::string(kChecksumField) + "\":\"";
  const std::size_t at = header.find(field);
  if (at == std::string_view::npos || header.size() - at - field.size() < kContentHashDigits) {
    return std::nullopt;
  }
  return at + field.size();
}

}  // namespace ballast
