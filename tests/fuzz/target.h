#pragma once

// What every fuzz target defines; libfuzzer.cc and replay.cc call it. The comment that opens a
// target's file says how it reads its input.

#include <cstddef>
#include <span>

namespace ballast::fuzz {

// Whether the product took the input for what it should be. A seed named good-* must be accepted,
// so that seeds do not quietly become inputs which fail at the first byte.
enum class Verdict { accepted, refused };

// A target of this program: a fuzzer has one, the replay all of them.
class Target {
 public:
  using Body = Verdict(std::span<const std::byte> input);

  // Puts itself in front of the list. REQUIRES: `name` is a literal.
  Target(const char* name, Body* body) : name_(name), body_(body), next_(first_) { first_ = this; }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  [[nodiscard]] static const Target* first() { return first_; }
  [[nodiscard]] const Target* next() const { return next_; }
  [[nodiscard]] const char* name() const { return name_; }
  [[nodiscard]] Verdict run(std::span<const std::byte> input) const { return body_(input); }

 private:
  static inline const Target* first_ = nullptr;

  const char* name_;
  Body* body_;
  const Target* next_;
};

}  // namespace ballast::fuzz

// Begins the target of this name, whose input has the name `input`. It aborts when the product
// breaks a promise; the sanitizers and libFuzzer's limits see the rest. Equal inputs must behave
// alike, whatever ran before.
#define BALLAST_FUZZ_TARGET(name, input)                        \
  static Verdict fuzz_##name(std::span<const std::byte> input); \
  static const Target target_##name{#name, fuzz_##name};        \
  static Verdict fuzz_##name(std::span<const std::byte> input)
