#include "common/http/tokens.h"

#include <openssl/crypto.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "common/base/sha256.h"
#include "common/http/draw.h"
#include "common/storage/files.h"

namespace ballast::http {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;
constexpr std::size_t kSecretBytesMax = 512;

std::string digest_of(std::string_view secret) {
  Sha256 digest;
  digest.update(std::as_bytes(std::span(secret)));
  return digest.finish();
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == '@';
  });
}

bool is_digest(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::optional<Access> parse_role(std::string_view text) {
  for (const Access access : {Access::view, Access::submit, Access::admin}) {
    if (text == name_of(access)) return access;
  }
  return std::nullopt;
}

// "2027-01-31" or "2027-01-31T12:00:00Z"
std::optional<std::int64_t> parse_time(std::string_view text) {
  if (text.size() != 10 && text.size() != 20) return std::nullopt;
  constexpr std::string_view kShape = "0000-00-00T00:00:00Z";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool fits = kShape[i] == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == kShape[i];
    if (!fits) return std::nullopt;
  }
  const auto number = [&](std::size_t begin, std::size_t digits) {
    int value = 0;
    if (begin < text.size()) {
      std::from_chars(text.data() + begin, text.data() + begin + digits, value);
    }
    return value;
  };
  const std::chrono::year_month_day day(std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2))));
  if (!day.ok() || number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 60) {
    return std::nullopt;
  }
  const std::int64_t days = std::chrono::sys_days(day).time_since_epoch().count();
  return days * 86400 + number(11, 2) * 3600 + number(14, 2) * 60 + number(17, 2);
}

std::string text_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// What is wrong with a line is said without showing it: somebody may have put a token there.
Result<Token> parse_line(std::string_view line) {
  const auto object = nlohmann::json::parse(line, nullptr, false);
  if (!object.is_object()) {
    return Error{ErrorCode::invalid, "expected a JSON object with name, role and sha256"};
  }
  for (const auto& [key, value] : object.items()) {
    if (key != "name" && key != "role" && key != "sha256" && key != "expires") {
      return Error{ErrorCode::invalid, "expected name, role, sha256 and expires, saw another key"};
    }
  }
  Token token{.name = text_of(object, "name"), .sha256 = text_of(object, "sha256"), .expires = {}};
  const auto access = parse_role(text_of(object, "role"));
  if (!is_name(token.name)) {
    return Error{ErrorCode::invalid, "expected a name of 1 to 64 letters, digits and . - _ @"};
  }
  if (!access) return Error{ErrorCode::invalid, "expected a role: view, submit or admin"};
  if (!is_digest(token.sha256)) {
    return Error{ErrorCode::invalid,
                 "expected in sha256 the 64 hexadecimal digits (lower case) of a token's SHA-256"};
  }
  token.access = *access;
  if (!object.contains("expires")) return token;
  token.expires = parse_time(text_of(object, "expires"));
  if (token.expires) return token;
  return Error{ErrorCode::invalid,
               "expected in expires a time in UTC such as 2027-01-31T12:00:00Z, or a date"};
}

}  // namespace

Result<std::vector<Token>> parse_tokens(std::string_view text, const std::string& path) {
  if (text.size() > kFileBytesMax) {
    return Error{ErrorCode::invalid, path + ": has more than 1 MiB; expected a few tokens"};
  }
  std::vector<Token> tokens;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    auto token = parse_line(line);
    if (!token) {
      return Error{ErrorCode::invalid,
                   path + ":" + std::to_string(number) + ": " + token.error().message};
    }
    tokens.push_back(*std::move(token));
  }
  return tokens;
}

Result<TokenFile> TokenFile::open(const std::string& path) {
  TokenFile file(path);
  if (Status read = file.read(); !read) return read.error();
  return file;
}

Status TokenFile::read() {
  stamp_ = stamp_of(path_);
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0 && (status.st_mode & S_IWOTH) != 0) {
    return Error{ErrorCode::invalid, path_ +
                                         ": every user of this machine can write a token into this "
                                         "file; protect it (chmod 600 " +
                                         path_ + "), and look who is in it"};
  }
  const auto text = read_file(path_);
  if (!text) return text.error();
  auto tokens = parse_tokens(*text, path_);
  if (!tokens) return tokens.error();
  tokens_ = *std::move(tokens);
  return {};
}

Status TokenFile::refresh() { return stamp_of(path_) == stamp_ ? Status() : read(); }

Result<Caller> TokenFile::find(std::string_view secret, std::int64_t now) const {
  const std::string digest = digest_of(secret.substr(0, kSecretBytesMax + 1));
  const Token* found = nullptr;
  for (const Token& token : tokens_) {
    const bool same = CRYPTO_memcmp(token.sha256.data(), digest.data(), digest.size()) == 0;
    if (same) found = &token;
  }
  if (found == nullptr) return Error{ErrorCode::not_found, "this token is not known here"};
  if (found->expires && *found->expires <= now) {
    return Error{ErrorCode::not_found, "the token of " + found->name + " has expired"};
  }
  return Caller{found->name, found->access, found->sha256};
}

bool TokenFile::holds(const Caller& caller, std::int64_t now) const {
  return std::ranges::any_of(tokens_, [&](const Token& token) {
    return token.sha256 == caller.digest && token.access >= caller.access &&
           (!token.expires || *token.expires > now);
  });
}

Result<NewToken> make_token(const std::string& name, const std::string& role,
                            const std::string& expires) {
  NewToken made;
  made.secret = "ballast_" + draw_hex(32);
  nlohmann::ordered_json line = {
      {"name", name}, {"role", role}, {"sha256", digest_of(made.secret)}};
  if (!expires.empty()) line["expires"] = expires;
  // Held against the rules of the file; what is not UTF-8 is no name.
  made.line = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (auto token = parse_line(made.line); !token) return token.error();
  return made;
}

}  // namespace ballast::http
