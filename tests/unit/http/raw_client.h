#pragma once

// A client that says and reads bytes as they are, over a real socket. Whatever does not come within
// 20 seconds will not come any more.

#include <cstdint>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace ballast::http {

enum class Under { nothing, tls, tls_1_1 };

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, Under under = Under::nothing);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  [[nodiscard]] bool is_connected() const { return descriptor_ >= 0; }
  // The subject of the server's certificate.
  [[nodiscard]] std::string certificate() const;

  // False: the server has closed.
  bool say(std::string_view bytes);
  // Says that no more comes.
  void end();
  // One answer, head and body as Content-Length says; less if the server closes.
  std::string answer();
  // An answer to HEAD, or the head of a stream.
  std::string head();
  // Up to and with `mark`.
  std::string until(std::string_view mark);
  // All until the server closes.
  std::string rest();
  // Whether the server closes now, with nothing more to say.
  bool is_closed() { return rest().empty(); }

 private:
  // False: no more.
  bool receive();

  int descriptor_ = -1;
  ssl_ctx_st* context_ = nullptr;
  ssl_st* ssl_ = nullptr;
  std::string received_;
};

}  // namespace ballast::http
