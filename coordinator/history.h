#pragma once

// history.jsonl as the coordinator sees it: lines that are written, and lines that are on their way
// there. A line is kept until it is known to be in the file, so a disk that fails for a while
// costs no line; how far a run may go on meanwhile is for the coordinator to bound.
//
// How many lines there are after a step follows from the run alone, so a coordinator that takes
// over knows where to go on.
//
// Pure; one machine owns it.

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "common/job/commit.h"
#include "common/job/run.h"

namespace ballast {

// Lines of history.jsonl from number `first` on. What is there and says the same stays, with all
// that follows; else it is cut off.
struct AppendHistory {
  std::uint64_t first = 0;
  std::vector<std::string> lines;
  // The file is read again. Without it, a job after one that failed fails too: no line is left out.
  bool anew = false;
  std::uint64_t life = 0;  // Of the History that wants it: restart() begins another.
};
struct HistoryAppended {
  std::uint64_t life = 0;  // The job's, ...
  std::uint64_t first = 0;
  std::uint64_t lines = 0;  // ... and how many.
  std::string error;        // Empty: they are in the file.
  bool fenced = false;      // Another coordinator has taken over: we must stop.
};

class History {
 public:
  struct Line {
    Step step = 0;
    std::string text;
  };
  // The file is to have `lines` lines, then these, and then those that are added.
  [[nodiscard]] AppendHistory restart(std::uint64_t lines, std::vector<Line> more = {});
  [[nodiscard]] AppendHistory add(Step step, std::string line);
  // A job of before restart() changes nothing.
  void on_appended(const HistoryAppended& appended);

  [[nodiscard]] bool has_failed() const { return failed_; }
  // REQUIRES: has_failed().
  [[nodiscard]] AppendHistory again();

  [[nodiscard]] std::uint64_t lines() const { return written_ + open_.size(); }
  [[nodiscard]] bool is_written() const { return open_.empty(); }
  // The step of the first line that is not known to be written. REQUIRES: !is_written().
  [[nodiscard]] Step first_open() const { return open_.front().step; }

 private:
  std::uint64_t life_ = 0;
  std::uint64_t written_ = 0;
  std::deque<Line> open_;
  bool failed_ = false;
};

// Whether a step has a line of its own.
[[nodiscard]] bool logs_at(const RunConfig& run, Step step);
// Whether a version is evaluated and has the line of an epoch.
[[nodiscard]] bool evaluates(const RunConfig& run, const Commit& commit);
// Lines before those of a step: of the steps before and of the evaluations of their versions.
[[nodiscard]] std::uint64_t history_lines_before(const RunConfig& run, Step step);
// The line of a step, without its end.
[[nodiscard]] std::string history_line(const RunConfig& run, const Commit& commit);

}  // namespace ballast
