// The four examples of the Amazon S3 API Reference that sigv4.h names.
#include "common/remote/sigv4.h"

#include <gtest/gtest.h>

namespace ballast {
namespace {

const SigningKeys kKeys{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
constexpr std::time_t kTime = 1369353600;  // 2013-05-24T00:00:00Z

std::string header_of(const std::vector<HttpHeader>& headers, const std::string& name) {
  for (const HttpHeader& header : headers) {
    if (header.name == name) return header.value;
  }
  return "";
}

TEST(Sigv4, SignsTheExamplesThatAwsPublishes) {
  struct Case {
    const char* name;
    SignedParts parts;
    const char* signed_headers;
    const char* signature;
  };
  const std::string no_body = sha256_of(std::string_view());
  const std::string host = "examplebucket.s3.amazonaws.com";
  const Case cases[] = {
      {"GET object",
       {.method = "GET",
        .host = host,
        .path = "/test.txt",
        .query = {},
        .headers = {{"Range", "bytes=0-9"}},
        .body_sha256 = no_body},
       "host;range;x-amz-content-sha256;x-amz-date",
       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
      {"PUT object",
       {.method = "PUT",
        .host = host,
        .path = "/test%24file.text",
        .query = {},
        .headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                    {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
        .body_sha256 = sha256_of(std::string_view("Welcome to Amazon S3."))},
       "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
      {"GET bucket lifecycle",
       {.method = "GET",
        .host = host,
        .path = "/",
        .query = {{"lifecycle", ""}},
        .headers = {},
        .body_sha256 = no_body},
       "host;x-amz-content-sha256;x-amz-date",
       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
      {"GET bucket (list objects)",
       {.method = "GET",
        .host = host,
        .path = "/",
        .query = {{"prefix", "J"}, {"max-keys", "2"}},
        .headers = {},
        .body_sha256 = no_body},
       "host;x-amz-content-sha256;x-amz-date",
       "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto headers = sign(c.parts, kKeys, "us-east-1", kTime);
    EXPECT_EQ(header_of(headers, "Authorization"),
              std::string("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
                          "aws4_request,SignedHeaders=") +
                  c.signed_headers + ",Signature=" + c.signature);
    EXPECT_EQ(header_of(headers, "x-amz-date"), "20130524T000000Z");
  }
}

TEST(Sigv4, SignsASessionToken) {
  const SignedParts parts{.method = "GET",
                          .host = "h",
                          .path = "/",
                          .query = {},
                          .headers = {},
                          .body_sha256 = sha256_of(std::string_view())};
  const auto headers = sign(parts, {"A", "S", "token"}, "us-east-1", kTime);
  EXPECT_EQ(header_of(headers, "x-amz-security-token"), "token");
  EXPECT_NE(header_of(headers, "Authorization").find("x-amz-date;x-amz-security-token,"),
            std::string::npos);
}

TEST(Sigv4, SortsAndEncodesAQuery) {
  EXPECT_EQ(canonical_query({{"b", "x y/z"}, {"a", ""}, {"b", "+"}}), "a=&b=%2B&b=x%20y%2Fz");
  EXPECT_EQ(canonical_query({}), "");
}

}  // namespace
}  // namespace ballast
