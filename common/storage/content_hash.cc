#include "common/storage/content_hash.h"

#include <xxhash.h>

#include <array>

#include "common/base/check.h"
#include "common/storage/files.h"

namespace ballast {

struct ContentHash::State {
  XXH3_state_t* hash = XXH3_createState();
  State() = default;
  ~State() { XXH3_freeState(hash); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) {
  BALLAST_CHECK(XXH3_128bits_reset(state_->hash) == XXH_OK);
}

ContentHash::~ContentHash() = default;

void ContentHash::update(std::span<const std::byte> bytes) {
  BALLAST_CHECK(XXH3_128bits_update(state_->hash, bytes.data(), bytes.size()) == XXH_OK);
}

ContentHash::Digest ContentHash::digest() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_->hash);
  return {hash.high64, hash.low64};
}

std::string ContentHash::digits() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->hash));
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : canonical.digest) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

std::string content_hash(std::span<const std::byte> bytes) {
  ContentHash hash;
  hash.update(bytes);
  return hash.digits();
}

Result<std::string> content_hash_of_file(const std::string& path) {
  const auto file = MappedFile::open(path);
  if (!file) return file.error();
  return content_hash((*file)->bytes());
}

}  // namespace ballast
