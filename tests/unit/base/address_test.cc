#include "common/base/address.h"

#include <gtest/gtest.h>

namespace ballast {
namespace {

Address value_of(const Result<Address>& parsed) {
  EXPECT_TRUE(parsed.has_value());
  return parsed ? *parsed : Address{};
}

TEST(Address, IsParsed) {
  const Address web = value_of(parse_address("https://example.org:8443/a/b.csv?x=1#part"));
  EXPECT_EQ(web.scheme, AddressScheme::https);
  EXPECT_EQ(web.host, "example.org:8443");
  EXPECT_EQ(web.path, "/a/b.csv?x=1");
  EXPECT_EQ(value_of(parse_address("http://example.org")).path, "/");
  const Address object = value_of(parse_address("s3://my-bucket/data/part *?.csv"));
  EXPECT_EQ(object.host, "my-bucket");
  EXPECT_EQ(object.path, "data/part *?.csv");
  EXPECT_EQ(value_of(parse_address("s3://my-bucket")).path, "");
}

TEST(Address, MistakesAreSaid) {
  const std::pair<const char*, const char*> cases[] = {
      {"ftp://example.org/a", "scheme"},
      {"http://", "host is missing"},
      {"s3:///key", "name of the bucket"},
      {"s3://a b/key", "name of the bucket"},
      {"https://example.org/a b", "%20"},
      {"http://example.org/a\nb", "control character"},
      {"https://me:secret@example.org/a", "name and password"},
  };
  for (const auto& [text, words] : cases) {
    SCOPED_TRACE(text);
    const auto parsed = parse_address(text);
    ASSERT_FALSE(parsed.has_value());
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid);
    EXPECT_NE(parsed.error().message.find(words), std::string::npos) << parsed.error().message;
    EXPECT_EQ(parsed.error().message.find("secret"), std::string::npos);
  }
}

TEST(Address, IsToldFromAPath) {
  EXPECT_TRUE(is_address("s3://b/k"));
  EXPECT_TRUE(is_address("gopher://x"));
  for (const char* path : {"a.csv", "/a/b://c", "://x", "a:b", "dir/http://x"}) {
    EXPECT_FALSE(is_address(path)) << path;
  }
}

TEST(Address, IsShownWithoutItsSecrets) {
  EXPECT_EQ(shown_address("https://h/p?X-Amz-Signature=1"), "https://h/p?...");
  EXPECT_EQ(shown_address("https://u:p@h/x@y"), "https://...@h/x@y");
  EXPECT_EQ(shown_address("s3://b/what?.csv"), "s3://b/what?.csv");
}

TEST(Address, IsEncoded) {
  EXPECT_EQ(percent_encoded("a/b c~\xc3\xa4"), "a%2Fb%20c~%C3%A4");
  EXPECT_EQ(percent_encoded_path("a/b+c"), "a/b%2Bc");
}

}  // namespace
}  // namespace ballast
