#pragma once

// For tests of the kernels: inputs that find differences, and every instruction set this CPU has.

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/philox.h"
#include "common/math/kernels.h"

namespace ballast::testing {

inline std::vector<InstructionSet> supported_sets() {
  std::vector<InstructionSet> sets;
  for (const InstructionSet set :
       {InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512}) {
    if (supports(set)) sets.push_back(set);
  }
  return sets;
}

inline std::string name_of(InstructionSet set) {
  switch (set) {
    case InstructionSet::portable:
      return "portable";
    case InstructionSet::avx2:
      return "avx2";
    case InstructionSet::avx512:
      return "avx512";
  }
  return "unknown";
}

// Forces an instruction set and gives the former back at the end of the scope.
class Forced {
 public:
  explicit Forced(InstructionSet set) : before_(instruction_set()) { force_instruction_set(set); }
  ~Forced() { force_instruction_set(before_); }
  Forced(const Forced&) = delete;
  Forced& operator=(const Forced&) = delete;

 private:
  InstructionSet before_;
};

inline std::vector<float> uniform(std::size_t count, std::uint64_t seed, float magnitude) {
  const PhiloxStream stream(seed, Purpose::canary, 0);
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = (stream.uniform(i) * 2.0F - 1.0F) * magnitude;
  return values;
}

// Random words: every exponent, denormals, infinities and NaNs among them.
inline std::vector<float> random_words(std::size_t count, std::uint64_t seed) {
  const PhiloxStream stream(seed, Purpose::canary, 1);
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = std::bit_cast<float>(stream.word(i));
  return values;
}

// The bits, with all NaNs as one: which payload an operation hands on is not defined.
inline std::uint32_t bits_of(float x) {
  return std::isnan(x) ? 0x7fc00000U : std::bit_cast<std::uint32_t>(x);
}

inline std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  bits.reserve(values.size());
  for (const float value : values) bits.push_back(bits_of(value));
  return bits;
}

}  // namespace ballast::testing
