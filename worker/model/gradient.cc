// add_gradients: the one operation of the tree on this side of the wire. The partition's own adds
// the same way; both hold R1.

#include <algorithm>

#include "common/base/check.h"
#include "common/math/kernels.h"
#include "worker/model/model.h"

namespace ballast {
namespace {

void add_dense(const std::vector<float>& left, const std::vector<float>& right,
               std::vector<float>& sum) {
  if (left.empty() || right.empty()) {
    sum = left.empty() ? right : left;
    return;
  }
  BALLAST_CHECK(left.size() == right.size());
  sum.resize(left.size());
  add(left, right, sum);
}

// The merged keys of two sorted, unique lists.
void merge_keys(const std::vector<Key>& left, const std::vector<Key>& right,
                std::vector<Key>& merged) {
  merged.resize(left.size() + right.size());
  const auto end =
      std::set_union(left.begin(), left.end(), right.begin(), right.end(), merged.begin());
  merged.erase(end, merged.end());
}

void add_sparse(const Gradient::Table& left, const Gradient::Table& right, Gradient::Table& sum) {
  merge_keys(left.keys, right.keys, sum.keys);
  if (sum.keys.empty()) {
    sum.values.clear();
    return;
  }
  const Gradient::Table& any = left.keys.empty() ? right : left;
  const std::size_t width = any.values.size() / any.keys.size();
  BALLAST_CHECK(left.values.size() == left.keys.size() * width);
  BALLAST_CHECK(right.values.size() == right.keys.size() * width);
  sum.values.resize(sum.keys.size() * width);

  const float* l = left.values.data();
  const float* r = right.values.data();
  float* out = sum.values.data();
  std::size_t i = 0;
  std::size_t j = 0;
  for (const Key key : sum.keys) {
    const bool in_left = i < left.keys.size() && left.keys[i] == key;
    const bool in_right = j < right.keys.size() && right.keys[j] == key;
    if (in_left && in_right) {
      for (std::size_t c = 0; c < width; ++c) out[c] = l[c] + r[c];
    } else {
      // Absent is not zero: x + 0 would turn -0 into 0.
      std::copy_n(in_left ? l : r, width, out);
    }
    if (in_left) ++i, l += width;
    if (in_right) ++j, r += width;
    out += width;
  }
}

}  // namespace

void add_gradients(const Gradient& left, const Gradient& right, Gradient& sum) {
  BALLAST_CHECK(&sum != &left && &sum != &right);
  BALLAST_CHECK(left.tables.size() == right.tables.size());
  sum.tables.resize(left.tables.size());
  for (std::size_t t = 0; t < sum.tables.size(); ++t) {
    const Gradient::Table& a = left.tables[t];
    const Gradient::Table& b = right.tables[t];
    if (a.keys.empty() && b.keys.empty()) {
      add_dense(a.values, b.values, sum.tables[t].values);
      sum.tables[t].keys.clear();
    } else {
      add_sparse(a, b, sum.tables[t]);
    }
  }
  sum.figures = left.figures + right.figures;
}

}  // namespace ballast
