#pragma once

// Files of a job as the API gives them out.

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace ballast {

struct ResultFile {
  std::string path;  // Below the output directory.
  std::uint64_t bytes = 0;
};
// What a job came to: all but what it keeps to go on with. Sorted.
[[nodiscard]] Result<std::vector<ResultFile>> result_files(const std::string& output);
[[nodiscard]] bool is_result_file(const std::string& path);
[[nodiscard]] std::string media_type_of(const std::string& path);

struct TextPart {
  std::string text;
  std::uint64_t next = 0;  // The offset after it.
};
// Of a file that grows, from `offset` on. One that is not there yet is empty.
[[nodiscard]] TextPart read_part(const std::string& path, std::uint64_t offset,
                                 std::size_t bytes_max);
// The same, up to the last whole line.
[[nodiscard]] TextPart read_lines(const std::string& path, std::uint64_t offset,
                                  std::size_t bytes_max);

}  // namespace ballast
