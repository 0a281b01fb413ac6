// Which failures of a connection may pass.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>

#include "common/base/check.h"
#include "common/remote/http_client.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

// Takes one connection, does with it what it is told to, and closes it.
class OneConnection {
 public:
  explicit OneConnection(std::function<void(int connection)> act) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    BALLAST_CHECK(::bind(listener_, raw, size) == 0 && ::listen(listener_, 1) == 0);
    BALLAST_CHECK(::getsockname(listener_, raw, &size) == 0);
    url_ = "https://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
    thread_ = std::thread([this, act = std::move(act)] {
      const int connection = ::accept(listener_, nullptr, nullptr);
      act(connection);
      ::close(connection);
    });
  }
  ~OneConnection() {
    thread_.join();
    ::close(listener_);
  }
  OneConnection(const OneConnection&) = delete;
  OneConnection& operator=(const OneConnection&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  int listener_ = -1;
  std::string url_;
  std::thread thread_;
};

Result<HttpResponse> ask(const std::string& url) {
  return need(HttpClient::create({}))
      ->send({.method = "GET", .url = url, .headers = {}, .body = {}});
}

void read_some(int connection) {
  char bytes[4096];
  BALLAST_CHECK(::read(connection, &bytes[0], sizeof(bytes)) > 0);
}

TEST(CurlHttpClient, AHandshakeThatIsCutOffMayPass) {
  const OneConnection server(read_some);
  const auto answer = ask(server.url());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable) << answer.error().message;
}

TEST(CurlHttpClient, AServerThatDoesNotSpeakTlsIsAMistake) {
  const OneConnection server([](int connection) {
    read_some(connection);
    const std::string answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    BALLAST_CHECK(::write(connection, answer.data(), answer.size()) > 0);
  });
  const auto answer = ask(server.url());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::invalid) << answer.error().message;
  EXPECT_NE(answer.error().message.find("of https, and not of http"), std::string::npos);
}

}  // namespace
}  // namespace ballast
