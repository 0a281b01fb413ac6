#include "common/http/upload.h"

#include <sys/stat.h>

#include <span>
#include <utility>

#include "common/base/check.h"
#include "common/http/draw.h"

namespace ballast::http {
namespace {

constexpr std::string_view kPrefix = ".upload-";

}  // namespace

Result<std::unique_ptr<Upload>> Upload::begin(const std::string& directory) {
  auto file = OpenFile::create_new(join_path(directory, std::string(kPrefix) + draw_hex(16)));
  if (!file) return file.error();
  if (::chmod((*file)->path().c_str(), 0600) != 0) {
    return Error{ErrorCode::io, (*file)->path() + ": cannot be protected from other users"};
  }
  return std::unique_ptr<Upload>(new Upload(*std::move(file)));
}

Upload::~Upload() {
  if (!kept_) static_cast<void>(remove_file(path()));  // What stays goes at the next start.
}

Status Upload::append(std::string_view bytes) {
  if (Status written = file_->append(bytes); !written) return written;
  digest_.update(std::as_bytes(std::span(bytes)));
  bytes_ += bytes.size();
  return {};
}

void Upload::finish() { sha256_ = digest_.finish(); }

Status Upload::keep_as(const std::string& path) {
  BALLAST_CHECK(!sha256_.empty() && !kept_);
  if (Status synced = file_->sync(); !synced) return synced;
  if (Status renamed = rename_durably(file_->path(), path); !renamed) return renamed;
  kept_ = true;
  return {};
}

Status Upload::remove_leftovers(const std::string& directory) {
  const auto files = list_files(directory);
  if (!files) return files.error();
  for (const std::string& name : *files) {
    if (!name.starts_with(kPrefix)) continue;
    if (Status removed = remove_file(join_path(directory, name)); !removed) return removed;
  }
  return {};
}

}  // namespace ballast::http
