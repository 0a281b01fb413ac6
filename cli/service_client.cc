#include "cli/service_client.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "common/job/json_text.h"
#include "common/remote/download.h"
#include "common/runtime/machine.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds kLookAgain{500};

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_loopback(const std::string& address) {
  for (const char* here :
       {"http://127.", "http://localhost:", "http://localhost/", "http://[::1]"}) {
    if (address.starts_with(here)) return true;
  }
  return address == "http://localhost";
}

Result<std::string> read_token(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0) {
    return Error{ErrorCode::invalid,
                 path + ": every user of this machine can read this token; chmod 600 it"};
  }
  auto text = read_file(path);
  if (!text) return text.error();
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (text->empty() || text->find_first_of(" \t\r\n") != std::string::npos) {
    return Error{ErrorCode::invalid, path + ": expected one token and nothing else"};
  }
  return text;
}

// The service's own words, where the answer is its.
Error error_of(const std::string& address, const HttpResponse& response) {
  const Json json = parse_shallow_json_if<Json>(response.body);
  const ErrorCode code = response.status == 404                             ? ErrorCode::not_found
                         : response.status == 409                           ? ErrorCode::conflict
                         : response.status == 503 || response.status == 429 ? ErrorCode::unavailable
                                                                            : ErrorCode::invalid;
  if (json.is_object() && json.contains("error") && json["error"].is_object()) {
    return {code, json["error"].value("message", "the service refused without a reason")};
  }
  return {code, fmt::format("{}: expected the API of a Ballast service, got status {}", address,
                            response.status)};
}

}  // namespace

ServiceClient::ServiceClient(std::string address, std::string token,
                             std::unique_ptr<HttpClient> client)
    : address_(std::move(address)), token_(std::move(token)), client_(std::move(client)) {
  retry_.tell = [](const std::string& why) { fmt::print(stderr, "ballast: {}\n", why); };
}

bool ServiceClient::is_meant() { return !variable(kServiceVariable).empty(); }

Result<std::unique_ptr<ServiceClient>> ServiceClient::open() {
  std::string address = variable(kServiceVariable);
  while (address.ends_with('/')) address.pop_back();
  if (!address.starts_with("http://") && !address.starts_with("https://")) {
    return Error{ErrorCode::invalid,
                 std::string(kServiceVariable) +
                     ": expected the address of a service, such as http://127.0.0.1:8080" +
                     (address.empty() ? ", and it is not set" : ", saw \"" + address + "\"")};
  }
  std::string token;
  if (const std::string path = variable(kTokenVariable); !path.empty()) {
    auto read = read_token(path);
    if (!read) return read.error();
    token = std::move(*read);
    if (address.starts_with("http://") && !is_loopback(address)) {
      return Error{ErrorCode::invalid,
                   address + ": a token would go over the network in the clear; use https://"};
    }
  }
  auto client =
      HttpClient::create({.redirects = Redirects::refuse, .ca_file = ca_file_of_environment()});
  if (!client) return client.error();
  return std::unique_ptr<ServiceClient>(
      new ServiceClient(std::move(address), std::move(token), std::move(*client)));
}

std::vector<HttpHeader> ServiceClient::with_token(std::vector<HttpHeader> headers) const {
  if (!token_.empty()) headers.push_back({"Authorization", "Bearer " + token_});
  return headers;
}

Result<HttpResponse> ServiceClient::call(const std::string& method, const std::string& path,
                                         std::span<const std::byte> body,
                                         const std::vector<HttpHeader>& headers) {
  auto response = send_patiently(
      *client_,
      [&]() -> Result<HttpRequest> {
        return HttpRequest{method, address_ + path, with_token(headers), body};
      },
      retry_);
  if (!response) return response.error();
  if (!response->is_success()) return error_of(address_, *response);
  return response;
}

Result<std::string> ServiceClient::get(const std::string& path) {
  auto response = call("GET", path);
  if (!response) return response.error();
  return std::move(response->body);
}

Status ServiceClient::download(const std::string& path, const std::string& to) {
  if (const Status made = make_directories(directory_of(to)); !made) return made;
  const RemoteFile file{
      .shown = path,
      .request = [&](const std::vector<HttpHeader>& headers) -> Result<HttpRequest> {
        return HttpRequest{"GET", address_ + path, with_token(headers), {}};
      },
      .explain = [&](const HttpResponse& response) { return error_of(address_, response); }};
  const auto got =
      ballast::download(*client_, file, to, {.retry = retry_, .have = {}, .progress = {}});
  if (!got) return got.error();
  return rename_durably(got->path, to);
}

std::string path_part(const std::string& text) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  for (const char byte : text) {
    if (kPlain.find(byte) != std::string_view::npos) {
      encoded.push_back(byte);
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(byte));
    }
  }
  return encoded;
}

int follow_job(ServiceClient& client, std::uint64_t job) {
  const std::string path = fmt::format("/api/v1/jobs/{}", job);
  const auto fail = [](const Error& error) {
    fmt::print(stderr, "ballast: {}\n", error.message);
    return static_cast<int>(error.code == ErrorCode::unavailable ? ExitCode::fault
                                                                 : ExitCode::user_error);
  };
  std::string offset = "0";
  std::string state;
  while (true) {
    // First how it is, then what it says: so nothing is missed of one that has ended.
    const auto text = client.get(path);
    if (!text) return fail(text.error());
    const Json row = parse_shallow_json_if<Json>(*text);
    if (!row.is_object()) return fail({ErrorCode::unavailable, "the service answers nonsense"});
    const std::string before = std::exchange(state, row.value("state", ""));
    if (state != before) fmt::print(stderr, "job {} is {}\n", job, state);
    const auto said = client.call("GET", fmt::format("{}/log?offset={}", path, offset));
    if (!said) return fail(said.error());
    std::fwrite(said->body.data(), 1, said->body.size(), stdout);
    std::fflush(stdout);
    offset = said->header("Ballast-Next-Offset").value_or(offset);
    if (!said->body.empty()) continue;
    if (state != "queued" && state != "running" && state != "cancelling") {
      const std::string reason = row.value("reason", "");
      if (!reason.empty()) fmt::print(stderr, "ballast: {}\n", reason);
      return state == "cancelled" ? static_cast<int>(ExitCode::interrupted)
                                  : row.value("exit_code", 0);
    }
    std::this_thread::sleep_for(kLookAgain);
  }
}

}  // namespace ballast
