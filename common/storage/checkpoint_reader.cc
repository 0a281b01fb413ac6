#include "common/storage/checkpoint_reader.h"

#include <tuple>
#include <utility>

namespace ballast {

bool CheckpointReader::ComesLater::operator()(const Head& a, const Head& b) const {
  const auto place = [](const Head& head) {
    return std::tuple(head.key.table, head.key.key, head.key.partition);
  };
  // The latest of several records of one key comes first.
  return place(a) != place(b) ? place(a) > place(b) : a.reader < b.reader;
}

Result<std::unique_ptr<CheckpointReader>> CheckpointReader::open(const Manifest& manifest,
                                                                 CheckpointStore& store) {
  std::unique_ptr<CheckpointReader> merged(new CheckpointReader);
  for (const SnapshotFile& file : manifest.files) {
    const auto path = store.fetch_file(file.name);
    if (!path) return path.error();
    auto reader = SnapshotReader::open(*path, file);
    if (!reader) return reader.error();
    merged->readers_.push_back(*std::move(reader));
    if (Status done = merged->advance(merged->readers_.size() - 1); !done) return done.error();
  }
  return merged;
}

Result<const Record*> CheckpointReader::next() {
  if (current_) {
    if (Status done = advance(*current_); !done) return done.error();
    current_.reset();
  }
  if (heads_.empty()) return nullptr;
  const Head newest = heads_.top();
  heads_.pop();
  while (!heads_.empty() && heads_.top().key == newest.key) {
    const std::size_t replaced = heads_.top().reader;
    heads_.pop();
    if (Status done = advance(replaced); !done) return done.error();
  }
  current_ = newest.reader;
  return &readers_[newest.reader]->record();
}

Status CheckpointReader::advance(std::size_t reader) {
  const Result<bool> more = readers_[reader]->next();
  if (!more) return more.error();
  if (*more) heads_.push({readers_[reader]->record().key, reader});
  return {};
}

}  // namespace ballast
