#pragma once

// AWS Signature Version 4, as S3 takes it in the Authorization header. A request is written in one
// canonical form, hashed, and the hash is signed with a key that is derived from the secret, the
// day, the region and the service:
//
//   canonical = METHOD \n path \n query, sorted \n headers, sorted \n their names \n SHA-256 of
//   body to sign   = "AWS4-HMAC-SHA256" \n time \n scope \n SHA-256(canonical) key       =
//   HMAC(HMAC(HMAC(HMAC("AWS4" + secret, day), region), "s3"), "aws4_request")
//
// Source: Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header (AWS
// Signature Version 4)", "Signature Calculations for the Authorization Header: Transferring Payload
// in a Single Chunk". Its four example requests, with their date and key, are the tests.
//
// Pure: time and keys are arguments.

#include <ctime>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/remote/http_client.h"

namespace ballast {

struct SigningKeys {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // Empty: the keys are for good.
};

struct SignedParts {
  std::string method;
  std::string host;                                        // With its port, where that is sent.
  std::string path;                                        // Encoded, from "/" on.
  std::vector<std::pair<std::string, std::string>> query;  // Not encoded, in any order.
  std::vector<HttpHeader> headers;                         // To be signed beside what is added.
  std::string body_sha256;                                 // 64 hexadecimal digits.
};

// The headers that a request needs beside its own: x-amz-date, x-amz-content-sha256,
// x-amz-security-token where there is one, and Authorization.
[[nodiscard]] std::vector<HttpHeader> sign(const SignedParts& parts, const SigningKeys& keys,
                                           std::string_view region, std::time_t now);

// "a=1&b=2", sorted and encoded as the signature wants it; empty without a query.
[[nodiscard]] std::string canonical_query(std::vector<std::pair<std::string, std::string>> query);

[[nodiscard]] std::string sha256_of(std::span<const std::byte> bytes);
[[nodiscard]] std::string sha256_of(std::string_view text);

}  // namespace ballast
