#include "paramserver/account.h"

#include <algorithm>

#include "common/base/check.h"

namespace ballast {

void Account::count(Leaf leaf, Step step) {
  BALLAST_CHECK(expects(leaf, step));
  raise(leaf, step);
}

void Account::raise(Leaf leaf, Step clock) {
  BALLAST_CHECK(clock > clocks_[leaf]);
  const bool was_at_floor = clocks_[leaf] == floor_;
  counted_ += clock - clocks_[leaf];
  clocks_[leaf] = clock;
  if (!was_at_floor || --at_floor_ > 0) return;
  floor_ = *std::min_element(clocks_.begin(), clocks_.end());
  at_floor_ = static_cast<std::uint32_t>(std::count(clocks_.begin(), clocks_.end(), floor_));
}

}  // namespace ballast
