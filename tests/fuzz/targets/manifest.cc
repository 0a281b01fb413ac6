// Checkpoint manifests, with the commit in them, and the names of their files.
//
// Input: the manifest. It is read as it is, and again with the checksum that fits it.

#include <optional>
#include <string>

#include "common/base/check.h"
#include "common/storage/content_hash.h"
#include "common/storage/json_object.h"
#include "common/storage/manifest.h"
#include "coordinator/commit_json.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"

namespace ballast::fuzz {
namespace {

std::optional<std::string> sealed(std::string_view text) try {
  auto object = parse_json_object(text);
  if (!object) return std::nullopt;
  object->erase("checksum");
  const std::string fields = object->dump();
  (*object)["checksum"] = content_hash(std::as_bytes(std::span(fields)));
  return object->dump(2) + "\n";
} catch (const nlohmann::json::exception&) {
  return std::nullopt;  // It holds text that is not UTF-8.
}

void check_commit(const std::string& text) {
  const auto commit = commit_from_json(text);
  if (!commit) return;
  const auto again = commit_from_json(commit_to_json(*commit));
  BALLAST_CHECK(again.has_value());
  BALLAST_CHECK(commit_to_json(*again) == commit_to_json(*commit));
}

Verdict read(std::string_view text) {
  const auto manifest = decode_manifest(text);
  if (!manifest) return Verdict::refused;
  const auto encoded = encode_manifest(*manifest);
  BALLAST_CHECK(encoded.has_value());
  const auto again = decode_manifest(*encoded);
  BALLAST_CHECK(again.has_value());
  BALLAST_CHECK(*again == *manifest);
  check_commit(manifest->commit_json);
  return Verdict::accepted;
}

}  // namespace

BALLAST_FUZZ_TARGET(manifest, bytes) {
  const std::string_view text = Input(bytes).rest();
  if (const auto name = parse_checkpoint_name(text)) BALLAST_CHECK(to_string(*name) == text);
  check_commit(std::string(text));
  if (read(text) == Verdict::accepted) return Verdict::accepted;
  const auto good = sealed(text);
  return good ? read(*good) : Verdict::refused;
}

}  // namespace ballast::fuzz
