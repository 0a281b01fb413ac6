#include "coordinator/service/places.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "common/storage/files.h"

namespace ballast {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSaid = "ballast: ";  // Before the reason of an exit.
constexpr std::streamoff kTailBytes = 16384;

Status io_error(const std::string& path, const std::error_code& error) {
  return Error{ErrorCode::io, path + ": " + error.message()};
}

// Uploads never change, so a second name is as good as a copy.
Status link_upload(const std::string& upload, const std::string& path) {
  if (path_exists(path)) return {};
  if (!path_exists(upload)) {
    return Error{ErrorCode::not_found, upload +
                                           ": the file that was uploaded is gone; submit "
                                           "the job again with its data"};
  }
  if (const Status made = make_directories(directory_of(path)); !made) return made;
  std::error_code error;
  fs::create_hard_link(upload, path, error);
  if (!error) return {};
  fs::create_symlink(fs::absolute(upload), path, error);
  return error ? io_error(path, error) : Status();
}

}  // namespace

std::string JobPlaces::queue() const { return join_path(state_, "queue"); }
std::string JobPlaces::uploads() const { return join_path(state_, "uploads"); }
std::string JobPlaces::upload(const std::string& sha256) const {
  return join_path(uploads(), sha256);
}
std::string JobPlaces::cache() const { return join_path(state_, "cache"); }
std::string JobPlaces::job(JobId job) const {
  return fmt::format("{}/jobs/{:06}", state_, index(job));
}
std::string JobPlaces::spec(JobId id) const { return join_path(job(id), "spec"); }
std::string JobPlaces::run(JobId id) const { return join_path(job(id), "run"); }
std::string JobPlaces::log(JobId id) const { return join_path(job(id), "log"); }

Status check_job_path(const std::string& path) {
  const fs::path parts(path);
  bool is_inside = !path.empty() && parts.is_relative() && parts.has_filename();
  for (const fs::path& part : parts) {
    is_inside = is_inside && part != ".." && part != "." && !part.empty();
  }
  if (is_inside && path != "spec.yaml") return {};
  return Error{ErrorCode::invalid, "\"" + path +
                                       "\": expected the path of a file below the directory of the "
                                       "spec, without . and .. in it"};
}

Status lay_out_job(const JobPlaces& places, const JobRecord& job) {
  const std::string directory = places.spec(job.id);
  if (const Status made = make_directories(directory); !made) return made;
  for (const JobFileEntry& file : job.request.files) {
    if (const Status inside = check_job_path(file.path); !inside) return inside;
    const Status linked = link_upload(places.upload(file.sha256), join_path(directory, file.path));
    if (!linked) return linked;
  }
  const std::string spec = join_path(directory, "spec.yaml");
  return path_exists(spec) ? Status() : write_file_atomically(spec, job.request.spec);
}

std::vector<std::string> words_of_job(const JobPlaces& places, const StartJob& start,
                                      const JobProcessOptions& options) {
  const JobRecord& job = *start.job;
  const std::string run = places.run(job.id);
  std::vector<std::string> words;
  if (path_exists(join_path(run, "job.json"))) {
    words = {"resume", run};
  } else {
    const bool trains = job.request.kind == JobKind::train;
    words = {trains ? "coordinator" : name_of(job.request.kind),
             join_path(places.spec(job.id), "spec.yaml"), "--out", run};
    for (const std::string& override : job.request.overrides) {
      words.insert(words.end(), {"--set", override});
    }
  }
  words.insert(words.end(),
               {"--listen", options.listen, "--workers", "1", "--servers",
                std::to_string(start.servers), "--threads", std::to_string(options.threads),
                "--cache", places.cache(), "--log-job", std::to_string(index(job.id))});
  words.insert(words.end(), options.log.begin(), options.log.end());
  if (!options.keys.empty()) words.insert(words.end(), {"--keys", options.keys});
  if (options.insecure) words.emplace_back("--insecure");
  return words;
}

std::string last_words(const std::string& log) {
  std::ifstream file(log, std::ios::binary | std::ios::ate);
  if (!file) return "";
  const std::streamoff size = file.tellg();
  file.seekg(size > kTailBytes ? size - kTailBytes : 0);
  std::string said;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kSaid)) said = line.substr(kSaid.size());
  }
  return said;
}

}  // namespace ballast
