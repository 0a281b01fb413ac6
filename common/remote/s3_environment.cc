#include "common/remote/s3_environment.h"

#include <cstdlib>
#include <map>
#include <string_view>

#include "common/base/address.h"
#include "common/remote/http_client.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

std::string_view without_spaces(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r";
  const std::size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

// The fields under [profile] of a file of AWS's tools; nothing where there is no such heading.
std::optional<std::map<std::string, std::string, std::less<>>> section_of(
    std::string_view text, std::string_view profile) {
  std::map<std::string, std::string, std::less<>> fields;
  bool inside = false;
  bool found = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = without_spaces(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[' && line.back() == ']') {
      inside = without_spaces(line.substr(1, line.size() - 2)) == profile;
      found = found || inside;
    } else if (const std::size_t equals = line.find('=');
               inside && equals != std::string_view::npos) {
      fields[std::string(without_spaces(line.substr(0, equals)))] =
          without_spaces(line.substr(equals + 1));
    }
  }
  if (!found) return std::nullopt;
  return fields;
}

Error incomplete(const std::string& where, const std::string& what) {
  return {ErrorCode::invalid, where + ": " + what +
                                  "; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a "
                                  "file that has them in AWS_SHARED_CREDENTIALS_FILE"};
}

}  // namespace

Environment environment_of_process() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  };
}

Result<S3Credentials> find_credentials(const Environment& environment) {
  const auto access = environment("AWS_ACCESS_KEY_ID");
  const auto secret = environment("AWS_SECRET_ACCESS_KEY");
  if (access && secret) {
    return S3Credentials{.keys = {*access, *secret, environment("AWS_SESSION_TOKEN").value_or("")},
                         .source = "key " + *access + " of AWS_ACCESS_KEY_ID"};
  }
  if (access || secret) {
    return incomplete("S3", access ? "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not"
                                   : "AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not");
  }
  const auto named = environment("AWS_SHARED_CREDENTIALS_FILE");
  const auto home = environment("HOME");
  if (!named && !home) return incomplete("S3", "no credentials were found");
  const std::string path = named ? *named : join_path(*home, ".aws/credentials");
  if (!named && !path_exists(path)) {
    return incomplete("S3",
                      "no credentials were found: AWS_ACCESS_KEY_ID is not set, and there is "
                      "no " +
                          path);
  }
  const auto text = read_file(path);
  if (!text) return incomplete("S3", text.error().message);
  const std::string profile = environment("AWS_PROFILE").value_or("default");
  const auto fields = section_of(*text, profile);
  if (!fields) return incomplete(path, "expected a section [" + profile + "], found none");
  const auto field = [&](std::string_view name) {
    const auto found = fields->find(name);
    return found == fields->end() ? std::string() : found->second;
  };
  S3Credentials credentials{
      .keys = {field("aws_access_key_id"), field("aws_secret_access_key"),
               field("aws_session_token")},
      .source = "key " + field("aws_access_key_id") + " of " + path + " [" + profile + "]"};
  if (credentials.keys.access_key.empty() || credentials.keys.secret_key.empty()) {
    return incomplete(
        path, "expected aws_access_key_id and aws_secret_access_key under [" + profile + "]");
  }
  return credentials;
}

Result<S3Place> find_s3(const Environment& environment) {
  S3Place place;
  place.region =
      environment("AWS_REGION").value_or(environment("AWS_DEFAULT_REGION").value_or("us-east-1"));
  auto endpoint = environment("AWS_ENDPOINT_URL_S3");
  if (!endpoint) endpoint = environment("AWS_ENDPOINT_URL");
  place.addressing = endpoint ? S3Addressing::path : S3Addressing::virtual_host;
  place.endpoint = endpoint.value_or("https://s3." + place.region + ".amazonaws.com");
  while (place.endpoint.ends_with('/')) place.endpoint.pop_back();
  const auto parsed = parse_address(place.endpoint);
  const bool usable = parsed && parsed->scheme != AddressScheme::s3 && parsed->path == "/";
  if (!usable) {
    return Error{ErrorCode::invalid,
                 "AWS_ENDPOINT_URL: expected http://HOST:PORT or "
                 "https://HOST, got \"" +
                     shown_address(place.endpoint) + "\""};
  }
  if (const auto addressing = environment("BALLAST_S3_ADDRESSING")) {
    if (*addressing != "path" && *addressing != "virtual") {
      return Error{ErrorCode::invalid,
                   "BALLAST_S3_ADDRESSING: expected path or virtual, got \"" + *addressing + "\""};
    }
    place.addressing = *addressing == "path" ? S3Addressing::path : S3Addressing::virtual_host;
  }
  place.ca_file = environment("AWS_CA_BUNDLE").value_or(ca_file_of_environment());
  return place;
}

}  // namespace ballast
