#include "common/storage/kv_store.h"

#include "common/base/check.h"

namespace ballast {

void WriteBatch::remove_range(std::string_view begin, std::string_view end) {
  BALLAST_CHECK(begin <= end);
  add(Kind::remove_range, begin, end);
}

void WriteBatch::clear() {
  bytes_.clear();
  entries_.clear();
}

WriteBatch::Operation WriteBatch::operation(std::size_t i) const {
  BALLAST_CHECK(i < entries_.size());
  const Entry& entry = entries_[i];
  const std::string_view bytes(bytes_);
  return {entry.kind, bytes.substr(entry.offset, entry.key_bytes),
          bytes.substr(entry.offset + entry.key_bytes, entry.value_bytes)};
}

void WriteBatch::add(Kind kind, std::string_view key, std::string_view value) {
  entries_.push_back({kind, bytes_.size(), key.size(), value.size()});
  bytes_.append(key).append(value);
}

}  // namespace ballast
