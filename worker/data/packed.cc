#include "worker/data/packed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace ballast {

bool are_weights(std::span<const double> numbers) {
  return std::all_of(numbers.begin(), numbers.end(),
                     [](double number) { return std::isfinite(number) && number >= 0.0; });
}

void MemoryArrays::Free::operator()(std::byte* memory) const { std::free(memory); }

Result<std::span<std::byte>> MemoryArrays::allocate(const std::string& name, std::size_t bytes) {
  const std::size_t rounded = (std::max<std::size_t>(bytes, 1) + 63) / 64 * 64;
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(64, rounded));
  if (memory == nullptr) {
    return Error{ErrorCode::io,
                 fmt::format("expected {} bytes of memory for {}, and there are none; "
                             "encode fewer rows at once",
                             rounded, name)};
  }
  std::memset(memory, 0, rounded);
  arrays_.emplace_back(memory);
  bytes_ += rounded;
  return std::span<std::byte>(memory, bytes);
}

}  // namespace ballast
