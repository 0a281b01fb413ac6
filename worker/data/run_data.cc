#include "worker/data/run_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "worker/data/fold_files.h"

namespace ballast {

Result<std::shared_ptr<const Dataset>> RunData::open(const RunConfig& run) {
  if (!run.packed.empty()) return open_fold(run);
  auto dataset = open_dataset(run.dataset);
  if (!dataset) return dataset.error();
  return std::shared_ptr<const Dataset>(*std::move(dataset));
}

Result<std::shared_ptr<const Dataset>> RunData::open_fold(const RunConfig& run) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.digest == run.dataset_digest;
  });
  if (found != entries_.end()) {
    if (auto dataset = found->shared.lock()) {
      found->kept = dataset;
      entries_.splice(entries_.begin(), entries_, found);
      let_go();
      return dataset;
    }
  }
  auto opened = read_fold(run.dataset);
  if (!opened) return opened.error();
  if (opened->digest != run.dataset_digest) {
    return Error{ErrorCode::corrupt,
                 fmt::format("{}: this fold has digest {}, the run expects {}; let every worker "
                             "see the same files",
                             run.dataset, opened->digest, run.dataset_digest)};
  }
  auto table = packed(run.packed, opened->fold.packed_digest);
  if (!table) return table.error();
  auto encoded = encode_fold(**table, opened->fold.examples, opened->fold.transforms_json,
                             opened->digest, options_.threads);
  if (!encoded) return encoded.error();
  entries_.push_front({.digest = opened->digest,
                       .bytes = encoded->bytes,
                       .shared = encoded->dataset,
                       .kept = encoded->dataset});
  let_go();
  return std::move(encoded->dataset);
}

Result<std::shared_ptr<const PackedTable>> RunData::packed(const std::string& directory,
                                                           const std::string& digest) {
  if (packed_ && packed_->digest == digest) return packed_;
  packed_.reset();  // There may not be room for both.
  auto opened = open_packed_table(directory);
  if (!opened) return opened;
  if ((*opened)->digest != digest) {
    return Error{ErrorCode::corrupt,
                 fmt::format("{}: this packed data has digest {}, the fold is of {}; let every "
                             "worker see the same files",
                             directory, (*opened)->digest, digest)};
  }
  packed_ = *std::move(opened);
  return packed_;
}

void RunData::let_go() {
  std::size_t bytes = 0;
  for (auto entry = std::next(entries_.begin()); entry != entries_.end(); ++entry) {
    if (!entry->kept) continue;
    bytes += entry->bytes;
    if (bytes > options_.kept_bytes_max) entry->kept.reset();
  }
  entries_.remove_if([](const Entry& entry) { return entry.shared.expired(); });
}

}  // namespace ballast
