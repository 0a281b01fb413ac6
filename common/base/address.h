#pragma once

// Addresses of files that are elsewhere: http://HOST/PATH, https://HOST/PATH and s3://BUCKET/KEY.
// What has no "://" is a path of this machine's file system and and no address.

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace ballast {

enum class AddressScheme { http, https, s3 };

struct Address {
  AddressScheme scheme = AddressScheme::https;
  std::string host;  // With its port; of s3 the bucket.
  // Of http as written, with its "/" and the query. Of s3 the key: it does not begin with "/", is
  // not encoded, and may be empty, a prefix or a pattern.
  std::string path;
};

// Whether a text is meant as an address, right or wrong: it begins with letters and "://".
[[nodiscard]] bool is_address(std::string_view text);

// Error{invalid} says what is expected in its place. A user's name and password are refused: an
// address is shown in messages and kept in files.
[[nodiscard]] Result<Address> parse_address(std::string_view text);

// As it may be shown: a query may hold a signature, so its values are left out.
[[nodiscard]] std::string shown_address(std::string_view text);

// What is not A-Z, a-z, 0-9, '-', '.', '_' or '~' as %XX.
[[nodiscard]] std::string percent_encoded(std::string_view text);
// The same, but '/' stays.
[[nodiscard]] std::string percent_encoded_path(std::string_view text);

}  // namespace ballast
