#pragma once

// Bytes is an immutable piece of memory and a share in whatever keeps it alive: a received frame,
// a block of weights, a mapped file. Copying it copies no bytes. This is the one place where we
// share ownership: shared because immutable.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/check.h"

namespace ballast {

class Bytes {
 public:
  Bytes() = default;
  Bytes(std::shared_ptr<const void> owner, std::span<const std::byte> bytes)
      : owner_(std::move(owner)), bytes_(bytes) {}

  // Takes a vector over without copying it.
  template <class T>
  requires std::is_trivially_copyable_v<T>
  static Bytes own(std::vector<T> values) {
    auto owner = std::make_shared<const std::vector<T>>(std::move(values));
    const auto bytes = std::as_bytes(std::span(*owner));
    return Bytes(std::move(owner), bytes);
  }
  // Borrows values that `owner` keeps alive.
  template <class T>
  requires std::is_trivially_copyable_v<T>
  static Bytes share(std::shared_ptr<const void> owner, std::span<const T> values) {
    return Bytes(std::move(owner), std::as_bytes(values));
  }
  static Bytes copy(std::span<const std::byte> bytes) {
    return own(std::vector<std::byte>(bytes.begin(), bytes.end()));
  }
  static Bytes copy(std::string_view text) {
    return copy(std::as_bytes(std::span(text.data(), text.size())));
  }

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] const std::byte* data() const { return bytes_.data(); }
  [[nodiscard]] std::span<const std::byte> span() const { return bytes_; }
  [[nodiscard]] const std::shared_ptr<const void>& owner() const { return owner_; }
  [[nodiscard]] std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

  template <class T>
  [[nodiscard]] bool holds_array_of() const {
    return bytes_.size() % sizeof(T) == 0 &&
           reinterpret_cast<std::uintptr_t>(bytes_.data()) % alignof(T) == 0;
  }
  // REQUIRES: holds_array_of<T>(); the transport aligns what it receives.
  template <class T>
  requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::span<const T> as() const {
    BALLAST_CHECK(holds_array_of<T>());
    return {reinterpret_cast<const T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
};

}  // namespace ballast
