#include "coordinator/service/api_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/storage/checkpoints.h"
#include "common/storage/files.h"
#include "common/storage/manifest.h"

namespace ballast {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kInternalDirectories = {"checkpoints", "servers", "terms",
                                                                  "folds"};
constexpr std::array<std::string_view, 2> kInternalFiles = {"lock", "endpoint"};

bool is_internal_directory(const std::string& name) {
  return std::find(kInternalDirectories.begin(), kInternalDirectories.end(), name) !=
         kInternalDirectories.end();
}

bool is_internal_file(const std::string& name) {
  return name.starts_with('.') ||
         std::find(kInternalFiles.begin(), kInternalFiles.end(), name) != kInternalFiles.end();
}

}  // namespace

bool is_result_file(const std::string& path) {
  const fs::path parts(path);
  if (!parts.is_relative() || !parts.has_filename()) return false;
  for (const fs::path& part : parts.parent_path()) {
    const std::string name = part.string();
    if (name.empty() || name.starts_with('.') || is_internal_directory(name)) return false;
  }
  return !is_internal_file(parts.filename().string());
}

Result<std::vector<ResultFile>> result_files(const std::string& output) {
  std::vector<ResultFile> files;
  std::error_code error;
  fs::recursive_directory_iterator walk(output, error);
  if (error == std::errc::no_such_file_or_directory) return files;
  for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
    std::error_code gone;  // Between being listed and being looked at.
    const fs::file_status status = walk->symlink_status(gone);
    if (gone) continue;
    if (fs::is_directory(status) && is_internal_directory(walk->path().filename().string())) {
      walk.disable_recursion_pending();
    }
    if (!fs::is_regular_file(status)) continue;
    std::string path = walk->path().lexically_relative(output).string();
    const std::uint64_t bytes = walk->file_size(gone);
    if (!gone && is_result_file(path)) files.push_back({std::move(path), bytes});
  }
  if (error) return Error{ErrorCode::io, output + ": " + error.message()};
  std::sort(files.begin(), files.end(),
            [](const ResultFile& a, const ResultFile& b) { return a.path < b.path; });
  return files;
}

std::string media_type_of(const std::string& path) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kTypes = {
      {{".json", "application/json"},
       {".jsonl", "application/x-ndjson"},
       {".csv", "text/csv; charset=utf-8"},
       {".html", "text/html; charset=utf-8"},
       {".yaml", "application/yaml"},
       {".log", "text/plain; charset=utf-8"}}};
  const std::string extension = fs::path(path).extension().string();
  for (const auto& [ending, type] : kTypes) {
    if (extension == ending) return std::string(type);
  }
  return "application/octet-stream";
}

TextPart read_part(const std::string& path, std::uint64_t offset, std::size_t bytes_max) {
  TextPart part{.text = "", .next = offset};
  std::ifstream file(path, std::ios::binary);
  if (!file || !file.seekg(static_cast<std::streamoff>(offset))) return part;
  part.text.resize(bytes_max);
  file.read(part.text.data(), static_cast<std::streamsize>(bytes_max));
  part.text.resize(static_cast<std::size_t>(file.gcount()));
  part.next += part.text.size();
  return part;
}

TextPart read_tail(const std::string& path, std::size_t bytes_max) {
  const auto bytes = file_bytes(path);
  if (!bytes || *bytes <= bytes_max) return read_lines(path, 0, bytes_max);
  TextPart part = read_lines(path, *bytes - bytes_max, bytes_max);
  // It begins within a line, which is not told.
  if (const std::size_t end = part.text.find('\n'); end != std::string::npos) {
    part.text.erase(0, end + 1);
  }
  return part;
}

TextPart read_lines(const std::string& path, std::uint64_t offset, std::size_t bytes_max) {
  TextPart part = read_part(path, offset, bytes_max);
  const std::size_t end = part.text.rfind('\n');
  const std::size_t whole = end == std::string::npos ? 0 : end + 1;
  // A line that is longer than a part goes in parts.
  if (whole == 0 && part.text.size() == bytes_max) return part;
  part.text.resize(whole);
  part.next = offset + whole;
  return part;
}

std::vector<CheckpointFile> checkpoints_in(const std::string& output) {
  const std::string directory = join_path(output, "checkpoints");
  std::vector<CheckpointName> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (const auto name = parse_checkpoint_name(entry->path().filename().string())) {
      names.push_back(*name);
    }
  }
  std::sort(names.begin(), names.end());
  std::vector<CheckpointFile> checkpoints;
  for (const CheckpointName& name : names) {
    const auto text = read_file(join_path(directory, to_string(name)));
    if (!text) continue;
    const auto manifest = decode_manifest(*text);
    if (!manifest) continue;
    CheckpointFile checkpoint{.timeline = manifest->timeline,
                              .step = manifest->step,
                              .bytes = 0,
                              .written_at = written_at(*manifest)};
    for (const SnapshotFile& file : manifest->files) checkpoint.bytes += file.bytes;
    checkpoints.push_back(std::move(checkpoint));
  }
  return checkpoints;
}

}  // namespace ballast
