#pragma once

// Takes an input apart, from front to back. Whatever is asked for past the end is zero or empty, so
// every sequence of bytes is an input.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ballast::fuzz {

// Between the files of one input; a byte that no text format has a use for.
inline constexpr char kSeparator = '\x1e';

class Input {
 public:
  explicit Input(std::span<const std::byte> bytes)
      : left_(reinterpret_cast<const char*>(bytes.data()), bytes.size()) {}

  std::uint8_t byte() {
    const std::string_view one = take(1);
    return one.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(one[0]);
  }
  // Little-endian, 16 bits.
  std::size_t word() {
    const std::size_t low = byte();
    return low | std::size_t{byte()} << 8;
  }
  std::string_view take(std::size_t bytes) {
    const std::string_view taken = left_.substr(0, bytes);
    left_.remove_prefix(taken.size());
    return taken;
  }
  // Up to the separator, which is dropped.
  std::string_view until(char separator) {
    const std::string_view taken = take(std::min(left_.find(separator), left_.size()));
    take(1);
    return taken;
  }
  [[nodiscard]] bool empty() const { return left_.empty(); }
  std::string_view rest() { return take(left_.size()); }

  // All that is left, in pieces: at least one, at most `pieces_max`.
  std::vector<std::string_view> split(char separator, std::size_t pieces_max) {
    std::vector<std::string_view> pieces;
    do {
      pieces.push_back(pieces.size() + 1 == pieces_max ? rest() : until(separator));
    } while (!left_.empty());
    return pieces;
  }

 private:
  std::string_view left_;
};

}  // namespace ballast::fuzz
