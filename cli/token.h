#pragma once

// `ballast keys --token`: the tokens by which people and programs may ask over HTTP.

#include <CLI/CLI.hpp>
#include <string>

#include "common/base/result.h"

namespace ballast {

struct TokenOptions {
  std::string name;  // Empty: no token is asked for.
  std::string role = "view";
  std::string expires;
  std::string secret_file;  // Empty: the token is printed.
};

// --token and what belongs to it; --token itself is returned.
CLI::Option* add_token_options(CLI::App& verb, TokenOptions& options);

// Draws a token, puts its digest into the file at `path`, which may be there or not, and prints the
// token or writes it where the options say.
[[nodiscard]] Status make_token_in(const std::string& path, const TokenOptions& options);

}  // namespace ballast
