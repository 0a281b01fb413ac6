#include "worker/data/idx.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <limits>
#include <optional>

#include "common/base/check.h"

namespace ballast {

namespace {

constexpr std::uint64_t kElementsMax = std::uint64_t{1} << 40;

template <class T>
T big_endian(const std::byte* at) {
  using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  Bits bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bits = (bits << 8) | std::to_integer<Bits>(at[i]);
  }
  T value{};
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

std::optional<std::size_t> size_of(unsigned type) {
  switch (type) {
    case 0x08:
    case 0x09:
      return 1;
    case 0x0B:
      return 2;
    case 0x0C:
    case 0x0D:
      return 4;
    case 0x0E:
      return 8;
    default:
      return std::nullopt;
  }
}

template <class T>
void convert(const std::byte* from, std::vector<double>& to) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] = static_cast<double>(big_endian<T>(from + i * sizeof(T)));
  }
}

Error not_idx(const std::string& path, std::span<const std::byte> bytes) {
  std::string seen;
  for (std::size_t i = 0; i < bytes.size() && i < 4; ++i) {
    seen += fmt::format("{}{:02x}", i == 0 ? "" : " ", std::to_integer<unsigned>(bytes[i]));
  }
  return {ErrorCode::corrupt,
          fmt::format("{}: expected an IDX file, which begins with 00 00, an element type (08 for "
                      "bytes) and the number of dimensions, saw {}; check data.format and the path",
                      path, seen.empty() ? "nothing" : seen)};
}

}  // namespace

Result<IdxArray> read_idx(const SourceFile& file) {
  const auto bytes = file.content.span();
  if (bytes.size() < 4 || bytes[0] != std::byte{0} || bytes[1] != std::byte{0}) {
    return not_idx(file.path, bytes);
  }
  const auto type = std::to_integer<unsigned>(bytes[2]);
  const auto dimensions = std::to_integer<std::size_t>(bytes[3]);
  const auto element = size_of(type);
  if (!element || dimensions == 0) return not_idx(file.path, bytes);
  const std::size_t header = 4 + 4 * dimensions;
  if (bytes.size() < header) {
    return Error{ErrorCode::corrupt,
                 fmt::format("{}: expected {} dimensions in the header, but the file has only {} "
                             "bytes; fetch it again",
                             file.path, dimensions, bytes.size())};
  }
  IdxArray array;
  array.type = static_cast<IdxType>(type);
  array.examples = big_endian<std::uint32_t>(bytes.data() + 4);
  std::string shape = std::to_string(array.examples);
  for (std::size_t d = 1; d < dimensions; ++d) {
    const std::uint64_t size = big_endian<std::uint32_t>(bytes.data() + 4 + 4 * d);
    shape += fmt::format(" x {}", size);
    array.width =
        size == 0 || array.width <= kElementsMax / size ? array.width * size : kElementsMax;
  }
  const std::uint64_t expected = array.width == 0 || array.examples <= kElementsMax / array.width
                                     ? array.examples * array.width * *element
                                     : std::numeric_limits<std::uint64_t>::max();
  if (expected != bytes.size() - header) {
    return Error{
        ErrorCode::corrupt,
        fmt::format("{}: the header promises {} elements of {} bytes, but {} bytes follow; "
                    "fetch the file again",
                    file.path, shape, *element, bytes.size() - header)};
  }
  // Examples that take no bytes could be four billion, in a file of sixteen.
  if (array.width == 0 && array.examples > 0) {
    return Error{ErrorCode::corrupt,
                 fmt::format("{}: expected examples of at least one element, saw a header that "
                             "promises {}; fetch the file again",
                             file.path, shape)};
  }
  array.elements = Bytes(file.content.owner(), bytes.subspan(header));
  return array;
}

std::vector<double> idx_numbers(const IdxArray& array, std::uint64_t first, std::uint64_t count) {
  std::vector<double> numbers(count);
  const std::size_t element = size_of(static_cast<unsigned>(array.type)).value_or(1);
  BALLAST_CHECK((first + count) * element <= array.elements.size());
  const std::byte* from = array.elements.data() + first * element;
  switch (array.type) {
    case IdxType::u8:
      convert<std::uint8_t>(from, numbers);
      break;
    case IdxType::i8:
      convert<std::int8_t>(from, numbers);
      break;
    case IdxType::i16:
      convert<std::int16_t>(from, numbers);
      break;
    case IdxType::i32:
      convert<std::int32_t>(from, numbers);
      break;
    case IdxType::f32:
      convert<float>(from, numbers);
      break;
    case IdxType::f64:
      convert<double>(from, numbers);
      break;
  }
  return numbers;
}

}  // namespace ballast
