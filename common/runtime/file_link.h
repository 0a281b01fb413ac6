#pragma once

// Reads and writes a run's files where its coordinator has them, over the link: for members that
// share no file system with it (wire::AskFiles). Blocks; for threads that do jobs.
//
// One thread at a time.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/net/transport.h"
#include "common/wire/messages.h"

namespace ballast {

struct FileLinkOptions {
  MemberId self{};  // Of this link alone.
  RunId run{};
  std::uint64_t part_bytes = std::uint64_t{2} << 20;
  std::chrono::milliseconds again{2000};     // A question without an answer is asked again, ...
  std::chrono::milliseconds give_up{20000};  // ... for so long; then it is Error{unavailable}.
};

class FileLink {
 public:
  // `transport` is connected to the coordinator.
  FileLink(std::unique_ptr<Transport> transport, FileLinkOptions options)
      : transport_(std::move(transport)), options_(options) {}

  [[nodiscard]] Result<std::vector<wire::FileEntry>> list(wire::FilesPlace place);
  // Into a file at `path`, which appears when it is whole.
  [[nodiscard]] Status fetch(wire::FilesPlace place, const std::string& name,
                             const std::string& path);
  // All files of a place, into a directory that appears when it is whole. One that appears
  // meanwhile is as good.
  [[nodiscard]] Status fetch_all(wire::FilesPlace place, const std::string& directory);

  // Sends the file at `path`; keep() makes it one of the store, with others.
  [[nodiscard]] Status send(const std::string& path, const std::string& name);
  [[nodiscard]] Status keep(std::vector<wire::FileEntry> files);

 private:
  [[nodiscard]] Result<wire::Files> ask(wire::AskFiles ask);
  [[nodiscard]] std::optional<wire::Files> wait_for(std::uint64_t request,
                                                    std::chrono::steady_clock::time_point until);

  const std::unique_ptr<Transport> transport_;
  const FileLinkOptions options_;
  std::uint64_t request_ = 0;
};

}  // namespace ballast
