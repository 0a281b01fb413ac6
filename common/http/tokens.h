#pragma once

// The tokens that let clients in, by the digests in a file: one JSON object a line,
//
//   {"name": "ci", "role": "submit", "sha256": "9f86d0...", "expires": "2027-01-01T00:00:00Z"}
//
// with role view, submit or admin; `expires` (UTC) may be left out; empty lines and those that
// begin with # are skipped. A name may have several tokens, so a new one is put in before the old
// one goes. Neither the file nor any message has a token in it.
//
// One thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/http/message.h"
#include "common/http/stamp.h"

namespace ballast::http {

struct Token {
  std::string name;
  Access access = Access::view;
  std::string sha256;
  std::optional<std::int64_t> expires;  // Seconds since 1970, UTC
};

// Of the text of a token file; `path` is for messages.
[[nodiscard]] Result<std::vector<Token>> parse_tokens(std::string_view text,
                                                      const std::string& path);

class TokenFile {
 public:
  // Refused: a file that every user of this machine could write a token of his own into.
  [[nodiscard]] static Result<TokenFile> open(const std::string& path);

  // Reads the file again if it has changed. The error is of the first call that saw the change; the
  // tokens from before it stay in force.
  [[nodiscard]] Status refresh();

  // Whose token it is, in a time that does not depend on how much of it is right. `now` in seconds
  // since 1970, UTC.
  [[nodiscard]] Result<Caller> find(std::string_view secret, std::int64_t now) const;
  // Whether the token that the caller had is still there, for as much as then.
  [[nodiscard]] bool holds(const Caller& caller, std::int64_t now) const;

 private:
  explicit TokenFile(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] Status read();

  std::string path_;
  FileStamp stamp_;
  std::vector<Token> tokens_;
};

struct NewToken {
  std::string secret;  // For the client, and for nobody else.
  std::string line;    // For the token file, with a line break.
};
// invalid: a name that is empty, longer than 64 or other than letters, digits and .-_@; no role; an
// `expires` (empty: never) that is no date.
[[nodiscard]] Result<NewToken> make_token(const std::string& name, const std::string& role,
                                          const std::string& expires);

}  // namespace ballast::http
