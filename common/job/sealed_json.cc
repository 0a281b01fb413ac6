#include "common/job/sealed_json.h"

#include <span>
#include <string>

#include "common/base/sha256.h"
#include "common/job/json_text.h"

namespace ballast {
namespace {

constexpr const char* kSeal = "sha256_of_the_rest";

// Of the values, not of how they were spaced: whoever formats the file changes nothing.
std::string digest_of(const nlohmann::ordered_json& json) {
  const std::string text = json_text(json, -1, BadUtf8::replace);
  Sha256 sha;
  sha.update(std::as_bytes(std::span(text)));
  return sha.finish();
}

}  // namespace

void seal(nlohmann::ordered_json& json) {
  json.erase(kSeal);
  json[kSeal] = digest_of(json);
}

bool seal_holds(nlohmann::ordered_json json) {
  const auto found = json.find(kSeal);
  if (found == json.end()) return true;
  const nlohmann::ordered_json claimed = *found;
  json.erase(found);
  return claimed == digest_of(json);
}

}  // namespace ballast
