#include "tests/simulation/plain_loop.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "common/base/hash.h"
#include "common/base/philox.h"
#include "common/job/json_text.h"
#include "common/math/aligned.h"
#include "common/math/kernels.h"
#include "common/math/metrics.h"
#include "coordinator/commit.h"
#include "paramserver/optimizer.h"

namespace ballast::simulation {
namespace {

using Json = nlohmann::ordered_json;

// Weights as an engine wants them.
struct Gathered {
  std::vector<AlignedVector<float>> values;
  std::vector<std::vector<Key>> keys;

  [[nodiscard]] Weights view() const {
    Weights weights;
    for (std::size_t i = 0; i < values.size(); ++i) {
      weights.tables.push_back({.values = values[i], .keys = keys[i]});
    }
    return weights;
  }
};

class PlainLoop {
 public:
  explicit PlainLoop(const SampleJob& job)
      : job_(job), run_(job.run), engine_(job.model->make_engine(job.run, shared_blas())) {
    for (const TableSpec& table : run_.tables) {
      if (table.kind != TableKind::dense) continue;
      for (std::uint32_t block = 0; block < blocks_of(table); ++block) {
        rows_[{table.id, block}] = fresh_row(table, block);
      }
    }
  }

  PlainRun train() {
    result_.partitions = run_.partitions;
    result_.commits.push_back(commit_);
    result_.changed.emplace_back();
    note_digests();
    while (!commit_.last) {
      one_step();
      note_digests();
      note_step();
      if (evaluates_at(run_, commit_.step) || commit_.last) evaluate_and_note();
    }
    result_.digest = digest_of(rows_);
    return std::move(result_);
  }

 private:
  [[nodiscard]] const TableSpec& table(std::size_t id) const { return run_.tables[id]; }

  [[nodiscard]] Row fresh_row(const TableSpec& table, Key key) const {
    const std::size_t width = table.kind == TableKind::dense
                                  ? floats_of_block(table, static_cast<std::uint32_t>(key))
                                  : floats_of(table);
    Row row;
    row.floats.resize(width);
    initialize(table, run_.seed, key, row.floats);
    for (std::uint32_t slot = 0; slot < slots(run_.optimizer); ++slot) {
      row.floats.insert(row.floats.end(), width, initial_slot(run_.optimizer, slot));
    }
    return row;
  }

  // ---- examples ---------------------------------------------------------------------------------

  [[nodiscard]] std::vector<std::uint32_t> examples_of(Step step, Leaf leaf) const {
    const std::uint64_t epoch = (step - 1) / run_.steps_per_epoch;
    const std::uint64_t in_epoch = (step - 1) % run_.steps_per_epoch;
    const auto count = static_cast<std::uint32_t>(run_.train_examples);
    std::vector<std::uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0U);
    if (run_.training.shuffle) order = permutation(count, run_.seed, Purpose::permutation, epoch);
    std::vector<std::uint32_t> examples;
    for (std::uint64_t i = 0; i < run_.leaf_examples; ++i) {
      const std::uint64_t in_batch = leaf * run_.leaf_examples + i;
      const std::uint64_t place = in_epoch * run_.batch + in_batch;
      if (in_batch < run_.batch && place < count) examples.push_back(order[place]);
    }
    return examples;
  }

  [[nodiscard]] Gathered weights_for(Split split,
                                     const std::vector<std::uint32_t>& examples) const {
    Gathered gathered;
    gathered.values.resize(run_.tables.size());
    gathered.keys.resize(run_.tables.size());
    if (!examples.empty()) job_.model->gather(*job_.dataset, split, examples, gathered.keys);
    for (std::size_t id = 0; id < run_.tables.size(); ++id) {
      AlignedVector<float>& values = gathered.values[id];
      const auto append = [&](Key key) {
        const auto found = rows_.find({table(id).id, key});
        const Row row = found == rows_.end() ? fresh_row(table(id), key) : found->second;
        const std::size_t width = row.floats.size() / (1 + slots(run_.optimizer));
        for (std::size_t i = 0; i < width; ++i) values.push_back(row.floats[i]);
      };
      if (table(id).kind == TableKind::dense) {
        for (std::uint32_t block = 0; block < blocks_of(table(id)); ++block) append(block);
      } else {
        for (const Key key : gathered.keys[id]) append(key);
      }
    }
    return gathered;
  }

  // ---- one step ---------------------------------------------------------------------------------

  [[nodiscard]] Gradient gradient_of(Step step, Leaf begin, Leaf end) {
    Gradient gradient;
    if (end - begin == 1) {
      const std::vector<std::uint32_t> examples = examples_of(step, begin);
      const Gathered weights = weights_for(Split::train, examples);
      engine_->compute(*job_.dataset, examples, step, begin, weights.view(), gradient);
      return gradient;
    }
    const Leaf middle = begin + (end - begin) / 2;
    const Gradient left = gradient_of(step, begin, middle);
    const Gradient right = gradient_of(step, middle, end);
    add_gradients(left, right, gradient);
    return gradient;
  }

  void one_step() {
    const Gradient gradient = gradient_of(commit_.step + 1, 0, run_.leaves);
    std::vector<wire::PreparedPartition> partitions;
    for (std::uint32_t p = 0; p < run_.partitions; ++p) {
      partitions.push_back({PartitionId{p}, 0, norm_in(gradient, PartitionId{p})});
    }
    commit_ = next_commit(run_, commit_, {gradient.figures, partitions}, watched_);
    watched_.reset();
    commit_.cut = false;
    result_.commits.push_back(commit_);
    result_.changed.emplace_back();
    if (!commit_.skip) update(gradient);
  }

  // Dense blocks, then the rows of each table as one list; each partition for itself.
  [[nodiscard]] double norm_in(const Gradient& gradient, PartitionId partition) const {
    double sum = 0.0;
    for (const TableKind kind : {TableKind::dense, TableKind::sparse}) {
      for (std::size_t id = 0; id < run_.tables.size(); ++id) {
        if (table(id).kind != kind) continue;
        std::vector<float> together;
        for_each_part(gradient, id, [&](Key key, std::span<const float> values) {
          if (partition_of(table(id).id, key, run_.partitions) != partition) return;
          if (kind == TableKind::dense) sum += sum_of_squares(values);
          together.insert(together.end(), values.begin(), values.end());
        });
        if (kind == TableKind::sparse && !together.empty()) sum += sum_of_squares(together);
      }
    }
    return sum;
  }

  // Calls back with every block or row of a table that the gradient has.
  template <class Visit>
  void for_each_part(const Gradient& gradient, std::size_t id, Visit visit) const {
    const Gradient::Table& part = gradient.tables[id];
    const std::span<const float> values = part.values;
    if (values.empty()) return;
    if (table(id).kind == TableKind::dense) {
      for (std::uint32_t block = 0; block < blocks_of(table(id)); ++block) {
        visit(block,
              values.subspan(std::size_t{block} * kBlockFloats, floats_of_block(table(id), block)));
      }
      return;
    }
    const std::size_t width = floats_of(table(id));
    for (std::size_t i = 0; i < part.keys.size(); ++i) {
      visit(part.keys[i], values.subspan(i * width, width));
    }
  }

  void update(const Gradient& gradient) {
    for (std::size_t id = 0; id < run_.tables.size(); ++id) {
      for_each_part(gradient, id, [&](Key key, std::span<const float> values) {
        const auto [row, fresh] = rows_.try_emplace({table(id).id, key});
        if (fresh) row->second = fresh_row(table(id), key);
        const std::span<float> floats = row->second.floats;
        apply_update(run_.optimizer,
                     {.scale = commit_.scale,
                      .learning_rate = commit_.learning_rate,
                      .bias_correction1 = commit_.bias_correction1,
                      .bias_correction2 = commit_.bias_correction2},
                     table(id).decays, values, floats.first(values.size()),
                     floats.first(values.size()), floats.subspan(values.size()));
        row->second.version = commit_.step;
        result_.changed.back().insert_or_assign(row->first, row->second);
      });
    }
  }

  // ---- figures and history ----------------------------------------------------------------------

  [[nodiscard]] Json figures(const Figures& figures) const {
    Json json;
    json["loss"] = figures.loss / static_cast<double>(figures.examples);
    if (run_.task != Task::regression) {
      json["accuracy"] =
          static_cast<double>(figures.correct) / static_cast<double>(figures.examples);
    }
    return json;
  }

  void note_step() {
    if (run_.training.log_every == 0 || commit_.step % run_.training.log_every != 0) return;
    Json line;
    line["step"] = commit_.step;
    line["epoch"] = epoch_of(run_, commit_.step) + 1;
    if (!commit_.skip) {
      line.update(figures(commit_.figures));
      line["gradient_norm"] = commit_.gradient_norm;
    }
    line["learning_rate"] = commit_.learning_rate;
    result_.history.push_back(json_text(line));
  }

  [[nodiscard]] Metrics metrics_of(Split split) {
    std::vector<float> outputs;
    std::vector<float> labels;
    double loss = 0.0;
    const std::uint64_t count = job_.dataset->examples(split);
    for (std::uint64_t first = 0; first < count; first += run_.evaluation_batch) {
      const auto size =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(run_.evaluation_batch, count - first));
      std::vector<std::uint32_t> examples(size);
      std::iota(examples.begin(), examples.end(), static_cast<std::uint32_t>(first));
      std::vector<float> batch(std::size_t{size} * run_.outputs);
      loss += engine_->predict(*job_.dataset, split, first, size,
                               weights_for(split, examples).view(), batch);
      outputs.insert(outputs.end(), batch.begin(), batch.end());
      for (const std::uint32_t i : examples) labels.push_back(job_.dataset->label(split, i));
    }
    return evaluate({run_.task, run_.outputs, outputs, labels, job_.dataset->weights(split)}, loss);
  }

  void evaluate_and_note() {
    Json line;
    line["epoch"] = epoch_of(run_, commit_.step) + 1;
    line["step"] = commit_.step;
    if (commit_.epoch.examples > 0) line["train"] = figures(commit_.epoch);
    const auto note = [&](const char* name, Split split) {
      line[name] = Json::object();
      for (const auto& [metric, value] : metrics_of(split)) {
        line[name][metric] = value;
        if (split == Split::validation && metric == run_.training.early_stop.metric) {
          watched_ = value;
        }
      }
    };
    if (run_.validation_examples > 0) note("validation", Split::validation);
    if (commit_.last && run_.test_examples > 0) note("test", Split::test);
    result_.history.push_back(json_text(line));
  }

  void note_digests() {
    std::vector<Rows> by_partition(run_.partitions);
    for (const auto& [place, row] : rows_) {
      const PartitionId partition = partition_of(place.first, place.second, run_.partitions);
      by_partition[index(partition)].emplace(place, row);
    }
    auto& digests = result_.partition_digests.emplace_back();
    for (const Rows& rows : by_partition) digests.push_back(digest_of(rows));
  }

  const SampleJob& job_;
  const RunConfig& run_;
  const std::unique_ptr<Engine> engine_;
  Rows rows_;
  Commit commit_;
  std::optional<double> watched_;
  PlainRun result_;
};

}  // namespace

std::uint64_t digest_of(const Rows& rows) {
  std::uint64_t digest = 0;
  for (const auto& [place, row] : rows) {
    digest = mix(digest, mix(index(place.first), mix(place.second, row.version)));
    digest = hash_bytes(std::as_bytes(std::span(row.floats)), digest);
  }
  return digest;
}

Rows changes(const PlainRun& run, PartitionId partition, Step since, Step step) {
  Rows rows;
  for (Step at = since + 1; at <= step; ++at) {
    for (const auto& [place, row] : run.changed[at]) {
      if (partition_of(place.first, place.second, run.partitions) != partition) continue;
      rows.insert_or_assign(place, row);
    }
  }
  return rows;
}

std::uint64_t digest_of(const Rows& rows, const std::vector<Step>& clocks) {
  std::uint64_t digest = digest_of(rows);
  for (const Step clock : clocks) digest = mix(digest, clock);
  return digest;
}

PlainRun plain_loop(const SampleJob& job) { return PlainLoop(job).train(); }

}  // namespace ballast::simulation
