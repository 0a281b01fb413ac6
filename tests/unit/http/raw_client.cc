#include "tests/unit/http/raw_client.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace ballast::http {

RawClient::RawClient(std::uint16_t port, Under under) {
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bool connected =
      ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  if (connected && under != Under::nothing) {
    context_ = SSL_CTX_new(TLS_client_method());
    if (under == Under::tls_1_1) {
      SSL_CTX_set_security_level(context_, 0);
      SSL_CTX_set_max_proto_version(context_, TLS1_1_VERSION);
    }
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, descriptor_);
    connected = SSL_connect(ssl_) == 1;
  }
  if (connected) return;
  ::close(descriptor_);
  descriptor_ = -1;
}

RawClient::~RawClient() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string RawClient::certificate() const {
  X509* const certificate = SSL_get1_peer_certificate(ssl_);
  std::array<char, 256> name{};
  X509_NAME_oneline(X509_get_subject_name(certificate), name.data(), name.size());
  X509_free(certificate);
  return name.data();
}

bool RawClient::say(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ssl_ != nullptr
                          ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                          : ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void RawClient::end() { ::shutdown(descriptor_, SHUT_WR); }

bool RawClient::receive() {
  std::array<char, 65536> buffer{};
  const auto got = ssl_ != nullptr ? SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()))
                                   : ::recv(descriptor_, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  received_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

std::string RawClient::until(std::string_view mark) {
  std::size_t at = std::string::npos;
  while ((at = received_.find(mark)) == std::string::npos && receive()) {
  }
  const std::size_t end = at == std::string::npos ? received_.size() : at + mark.size();
  std::string text = received_.substr(0, end);
  received_.erase(0, end);
  return text;
}

std::string RawClient::head() { return until("\r\n\r\n"); }

std::string RawClient::answer() {
  std::string text = head();
  constexpr std::string_view kLength = "Content-Length: ";
  const std::size_t at = text.find(kLength);
  if (at == std::string::npos) return text;
  const std::size_t bytes = std::stoul(text.substr(at + kLength.size()));
  while (received_.size() < bytes && receive()) {
  }
  text += received_.substr(0, bytes);
  received_.erase(0, std::min(bytes, received_.size()));
  return text;
}

std::string RawClient::rest() {
  while (receive()) {
  }
  return std::exchange(received_, {});
}

}  // namespace ballast::http
