#include "cli/display.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

#include "cli/elapsed.h"
#include "common/base/member_text.h"
#include "common/job/names.h"

namespace ballast {
namespace {

double mean_loss(const Figures& figures) {
  return figures.examples == 0 ? 0.0 : figures.loss / static_cast<double>(figures.examples);
}

double accuracy(const Figures& figures) {
  return figures.examples == 0
             ? 0.0
             : static_cast<double>(figures.correct) / static_cast<double>(figures.examples);
}

// What fits into the line of an epoch; history.jsonl has all.
bool is_headline(const std::string& metric) {
  return metric == "accuracy" || metric == "roc_auc" || metric == "log_loss" || metric == "rmse" ||
         metric == "r2";
}

}  // namespace

Display::Display(std::FILE* out) : out_(out), terminal_(isatty(fileno(out)) == 1) {}

void Display::clear() {
  if (drawn_ == 0) return;
  fmt::print(out_, "\r{:{}}\r", "", drawn_);
  drawn_ = 0;
}

void Display::draw(const std::string& line) {
  fmt::print(out_, "\r{:<{}}", line, drawn_);
  std::fflush(out_);
  drawn_ = std::max(drawn_, line.size());
}

void Display::print(const std::string& line) {
  clear();
  fmt::print(out_, "{}\n", line);
  std::fflush(out_);
}

void Display::prepare(const PrepareProgress& progress) {
  if (!progress.notice.empty()) print("data: " + progress.notice);
  if (terminal_) {
    const double part = progress.total == 0 ? 1.0
                                            : static_cast<double>(progress.done) /
                                                  static_cast<double>(progress.total);
    draw(fmt::format("data: {} {:3.0f} %", progress.stage, 100.0 * part));
  } else if (progress.stage != stage_) {
    print("data: " + progress.stage);
  }
  stage_ = progress.stage;
}

void Display::start(const RunConfig& run, const std::string& shape) {
  print(
      fmt::format("{}: {} training examples, {} validation, {} test; {} steps of {} examples, "
                  "{}; {}",
                  run.name, run.train_examples, run.validation_examples, run.test_examples,
                  run.steps, run.batch, counted(run.leaves, "leaf", "leaves"), shape));
}

void Display::update(const RunConfig& run, const RunProgress& progress, Time now) {
  if (progress.commit.step > 0 && !began_) {
    began_ = now;
    began_step_ = progress.commit.step;
  }
  if (progress.evaluations != evaluations_) {
    evaluations_ = progress.evaluations;
    print_evaluation(run, progress);
  }
  if (terminal_) {
    if (now - drawn_at_ < std::chrono::milliseconds(100)) return;
    drawn_at_ = now;
    draw(line_of(run, progress, now));
    return;
  }
  const std::uint64_t every = std::max<std::uint64_t>(run.training.log_every, 1);
  const bool due = progress.commit.step / every != logged_ / every;
  if (!due || now - drawn_at_ < std::chrono::seconds(1)) return;
  drawn_at_ = now;
  logged_ = progress.commit.step;
  print(line_of(run, progress, now));
}

std::string Display::line_of(const RunConfig& run, const RunProgress& progress, Time now) const {
  using Phase = RunProgress::Phase;
  if (!progress.waiting_for.empty()) return "waiting for " + progress.waiting_for;
  switch (progress.phase) {
    case Phase::gathering:
      return "waiting for servers and workers to join";
    case Phase::restoring:
      return "servers are restoring their tables";
    case Phase::saving:
      return "writing the model";
    case Phase::done:
      return "";
    case Phase::training:
    case Phase::evaluating:
      break;
  }
  const Commit& commit = progress.commit;
  std::string line = fmt::format(
      "epoch {}/{}  step {}/{}  loss {:.4f}", commit.step == 0 ? 1 : epoch_of(run, commit.step) + 1,
      epoch_of(run, run.steps) + 1, commit.step, run.steps, mean_loss(commit.epoch));
  if (run.task != Task::regression)
    line += fmt::format("  accuracy {:.4f}", accuracy(commit.epoch));
  if (began_ && commit.step > began_step_) {
    const double steps = static_cast<double>(commit.step - began_step_);
    const double rate = steps / std::max(1e-9, seconds_between(*began_, now));
    line += fmt::format("  {:.0f} examples/s  ETA {}", rate * run.batch,
                        duration_text(static_cast<double>(run.steps - commit.step) / rate));
  }
  if (progress.phase == Phase::evaluating) line += "  evaluating";
  return line;
}

void Display::print_evaluation(const RunConfig& run, const RunProgress& progress) {
  const Commit& commit = progress.commit;
  std::string line =
      fmt::format("epoch {:>3}  step {:>6}  train loss {:.4f}", epoch_of(run, commit.step) + 1,
                  commit.step, mean_loss(commit.epoch));
  if (run.task != Task::regression) line += fmt::format(" accuracy {:.4f}", accuracy(commit.epoch));
  for (const auto& [split, metrics] : progress.metrics) {
    if (split != Split::validation) continue;
    line += "  |  validation";
    for (const auto& [name, value] : metrics) {
      if (is_headline(name)) line += fmt::format(" {} {:.4f}", name, value);
    }
  }
  print(line);
}

void Display::finish(const RunConfig& run, const RunProgress& progress, const std::string& output,
                     Time now) {
  clear();
  for (const auto& [split, metrics] : progress.metrics) {
    print(fmt::format("\n{} metrics ({} examples)", name_of(split), examples_of(run, split)));
    for (const auto& [name, value] : metrics) print(fmt::format("  {:<12} {:>10.6f}", name, value));
  }
  if (progress.threshold) {
    print(fmt::format("\nthreshold {} ({} {:.6f}, {})", progress.threshold->value,
                      ballast::name_of(progress.threshold->metric), progress.threshold->score,
                      ballast::name_of(progress.threshold->source)));
  } else if (run.training.threshold) {
    print("\nthreshold 0.5: none could be chosen, since a class is absent where it is chosen");
  }
  if (began_) print(fmt::format("\ntrained in {}", duration_text(seconds_between(*began_, now))));
  print(fmt::format("digest  {}", progress.digest));
  print(fmt::format("model   {}/model.safetensors", output));
}

}  // namespace ballast
