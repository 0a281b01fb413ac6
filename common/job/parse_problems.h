#pragma once

// What is wrong with a spec, collected while it is read, so that a user sees every mistake at once
// and in the order of the file. Each is one sentence behind its place and its field:
//
//   adult.yaml:12:10: training.batch: expected a whole number from 1 to 16777216, got "many"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace ballast {

// Where a piece of the spec was written: origin 0 is the file, the others are `--set` options.
struct Mark {
  std::uint32_t origin = 0;
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

class Problems {
 public:
  explicit Problems(std::string file_name);

  // A place outside the file that later marks can name, such as "--set training.batch=8".
  [[nodiscard]] std::uint32_t add_origin(std::string name);

  // `path` is the field's, "training.batch"; empty when the whole document is meant.
  void add(Mark mark, std::string_view path, std::string message);

  [[nodiscard]] bool empty() const { return problems_.empty(); }
  // One problem a line, by place. REQUIRES: not empty.
  [[nodiscard]] Error error() const;

 private:
  struct Problem {
    Mark mark;
    std::string text;
  };

  std::vector<std::string> origins_;
  std::vector<Problem> problems_;
};

// Text as messages quote it: in double quotes, control characters escaped, cut when long.
[[nodiscard]] std::string in_quotes(std::string_view text);

// "a", "a and b", "a, b and c".
[[nodiscard]] std::string listed(const std::vector<std::string>& words, std::string_view last);

}  // namespace ballast
