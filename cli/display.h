#pragma once

// What a user sees of a run: one line that moves on a terminal, plain lines elsewhere, and at the
// end the table of metrics, the digest and where the model is.
//
// One thread owns it.

#include <cstdio>
#include <optional>
#include <string>

#include "common/base/time.h"
#include "common/job/run.h"
#include "coordinator/coordinator.h"
#include "worker/data/prepare.h"

namespace ballast {

class Display {
 public:
  // REQUIRES: out outlives this.
  explicit Display(std::FILE* out);

  void prepare(const PrepareProgress& progress);
  void start(const RunConfig& run, const std::string& shape);
  // To be called after every step of the coordinator; draws at most ten times a second.
  void update(const RunConfig& run, const RunProgress& progress, Time now);
  void finish(const RunConfig& run, const RunProgress& progress, const std::string& output,
              Time now);
  // Ends a moving line, so that other text can follow.
  void clear();

 private:
  void draw(const std::string& line);
  void print(const std::string& line);
  void print_evaluation(const RunConfig& run, const RunProgress& progress);
  [[nodiscard]] std::string line_of(const RunConfig& run, const RunProgress& progress,
                                    Time now) const;

  std::FILE* const out_;
  const bool terminal_;
  std::size_t drawn_ = 0;  // Width of the moving line.
  Time drawn_at_{};
  std::optional<Time> began_;
  Step began_step_ = 0;
  std::uint64_t evaluations_ = 0;
  Step logged_ = 0;
  std::string stage_;
};

}  // namespace ballast
