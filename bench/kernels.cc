// What a partition and a leaf do most, each in the same run as the limit of the machine that it is
// held against: memory copied, rows gathered, a large product. `bytes_per_second` counts what must
// be read and written at least.

#include <benchmark/benchmark.h>

#include <cstring>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/job/tables.h"
#include "common/math/aligned.h"
#include "common/math/blas.h"
#include "common/math/kernels.h"
#include "common/wire/codec.h"
#include "paramserver/contribution.h"
#include "paramserver/optimizer.h"
#include "paramserver/tables.h"

namespace ballast {
namespace {

using Floats = AlignedVector<float>;

Floats numbers(std::size_t count) {
  Floats values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(mix(7, i) % 2000) / 1000.0F - 1.0F;
  }
  return values;
}

void set_bytes(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

// ---- memory: the limit, then what runs along it -------------------------------------------------

void limit_copy(benchmark::State& state) {
  const Floats from = numbers(static_cast<std::size_t>(state.range(0)));
  Floats to(from.size());
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size() * sizeof(float));
    benchmark::ClobberMemory();
  }
  set_bytes(state, 2 * from.size() * sizeof(float));
}

void tree_add(benchmark::State& state) {
  const Floats left = numbers(static_cast<std::size_t>(state.range(0)));
  const Floats right = left;
  Floats sum(left.size());
  for (auto _ : state) {
    add(left, right, sum);
    benchmark::ClobberMemory();
  }
  set_bytes(state, 3 * left.size() * sizeof(float));
}

void optimizer_update(benchmark::State& state, OptimizerKind kind) {
  OptimizerSpec optimizer;
  optimizer.kind = kind;
  const Floats gradient = numbers(static_cast<std::size_t>(state.range(0)));
  const Floats weights = gradient;
  Floats next(weights.size());
  Floats slots_of_weights(weights.size() * slots(optimizer), 0.01F);
  const UpdateScalars scalars{
      .scale = 0.01F, .learning_rate = 0.001F, .bias_correction1 = 0.5F, .bias_correction2 = 0.5F};
  for (auto _ : state) {
    apply_update(optimizer, scalars, true, gradient, weights, next, slots_of_weights);
    benchmark::ClobberMemory();
  }
  set_bytes(state, (3 + 2 * slots(optimizer)) * weights.size() * sizeof(float));
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr std::uint32_t kWidth = 16;
constexpr std::size_t kAsked = 1 << 14;

std::size_t place(std::size_t i, std::size_t rows) { return mix(3, i) % rows; }

// The limit: rows copied from known places.
void limit_gather(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const Floats table = numbers(rows * kWidth);
  std::vector<std::size_t> places(kAsked);
  for (std::size_t i = 0; i < kAsked; ++i) places[i] = place(i, rows);
  Floats out(kAsked * kWidth);
  for (auto _ : state) {
    for (std::size_t i = 0; i < kAsked; ++i) {
      std::memcpy(&out[i * kWidth], &table[places[i] * kWidth], kWidth * sizeof(float));
    }
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kAsked));
}

// What a pull does: rows found by key in a partition's table.
void table_read(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const TableSpec spec{.id = TableId{0},
                       .name = "rows",
                       .kind = TableKind::sparse,
                       .shape = {kWidth},
                       .initializer = Initializer::normal,
                       .initial_bound = 1.0F};
  SparseTable table(spec, 0);
  for (std::size_t i = 0; i < rows; ++i) {
    const auto row = table.mutable_row(table.insert(mix(11, i)), 1);
    std::fill(row.begin(), row.end(), 1.0F);
  }
  std::vector<Key> keys(kAsked);
  for (std::size_t i = 0; i < kAsked; ++i) keys[i] = mix(11, place(i, rows));
  Floats out(kAsked * kWidth);
  for (auto _ : state) {
    for (std::size_t i = 0; i < kAsked; ++i) {
      const auto row = table.weights(table.find(keys[i]));
      std::memcpy(&out[i * kWidth], row.data(), kWidth * sizeof(float));
    }
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kAsked));
}

// ---- products -----------------------------------------------------------------------------------

// m = n = k is the limit; a leaf's product has few rows.
void product(benchmark::State& state) {
  const auto blas = Blas::load(families_of_this_cpu().front());
  BALLAST_CHECK(blas);
  const auto m = static_cast<std::uint32_t>(state.range(0));
  const auto n = static_cast<std::uint32_t>(state.range(1));
  const auto k = static_cast<std::uint32_t>(state.range(2));
  const Product shape{.form = Form::nn, .m = m, .n = n, .k = k, .lda = k, .ldb = n, .ldc = n};
  const Floats a = numbers(std::size_t{m} * k);
  const Floats b = numbers(std::size_t{k} * n);
  Floats c(std::size_t{m} * n);
  for (auto _ : state) {
    (*blas)->sgemm(shape, a.data(), b.data(), c.data());
    benchmark::ClobberMemory();
  }
  state.counters["flop/s"] =
      benchmark::Counter(2.0 * m * n * k, benchmark::Counter::kIsIterationInvariantRate);
}

// ---- wire ---------------------------------------------------------------------------------------

// A push of one dense table over 64 partitions through frames and back, checksums included.
void codec_push(benchmark::State& state) {
  const auto floats = static_cast<std::size_t>(state.range(0));
  wire::Push push{.timeline = 1, .step = 1, .nodes = {}, .partitions = {}, .sections = {}};
  push.nodes.push_back({Node{0, 0}, {}});
  for (std::uint32_t p = 0; p < 64; ++p) {
    push.partitions.push_back(PartitionId{p});
    push.sections.push_back({.node = {0, 0},
                             .partition = PartitionId{p},
                             .table = TableId{0},
                             .block = p,
                             .keys = {},
                             .values = Bytes::own(std::vector<float>(floats / 64, 1.0F))});
  }
  const wire::Message message{MemberId{5}, push};
  for (auto _ : state) {
    const auto decoded = wire::decode(wire::encode(message), {});
    BALLAST_CHECK(decoded);
    benchmark::DoNotOptimize(decoded);
  }
  set_bytes(state, floats * sizeof(float));
}

constexpr std::int64_t kCached = 1 << 14;  // 64 KiB of floats: a block
constexpr std::int64_t kLarge = 1 << 24;   // 64 MiB

BENCHMARK(limit_copy)->Arg(kCached)->Arg(kLarge);
BENCHMARK(tree_add)->Arg(kCached)->Arg(kLarge);
BENCHMARK_CAPTURE(optimizer_update, sgd, OptimizerKind::sgd)->Arg(kCached)->Arg(kLarge);
BENCHMARK_CAPTURE(optimizer_update, adagrad, OptimizerKind::adagrad)->Arg(kCached)->Arg(kLarge);
BENCHMARK_CAPTURE(optimizer_update, adam, OptimizerKind::adam)->Arg(kCached)->Arg(kLarge);
BENCHMARK_CAPTURE(optimizer_update, ftrl, OptimizerKind::ftrl)->Arg(kCached)->Arg(kLarge);
BENCHMARK(limit_gather)->Arg(1 << 12)->Arg(1 << 20);
BENCHMARK(table_read)->Arg(1 << 12)->Arg(1 << 20);
BENCHMARK(product)->Args({1024, 1024, 1024})->Args({64, 512, 784})->Args({64, 10, 256});
BENCHMARK(codec_push)->Arg(kCached)->Arg(1 << 20);

}  // namespace
}  // namespace ballast

BENCHMARK_MAIN();
