#include "coordinator/history.h"

#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/check.h"
#include "common/job/json_text.h"
#include "coordinator/figures_json.h"

namespace ballast {

AppendHistory History::restart(std::uint64_t lines, std::vector<Line> more) {
  ++life_;
  written_ = lines;
  open_.assign(std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  failed_ = true;  // As far as we know.
  return again();
}

AppendHistory History::add(Step step, std::string line) {
  const std::uint64_t first = lines();
  open_.push_back({step, line});
  return {.first = first, .lines = {std::move(line)}, .anew = false, .life = life_};
}

void History::on_appended(const HistoryAppended& appended) {
  if (appended.life != life_) return;
  if (!appended.error.empty()) failed_ = true;
  if (failed_ || appended.first != written_ || appended.lines > open_.size()) return;
  written_ += appended.lines;
  open_.erase(open_.begin(), open_.begin() + static_cast<std::ptrdiff_t>(appended.lines));
}

AppendHistory History::again() {
  BALLAST_CHECK(failed_);
  failed_ = false;
  AppendHistory job{.first = written_, .lines = {}, .anew = true, .life = life_};
  for (const Line& line : open_) job.lines.push_back(line.text);
  return job;
}

bool logs_at(const RunConfig& run, Step step) {
  return run.training.log_every != 0 && step > 0 && step % run.training.log_every == 0;
}

bool evaluates(const RunConfig& run, const Commit& commit) {
  return commit.step > 0 && (evaluates_at(run, commit.step) || commit.last);
}

std::uint64_t history_lines_before(const RunConfig& run, Step step) {
  std::uint64_t lines = 0;
  for (Step before = 1; before < step; ++before) {
    lines += static_cast<std::uint64_t>(logs_at(run, before));
    lines += static_cast<std::uint64_t>(evaluates_at(run, before));
  }
  return lines;
}

std::string history_line(const RunConfig& run, const Commit& commit) {
  nlohmann::ordered_json line;
  line["step"] = commit.step;
  line["epoch"] = epoch_of(run, commit.step) + 1;
  if (!commit.skip) {
    line.update(figures_object(run, commit.figures));
    if (is_relaxed(run)) {  // Whatever was counted since the line before.
      line["examples"] = commit.figures.examples;
    } else {
      line["gradient_norm"] = commit.gradient_norm;
    }
  }
  line["learning_rate"] = commit.learning_rate;
  return json_text(line);
}

}  // namespace ballast
