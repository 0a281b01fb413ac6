#include "cli/api_access.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <string_view>

#include "common/http/certificate.h"
#include "common/http/tokens.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

constexpr int kDays = 365;

// As the block of a YAML field that is two deep.
std::string block_of(std::string_view text) {
  std::string block;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    block += fmt::format("\n    {}", text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return block;
}

void print_secret(const char* name, const char* type, std::string_view fields) {
  fmt::print(
      "---\n"
      "apiVersion: v1\n"
      "kind: Secret\n"
      "metadata:\n"
      "  name: {}\n"
      "  labels: {{app.kubernetes.io/name: ballast, app.kubernetes.io/component: coordinator}}\n"
      "type: {}\n"
      "stringData:\n{}",
      name, type, fields);
}

}  // namespace

CLI::Option* add_access_options(CLI::App& verb, AccessOptions& options) {
  CLI::Option* const access = verb.add_option(
      "--access", options.directory,
      "Make an administrator's token and a certificate of the API too: the Secrets have what the "
      "service needs, this directory the files token and ca.crt, for BALLAST_TOKEN_FILE and "
      "CURL_CA_BUNDLE");
  verb.add_option("--host", options.hosts,
                  "A name or an address by which clients reach the API (repeatable)")
      ->take_all()
      ->needs(access)
      ->capture_default_str();
  return access;
}

Status make_access(const AccessOptions& options) {
  const auto token = http::make_token("admin", "admin", "");
  if (!token) return token.error();
  const auto made = http::make_certificate(options.hosts, kDays);
  if (!made) return Error{made.error().code, "--host " + made.error().message};
  if (const Status there = make_directories(options.directory); !there) return there;
  const mode_t before = umask(0077);
  const Status kept =
      create_file_exclusively(join_path(options.directory, "token"), token->secret + "\n");
  umask(before);
  if (!kept) return kept;
  if (const Status written =
          create_file_exclusively(join_path(options.directory, "ca.crt"), made->certificate);
      !written) {
    return written;
  }
  print_secret("ballast-tokens", "Opaque", fmt::format("  tokens: |{}\n", block_of(token->line)));
  print_secret("ballast-tls", "kubernetes.io/tls",
               fmt::format("  tls.crt: |{}\n  tls.key: |{}\n", block_of(made->certificate),
                           block_of(made->key)));
  return {};
}

}  // namespace ballast
