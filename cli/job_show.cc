#include "cli/job_show.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "cli/elapsed.h"
#include "common/base/member_text.h"
#include "common/math/metrics.h"

namespace ballast {
namespace {

constexpr std::size_t kLeadersMax = 5;
constexpr std::size_t kRunLinesMax = 16;
constexpr std::size_t kColumns = 80;  // Of a terminal that does not say.

std::size_t columns_of(std::FILE* out) {
  winsize size{};
  return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kColumns;
}

// At most so many characters, whole ones of UTF-8.
std::string cut_to(const std::string& line, std::size_t columns) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(line[i]) & 0xC0U) != 0x80U;
    if (begins && seen++ == columns) return line.substr(0, i);
  }
  return line;
}

}  // namespace

JobShow::JobShow(const JobSite& site, std::FILE* out)
    : site_(site), out_(out), terminal_(isatty(fileno(out)) != 0) {}

void JobShow::print(const std::string& line) {
  clear();
  fmt::print(out_, "{}\n", line);
  std::fflush(out_);
}

void JobShow::clear() {
  if (drawn_ > 0) fmt::print(out_, "\x1b[{}A\x1b[J", drawn_);
  drawn_ = 0;
  std::fflush(out_);
}

// A line that wrapped would be two on the screen, and clear() goes up by ours.
void JobShow::draw(const std::vector<std::string>& lines) {
  clear();
  const std::size_t columns = columns_of(out_);
  for (const std::string& line : lines) fmt::print(out_, "{}\n", cut_to(line, columns));
  drawn_ = lines.size();
  std::fflush(out_);
}

void JobShow::start(const std::string& shape) {
  const RunNumbers& numbers = site_.numbers();
  std::size_t inner = 0;
  for (const std::uint32_t count : numbers.inner) inner += count;
  const std::string nested = inner == 0 ? "" : fmt::format(" and {} inner ones", inner);
  print(fmt::format("{}: {} on {}{}, by {}; {}", site_.spec().name,
                    counted(numbers.configurations, "configuration"),
                    counted(numbers.splits, "split"), nested, site_.metric(), shape));
  if (const StepPlan* const plan = site_.plan(); plan != nullptr && !plan->is_whole) {
    print(
        fmt::format("job.steps {} does not reach for every run; those that it does take at most {}",
                    site_.spec().job.steps, plan->steps));
  }
  for (const auto& [configuration, score] : site_.scores_before()) {
    Board& board = board_[configuration];
    board.sum += score;
    board.splits += 1;
  }
  if (site_.runs_done() > 0) {
    print(fmt::format("{} runs have ended before and are not done again", site_.runs_done()));
  }
}

void JobShow::update(const Fleet& fleet, Time now) {
  if (!began_) began_ = now;
  for (; ended_ < fleet.ended().size(); ++ended_) print_end(fleet.ended()[ended_], fleet);
  if (!terminal_ || now - drawn_at_ < std::chrono::milliseconds(200)) return;
  drawn_at_ = now;
  draw(lines_of(fleet, now));
}

void JobShow::print_end(const RunEnd& end, const Fleet& fleet) {
  const bool is_refit = end.run == site_.numbers().refit();
  std::string line = fmt::format("{:<12}", site_.name(end.run));
  const bool is_outer = site_.numbers().outer_of(end.run).has_value();
  const RunNumbers::Place place =
      is_outer || is_refit ? RunNumbers::Place{} : site_.numbers().place(end.run);
  const bool is_ranked = !is_outer && !is_refit && !place.inner;
  if (end.exit.code != ExitCode::done) {
    if (is_ranked) board_[place.configuration].has_failed = true;
    print(line + " failed: " + end.exit.reason);
    return;
  }
  line += fmt::format(" step {:>6}", end.progress.commit.step);
  if (is_refit) {
    print(line + "  trained on all examples");
    return;
  }
  for (const auto& [name, value] : end.progress.scores) {
    if (name != site_.metric()) continue;
    line += fmt::format("  {} {:.4f}", name, value);
    const RunConfig* const config = fleet.config(end.run);
    if (config != nullptr && !config->until && is_ranked) {
      Board& board = board_[place.configuration];
      board.sum += value;
      board.splits += 1;
    }
  }
  const std::string what =
      is_outer ? "scores what was chosen without this split" : site_.describe(place.configuration);
  print(line + (what.empty() ? "" : "  " + what));
}

// The best means so far; of few splits they are rough.
std::vector<std::string> JobShow::leaders() const {
  std::vector<std::tuple<bool, double, std::uint32_t>> order;
  const double sign = larger_is_better(site_.metric()) ? -1.0 : 1.0;
  for (const auto& [configuration, board] : board_) {
    if (board.splits == 0) continue;
    order.emplace_back(board.has_failed, sign * board.sum / static_cast<double>(board.splits),
                       configuration);
  }
  std::sort(order.begin(), order.end());
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < std::min(order.size(), kLeadersMax); ++i) {
    const auto [has_failed, key, configuration] = order[i];
    lines.push_back(fmt::format("  {:>2}. {} {:.4f} on {} of {} splits{}  {}", i + 1,
                                site_.metric(), sign * key, board_.at(configuration).splits,
                                site_.numbers().splits, has_failed ? ", failed on another" : "",
                                site_.describe(configuration)));
  }
  return lines;
}

std::vector<std::string> JobShow::lines_of(const Fleet& fleet, Time now) const {
  std::vector<std::string> lines;
  const std::vector<RunId> active = fleet.active();
  for (const RunId id : active) {
    const RunProgress* const progress = fleet.progress(id);
    const RunConfig* const config = fleet.config(id);
    if (progress == nullptr || config == nullptr || lines.size() >= kRunLinesMax) continue;
    const Commit& commit = progress->commit;
    std::string line =
        fmt::format("  {:<12} step {:>6}/{}", site_.name(id), commit.step, end_of(*config));
    if (commit.epoch.examples > 0) {
      line += fmt::format("  loss {:.4f}",
                          commit.epoch.loss / static_cast<double>(commit.epoch.examples));
    }
    if (!progress->waiting_for.empty()) line += "  waiting for " + progress->waiting_for;
    lines.push_back(std::move(line));
  }
  const std::vector<std::string> best = leaders();
  lines.insert(lines.end(), best.begin(), best.end());
  const std::uint64_t done = site_.runs_done() + fleet.ended().size();
  const std::uint64_t left = fleet.runs_left();
  std::string last = fmt::format("{}: {} of {} runs", site_.spec().name, done, done + left);
  if (!fleet.ended().empty() && left > 0) {
    const double each = seconds_between(*began_, now) / static_cast<double>(fleet.ended().size());
    last += fmt::format("  ETA {}", duration_text(each * static_cast<double>(left)));
  }
  lines.push_back(std::move(last));
  return lines;
}

void JobShow::finish(Time now) {
  print("");
  for (const std::string& line : leaders()) print(line);
  for (const std::string& line : site_.summary()) print(line);
  print(fmt::format("done in {}", began_ ? duration_text(seconds_between(*began_, now)) : "0s"));
  print(fmt::format("results {}/results.csv", site_.output()));
  print(fmt::format("report  {}/report.html", site_.output()));
}

void JobShow::advise(const Exit& exit) const {
  if (exit.code == ExitCode::user_error) return;
  if (exit.code == ExitCode::unfinished) {
    const bool of_time = exit.reason.starts_with("job.seconds");
    fmt::print(stderr, "go on with: ballast resume {}{}\n", site_.output(),
               of_time ? "" : " --set job.steps=MORE");
    return;
  }
  fmt::print(stderr, "runs that have ended are kept; go on with: ballast resume {}\n",
             site_.output());
}

}  // namespace ballast
