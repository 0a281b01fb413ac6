#include "paramserver/contribution.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "common/base/hash.h"
#include "common/math/kernels.h"

namespace ballast {
namespace {

// Merges two sorted lists; `combine` is called where both sides have an item.
template <class T, class Less, class Combine>
std::vector<T> merge(const std::vector<T>& left, const std::vector<T>& right, Less less,
                     Combine combine) {
  std::vector<T> out;
  out.reserve(std::max(left.size(), right.size()));
  auto l = left.begin();
  auto r = right.begin();
  while (l != left.end() || r != right.end()) {
    if (r == right.end() || (l != left.end() && less(*l, *r))) {
      out.push_back(*l++);
    } else if (l == left.end() || less(*r, *l)) {
      out.push_back(*r++);
    } else {
      out.push_back(combine(*l++, *r++));
    }
  }
  return out;
}

Bytes add_floats(const Bytes& left, const Bytes& right) {
  const auto a = left.as<float>();
  auto sum = std::make_shared_for_overwrite<float[]>(a.size());
  const std::span<float> out(sum.get(), a.size());
  add(a, right.as<float>(), out);
  return Bytes::share<float>(std::move(sum), out);
}

SparseGradient add_rows(const SparseGradient& left, const SparseGradient& right,
                        std::size_t width) {
  const auto lk = left.keys.as<Key>();
  const auto rk = right.keys.as<Key>();
  const float* lv = left.values.as<float>().data();
  const float* rv = right.values.as<float>().data();

  auto keys = std::make_shared_for_overwrite<Key[]>(lk.size() + rk.size());
  auto values = std::make_shared_for_overwrite<float[]>((lk.size() + rk.size()) * width);
  std::size_t l = 0;
  std::size_t r = 0;
  std::size_t n = 0;
  while (l < lk.size() || r < rk.size()) {
    float* row = values.get() + n * width;
    if (r == rk.size() || (l < lk.size() && lk[l] < rk[r])) {
      std::copy_n(lv + l * width, width, row);
      keys[n++] = lk[l++];
    } else if (l == lk.size() || rk[r] < lk[l]) {
      std::copy_n(rv + r * width, width, row);
      keys[n++] = rk[r++];
    } else {
      for (std::size_t i = 0; i < width; ++i) row[i] = lv[l * width + i] + rv[r * width + i];
      keys[n++] = lk[l++];
      ++r;
    }
  }
  const std::span<const Key> key_span(keys.get(), n);
  const std::span<const float> value_span(values.get(), n * width);
  return {left.table, Bytes::share(std::move(keys), key_span),
          Bytes::share(std::move(values), value_span)};
}

bool same_bytes(const Bytes& a, const Bytes& b) {
  return a.size() == b.size() && std::equal(a.data(), a.data() + a.size(), b.data());
}

}  // namespace

Contribution add(const std::vector<TableSpec>& tables, const Contribution& left,
                 const Contribution& right) {
  Contribution sum;
  sum.figures = left.figures + right.figures;
  sum.dense = merge(
      left.dense, right.dense,
      [](const DenseGradient& a, const DenseGradient& b) {
        return std::pair(a.table, a.block) < std::pair(b.table, b.block);
      },
      [](const DenseGradient& a, const DenseGradient& b) {
        return DenseGradient{a.table, a.block, add_floats(a.values, b.values)};
      });
  sum.sparse = merge(
      left.sparse, right.sparse,
      [](const SparseGradient& a, const SparseGradient& b) { return a.table < b.table; },
      [&](const SparseGradient& a, const SparseGradient& b) {
        return add_rows(a, b, floats_of(tables[index(a.table)]));
      });
  return sum;
}

std::size_t Contribution::bytes() const {
  std::size_t sum = 0;
  for (const DenseGradient& gradient : dense) sum += gradient.values.size();
  for (const SparseGradient& gradient : sparse)
    sum += gradient.keys.size() + gradient.values.size();
  return sum;
}

bool same_bits(const Contribution& a, const Contribution& b) {
  const auto same_dense = [](const DenseGradient& x, const DenseGradient& y) {
    return x.table == y.table && x.block == y.block && same_bytes(x.values, y.values);
  };
  const auto same_sparse = [](const SparseGradient& x, const SparseGradient& y) {
    return x.table == y.table && same_bytes(x.keys, y.keys) && same_bytes(x.values, y.values);
  };
  return a.figures == b.figures &&
         std::equal(a.dense.begin(), a.dense.end(), b.dense.begin(), b.dense.end(), same_dense) &&
         std::equal(a.sparse.begin(), a.sparse.end(), b.sparse.begin(), b.sparse.end(),
                    same_sparse);
}

std::uint64_t hash_of(const Contribution& contribution) {
  std::uint64_t hash = 0;
  for (const DenseGradient& gradient : contribution.dense) {
    hash = mix(hash, mix(index(gradient.table), gradient.block));
    hash = hash_bytes(gradient.values.span(), hash);
  }
  for (const SparseGradient& gradient : contribution.sparse) {
    hash = hash_bytes(gradient.keys.span(), mix(hash, index(gradient.table)));
    hash = hash_bytes(gradient.values.span(), hash);
  }
  return hash;
}

double sum_of_squares(const Contribution& contribution) {
  double sum = 0.0;
  for (const DenseGradient& gradient : contribution.dense) {
    sum += sum_of_squares(gradient.values.as<float>());
  }
  for (const SparseGradient& gradient : contribution.sparse) {
    sum += sum_of_squares(gradient.values.as<float>());
  }
  return sum;
}

}  // namespace ballast
