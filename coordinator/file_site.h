#pragma once

// What members that share no file system with the coordinator ask of its files (wire::AskFiles):
// the prepared data of a run to read, its checkpoint store to read and to write.
//
// Any thread.

#include <map>
#include <mutex>
#include <string>

#include "common/base/ids.h"
#include "common/wire/messages.h"

namespace ballast {

// Directories of a run; an empty one is none.
struct FilePlaces {
  std::string dataset;
  std::string packed;
  std::string checkpoints;
};

class FileSite {
 public:
  void open(RunId run, FilePlaces places);
  void close(RunId run);

  [[nodiscard]] wire::Files answer(RunId run, const wire::AskFiles& ask) const;

  // Of one answer; a larger wish gets a part.
  static constexpr std::uint64_t kPartBytesMax = std::uint64_t{4} << 20;

 private:
  mutable std::mutex mutex_;
  std::map<RunId, FilePlaces> places_;  // Guarded by mutex_.
};

}  // namespace ballast
