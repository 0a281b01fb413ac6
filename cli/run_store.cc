#include "cli/run_store.h"

#include <vector>

#include "common/remote/open_store.h"
#include "common/storage/checkpoints.h"

namespace ballast {
namespace {

bool is_of_a_run(const std::string& name) {
  return parse_checkpoint_name(name) || name.ends_with(".sst") || name.starts_with("timeline-");
}

// Checkpoints and terms; manifests first, so that none is left without its files.
Result<std::vector<std::string>> names_of_a_run(CheckpointStore& store) {
  const auto files = store.list();
  if (!files) return files.error();
  std::vector<std::string> manifests;
  std::vector<std::string> others;
  for (const StoredFile& file : *files) {
    if (is_of_a_run(file.name)) {
      (parse_checkpoint_name(file.name) ? manifests : others).push_back(file.name);
    }
  }
  manifests.insert(manifests.end(), others.begin(), others.end());
  return manifests;
}

}  // namespace

Status check_store_is_free(const std::string& store) {
  for (const std::string& place : {store, place_below(store, "terms")}) {
    const auto opened = open_checkpoint_store(place, OpenMode::create, "");
    if (!opened) return Error{opened.error().code, "checkpoint.store: " + opened.error().message};
    const auto names = names_of_a_run(**opened);
    if (!names) return names.error();
    if (names->empty()) continue;
    return Error{ErrorCode::conflict,
                 "checkpoint.store: " + store + " holds a run already (" + names->front() +
                     "); go on with it by `ballast resume` of its output directory, choose another "
                     "prefix, or give --overwrite"};
  }
  return {};
}

Status clear_store(const std::string& store) {
  for (const std::string& place : {store, place_below(store, "terms")}) {
    const auto opened = open_checkpoint_store(place, OpenMode::create, "");
    if (!opened) return opened.error();
    const auto names = names_of_a_run(**opened);
    if (!names) return names.error();
    for (const std::string& name : *names) {
      if (Status gone = (*opened)->remove(name); !gone) return gone;
    }
    if (Status cleared = (*opened)->clear_staging(); !cleared) return cleared;
  }
  return {};
}

}  // namespace ballast
