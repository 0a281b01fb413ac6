#include "common/remote/sigv4.h"

#include <algorithm>
#include <array>

#include "common/base/address.h"
#include "common/base/check.h"
#include "common/base/hmac.h"
#include "common/base/sha256.h"

namespace ballast {
namespace {

std::string hexadecimal(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

// "20130524T000000Z"
std::string time_text(std::time_t now) {
  std::tm utc{};
  BALLAST_CHECK(gmtime_r(&now, &utc) != nullptr);
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc);
  return {text.data(), length};
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

// Outer spaces go, inner runs become one.
std::string trimmed_value(std::string_view value) {
  std::string text;
  for (const char c : value) {
    const bool is_needless = c == ' ' && (text.empty() || text.back() == ' ');
    if (!is_needless) text += c;
  }
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

}  // namespace

std::string canonical_query(std::vector<std::pair<std::string, std::string>> query) {
  for (auto& [name, value] : query) {
    name = percent_encoded(name);
    value = percent_encoded(value);
  }
  std::sort(query.begin(), query.end());
  std::string text;
  for (const auto& [name, value] : query) {
    if (!text.empty()) text += '&';
    text += name;
    text += '=';
    text += value;
  }
  return text;
}

std::string sha256_of(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

std::string sha256_of(std::string_view text) { return sha256_of(std::as_bytes(std::span(text))); }

std::vector<HttpHeader> sign(const SignedParts& parts, const SigningKeys& keys,
                             std::string_view region, std::time_t now) {
  const std::string time = time_text(now);
  const std::string day = time.substr(0, 8);
  std::vector<HttpHeader> added = {{"x-amz-date", time},
                                   {"x-amz-content-sha256", parts.body_sha256}};
  if (!keys.session_token.empty()) added.push_back({"x-amz-security-token", keys.session_token});

  std::vector<std::pair<std::string, std::string>> headers = {{"host", parts.host}};
  for (const std::vector<HttpHeader>* list : {&parts.headers, &std::as_const(added)}) {
    for (const HttpHeader& header : *list) {
      headers.emplace_back(lower_case(header.name), trimmed_value(header.value));
    }
  }
  std::sort(headers.begin(), headers.end());
  std::string names;
  std::string canonical =
      parts.method + "\n" + parts.path + "\n" + canonical_query(parts.query) + "\n";
  for (const auto& [name, value] : headers) {
    for (const std::string_view piece : {std::string_view(name), std::string_view(":"),
                                         std::string_view(value), std::string_view("\n")}) {
      canonical += piece;
    }
    if (!names.empty()) names += ';';
    names += name;
  }
  canonical += "\n" + names + "\n" + parts.body_sha256;

  const std::string scope = day + "/" + std::string(region) + "/s3/aws4_request";
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + sha256_of(canonical);
  std::string key = hmac_sha256("AWS4" + keys.secret_key, day);
  key = hmac_sha256(key, region);
  key = hmac_sha256(key, "s3");
  key = hmac_sha256(key, "aws4_request");
  added.push_back({"Authorization", "AWS4-HMAC-SHA256 Credential=" + keys.access_key + "/" + scope +
                                        ",SignedHeaders=" + names +
                                        ",Signature=" + hexadecimal(hmac_sha256(key, to_sign))});
  return added;
}

}  // namespace ballast
