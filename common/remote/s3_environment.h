#pragma once

// Where S3 is and by whose leave it is used: what the environment and the files say that AWS's own
// tools read, so what works for them works here.
//
//   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN   the keys; else
//   AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials)              the file that holds them, under
//   AWS_PROFILE (default)                                         this heading
//   AWS_REGION, AWS_DEFAULT_REGION (us-east-1)                    the region
//   AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL                         another server than AWS's own
//   AWS_CA_BUNDLE                                                 certificates to trust
//   BALLAST_S3_ADDRESSING=path|virtual                            where the bucket's name goes

#include <functional>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/remote/sigv4.h"

namespace ballast {

// Looks a variable up; nothing where it is not set or empty.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
[[nodiscard]] Environment environment_of_process();

struct S3Credentials {
  SigningKeys keys;
  std::string source;  // For messages: "key AKIA... of AWS_ACCESS_KEY_ID". Never a secret.
};
// Error{invalid} says what is missing and where it was looked for. A file is read each time, since
// who refreshes short-lived keys rewrites it.
[[nodiscard]] Result<S3Credentials> find_credentials(const Environment& environment);

enum class S3Addressing {
  path,          // https://ENDPOINT/BUCKET/KEY
  virtual_host,  // https://BUCKET.ENDPOINT/KEY
};

struct S3Place {
  std::string endpoint;  // "https://s3.eu-west-1.amazonaws.com": no path, no "/" at the end.
  std::string region;
  S3Addressing addressing = S3Addressing::virtual_host;
  std::string ca_file;
};
// The bucket goes into the host with AWS's own endpoints and into the path with any other, unless
// the environment says so.
[[nodiscard]] Result<S3Place> find_s3(const Environment& environment);

}  // namespace ballast
