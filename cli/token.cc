#include "cli/token.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <cstdio>

#include "common/http/tokens.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

// Into the file that servers read: for its owner alone, if it is made here.
Status add_line(const std::string& path, const std::string& line) {
  if (!path_exists(path)) {
    const mode_t before = umask(0077);
    const Status made = create_file_exclusively(path, line);
    umask(before);
    return made;
  }
  const auto text = read_file(path);
  if (!text) return text.error();
  if (const auto tokens = http::parse_tokens(*text, path); !tokens) return tokens.error();
  const auto file = OpenFile::open_existing(path);
  if (!file) return file.error();
  const bool is_open = !text->empty() && text->back() != '\n';
  if (const Status added = (*file)->append((is_open ? "\n" : "") + line); !added) return added;
  return (*file)->sync();
}

}  // namespace

CLI::Option* add_token_options(CLI::App& verb, TokenOptions& options) {
  CLI::Option* const named = verb.add_option(
      "--token", options.name,
      "Make a token for HTTP instead, of this name, and put its digest into the file DIR, which is "
      "what servers take as --http-tokens");
  verb.add_option("--role", options.role, "What the token allows: view, submit or admin")
      ->needs(named)
      ->capture_default_str();
  verb.add_option("--expires", options.expires, "Until when, UTC: 2027-01-31 or ...T12:00:00Z")
      ->needs(named);
  verb.add_option("--secret", options.secret_file,
                  "Where to write the token, for its owner alone; without it, it is printed")
      ->needs(named);
  return named;
}

Status make_token_in(const std::string& path, const TokenOptions& options) {
  const auto token = http::make_token(options.name, options.role, options.expires);
  if (!token) return token.error();
  // The token first: a line whose token nobody has would only be in the way.
  if (!options.secret_file.empty()) {
    const mode_t before = umask(0077);
    const Status kept = create_file_exclusively(options.secret_file, token->secret + "\n");
    umask(before);
    if (!kept) return kept;
  }
  if (const Status added = add_line(path, token->line); !added) return added;
  if (options.secret_file.empty()) fmt::print("{}\n", token->secret);
  fmt::print(stderr,
             "{} has the digest of a token of {} now; the token itself is {} and nowhere else. It "
             "is said as\n  Authorization: Bearer TOKEN\nTo take it back, remove its line.\n",
             path, options.name,
             options.secret_file.empty() ? "what was printed" : "in " + options.secret_file);
  return {};
}

}  // namespace ballast
