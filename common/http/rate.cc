#include "common/http/rate.h"

#include <algorithm>
#include <chrono>

namespace ballast::http {

double Rate::left(const Bucket& bucket, Time now) const {
  const double passed = std::chrono::duration<double>(now - bucket.at).count();
  return std::min(options_.burst, bucket.left + std::max(passed, 0.0) * options_.per_second);
}

Duration Rate::take(const std::string& name, Time now) {
  auto found = buckets_.find(name);
  if (found == buckets_.end()) {
    if (buckets_.size() >= options_.names_max) forget_full(now);
    const std::string& kept = buckets_.size() < options_.names_max ? name : std::string();
    found = buckets_.try_emplace(kept, Bucket{options_.burst, now}).first;
  }
  Bucket& bucket = found->second;
  bucket = {left(bucket, now), now};
  constexpr double kRounding = 1e-9;  // Whoever waits as long as he was told shall not be refused.
  if (bucket.left >= 1 - kRounding) {
    bucket.left -= 1;
    return Duration::zero();
  }
  return std::chrono::ceil<Duration>(
      std::chrono::duration<double>((1 - bucket.left) / options_.per_second));
}

void Rate::forget_full(Time now) {
  std::erase_if(buckets_,
                [&](const auto& entry) { return left(entry.second, now) >= options_.burst; });
}

}  // namespace ballast::http
