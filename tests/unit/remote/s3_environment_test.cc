#include "common/remote/s3_environment.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

Environment of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(S3Credentials, ComeFromTheEnvironmentFirst) {
  const auto found = need(find_credentials(of({{"AWS_ACCESS_KEY_ID", "AKIA"},
                                               {"AWS_SECRET_ACCESS_KEY", "secret"},
                                               {"AWS_SESSION_TOKEN", "token"},
                                               {"AWS_SHARED_CREDENTIALS_FILE", "/nowhere"}})));
  EXPECT_EQ(found.keys.access_key, "AKIA");
  EXPECT_EQ(found.keys.secret_key, "secret");
  EXPECT_EQ(found.keys.session_token, "token");
  EXPECT_EQ(found.source, "key AKIA of AWS_ACCESS_KEY_ID");
}

TEST(S3Credentials, ComeFromTheProfileOfAFile) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("credentials");
  overwrite(
      path,
      "# a comment\n[default]\naws_access_key_id = AKIADEFAULT\n"
      "aws_secret_access_key=secret/=+\n\n[ other ]\r\naws_access_key_id = AKIAOTHER\r\n"
      "aws_secret_access_key = x\r\naws_session_token = t\r\n[broken]\naws_access_key_id=A\n");
  const auto by_default = need(find_credentials(of({{"AWS_SHARED_CREDENTIALS_FILE", path}})));
  EXPECT_EQ(by_default.keys.access_key, "AKIADEFAULT");
  EXPECT_EQ(by_default.keys.secret_key, "secret/=+");
  EXPECT_NE(by_default.source.find(path + " [default]"), std::string::npos);
  const auto other =
      need(find_credentials(of({{"AWS_SHARED_CREDENTIALS_FILE", path}, {"AWS_PROFILE", "other"}})));
  EXPECT_EQ(other.keys.access_key, "AKIAOTHER");
  EXPECT_EQ(other.keys.session_token, "t");
  EXPECT_TRUE(fails(
      find_credentials(of({{"AWS_SHARED_CREDENTIALS_FILE", path}, {"AWS_PROFILE", "broken"}})),
      ErrorCode::invalid, "aws_secret_access_key under [broken]"));
  EXPECT_TRUE(fails(
      find_credentials(of({{"AWS_SHARED_CREDENTIALS_FILE", path}, {"AWS_PROFILE", "absent"}})),
      ErrorCode::invalid, "[absent]"));
}

TEST(S3Credentials, SayWhatIsMissing) {
  const TemporaryDirectory home;
  EXPECT_TRUE(fails(find_credentials(of({{"HOME", home.path()}})), ErrorCode::invalid,
                    "set AWS_ACCESS_KEY_ID"));
  EXPECT_TRUE(fails(find_credentials(of({{"AWS_ACCESS_KEY_ID", "A"}})), ErrorCode::invalid,
                    "AWS_SECRET_ACCESS_KEY is not"));
  EXPECT_TRUE(fails(find_credentials(of({{"AWS_SHARED_CREDENTIALS_FILE", home.path("no")}})),
                    ErrorCode::invalid, home.path("no")));
}

TEST(S3Place, IsAwsUnlessTheEnvironmentSaysSo) {
  const S3Place aws = need(find_s3(of({{"AWS_REGION", "eu-west-1"}})));
  EXPECT_EQ(aws.endpoint, "https://s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(aws.addressing, S3Addressing::virtual_host);
  EXPECT_EQ(need(find_s3(of({}))).region, "us-east-1");

  const S3Place other = need(
      find_s3(of({{"AWS_ENDPOINT_URL", "http://minio:9000/"}, {"AWS_DEFAULT_REGION", "local"}})));
  EXPECT_EQ(other.endpoint, "http://minio:9000");
  EXPECT_EQ(other.region, "local");
  EXPECT_EQ(other.addressing, S3Addressing::path);
  EXPECT_EQ(need(find_s3(of({{"AWS_ENDPOINT_URL", "http://a"},
                             {"AWS_ENDPOINT_URL_S3", "http://b"},
                             {"BALLAST_S3_ADDRESSING", "virtual"}})))
                .addressing,
            S3Addressing::virtual_host);
}

TEST(S3Place, MistakesAreSaid) {
  for (const char* endpoint : {"minio:9000", "s3://bucket", "http://host/path", "https://u:p@h"}) {
    EXPECT_TRUE(fails(find_s3(of({{"AWS_ENDPOINT_URL", endpoint}})), ErrorCode::invalid,
                      "AWS_ENDPOINT_URL: expected"))
        << endpoint;
  }
  EXPECT_TRUE(fails(find_s3(of({{"BALLAST_S3_ADDRESSING", "host"}})), ErrorCode::invalid,
                    "expected path or virtual"));
}

}  // namespace
}  // namespace ballast
