#pragma once

// Shows a cross-validation or search: a line for each run under way, the best configurations so
// far, and when it will be over; on a terminal in place, elsewhere a line for each run that ends.

#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/job_site.h"
#include "cli/show.h"

namespace ballast {

class JobShow final : public Show {
 public:
  // REQUIRES: both outlive this.
  JobShow(const JobSite& site, std::FILE* out);

  void start(const std::string& shape) override;
  void update(const Fleet& fleet, Time now) override;
  void finish(Time now) override;
  void clear() override;
  void advise(const Exit& exit) const override;

 private:
  struct Board {  // Of one configuration, by what is known.
    double sum = 0.0;
    std::size_t splits = 0;
    bool has_failed = false;  // On a split; it comes last, as in the results.
  };

  void print(const std::string& line);
  void print_end(const RunEnd& end, const Fleet& fleet);
  void draw(const std::vector<std::string>& lines);
  [[nodiscard]] std::vector<std::string> lines_of(const Fleet& fleet, Time now) const;
  [[nodiscard]] std::vector<std::string> leaders() const;

  const JobSite& site_;
  std::FILE* const out_;
  const bool terminal_;
  std::size_t drawn_ = 0;  // Lines.
  Time drawn_at_{};
  std::optional<Time> began_;
  std::size_t ended_ = 0;
  std::map<std::uint32_t, Board> board_;
};

}  // namespace ballast
