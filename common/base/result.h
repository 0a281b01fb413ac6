#pragma once

// Result<T> is a value or the reason why there is none: for everything that can go wrong outside
// our own code (bytes, disks, peers, users). The names are a subset of std::expected's, so that
// C++23 can replace this file. Accessing the wrong side is our bug and aborts.

#include <string>
#include <utility>
#include <variant>

#include "common/base/check.h"

namespace ballast {

enum class ErrorCode {
  invalid,      // What the user wrote cannot be meant; exit code 2.
  not_found,    // A file, a member, a field that should be there is not.
  corrupt,      // Bytes that fail their checksum or their format.
  io,           // The operating system refused.
  unavailable,  // A peer cannot be reached; trying again may help.
  unsupported,  // Another version of us would understand.
  conflict,     // Somebody else holds it.
  diverged,     // Bits or numbers that must not differ or overflow did.
};

// The message says what was expected, what was seen and what to do, in one sentence.
struct Error {
  ErrorCode code = ErrorCode::invalid;
  std::string message;
};

// Whether trying again may help: a full disk is given room, a store that is away comes back.
[[nodiscard]] inline bool may_pass(const Error& error) {
  return error.code == ErrorCode::io || error.code == ErrorCode::unavailable;
}

template <class T>
class [[nodiscard]] Result {
 public:
  // Implicit, so that a function returns either side plainly.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return *checked(); }
  const T& value() const& { return *const_cast<Result*>(this)->checked(); }
  T&& value() && { return std::move(*checked()); }
  T& operator*() & { return *checked(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*checked()); }
  T* operator->() { return checked(); }
  const T* operator->() const { return &value(); }

  [[nodiscard]] const Error& error() const {
    BALLAST_CHECK(!has_value());
    return std::get<1>(state_);
  }

 private:
  T* checked() {
    BALLAST_CHECK(has_value());
    return &std::get<0>(state_);
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}

  [[nodiscard]] bool has_value() const { return !failed_; }
  explicit operator bool() const { return has_value(); }
  [[nodiscard]] const Error& error() const {
    BALLAST_CHECK(failed_);
    return error_;
  }

 private:
  Error error_;
  bool failed_ = false;
};

using Status = Result<void>;

}  // namespace ballast
