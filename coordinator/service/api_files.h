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
// Its last whole lines, of at most so many bytes.
[[nodiscard]] TextPart read_tail(const std::string& path, std::size_t bytes_max);
// As read_part(), up to the last whole line.
[[nodiscard]] TextPart read_lines(const std::string& path, std::uint64_t offset,
                                  std::size_t bytes_max);

struct CheckpointFile {
  std::uint64_t timeline = 0;
  std::uint64_t step = 0;
  std::uint64_t bytes = 0;  // Of its files, some of which others have too.
  std::string written_at;   // "2026-11-29T09:30:00Z"
};
// Those of a training run that keeps them in its output directory, from old to new. A manifest that
// cannot be read is left out: `ballast checkpoint` says what is wrong with it.
[[nodiscard]] std::vector<CheckpointFile> checkpoints_in(const std::string& output);

}  // namespace ballast
