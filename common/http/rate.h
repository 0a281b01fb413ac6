#pragma once

// How often somebody may ask: a bucket of tokens each, filled at a steady rate. A bucket that is
// full is forgotten, so only who asked lately is remembered.
//
// Pure. One thread.

#include <cstddef>
#include <map>
#include <string>

#include "common/base/time.h"

namespace ballast::http {

struct RateOptions {
  double per_second = 50;
  double burst = 200;
  std::size_t names_max = 16384;  // Those beyond share one bucket.
};

class Rate {
 public:
  explicit Rate(RateOptions options) : options_(options) {}

  // Takes one from the bucket of `name`. Zero: it was there; else how long until it is.
  [[nodiscard]] Duration take(const std::string& name, Time now);

  [[nodiscard]] std::size_t names() const { return buckets_.size(); }

 private:
  struct Bucket {
    double left = 0;
    Time at{};
  };

  [[nodiscard]] double left(const Bucket& bucket, Time now) const;
  void forget_full(Time now);

  const RateOptions options_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace ballast::http
