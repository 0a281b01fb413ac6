#pragma once

// A connected socket, in the clear or under TLS, with the operations that a Connection needs. It
// keeps Asio out of the headers above it.
//
// The io_context's thread. Of each kind one operation at a time; what is passed in stays until
// `done` is called, which is never from within the call itself, and never after the io_context has
// gone.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace boost::asio {
class io_context;
namespace ssl {
class context;
}
}  // namespace boost::asio

namespace ballast::http {

class SocketStream {
 public:
  // How many bytes; 0: the client sends no more; nothing: the connection is gone.
  using Moved = std::function<void(std::optional<std::size_t> bytes)>;

  virtual ~SocketStream() = default;

  // Nothing may be read or written before it is done, and nothing after it has failed.
  virtual void shake_hands(Moved done) = 0;
  virtual void read(char* buffer, std::size_t bytes, Moved done) = 0;
  virtual void write(std::string_view bytes, Moved done) = 0;
  // Says that no more comes, and takes what still arrives until the client has closed as well. A
  // socket that is closed with bytes unread resets the connection, and its last answer is lost.
  virtual void close_gently(Moved done) = 0;
  // Now. What is under way is done with nothing.
  virtual void close() = 0;
};

enum class Family { ipv4, ipv6 };

// Takes the descriptor over.
[[nodiscard]] std::shared_ptr<SocketStream> make_plain_stream(boost::asio::io_context& io,
                                                              Family family, int descriptor);
[[nodiscard]] std::shared_ptr<SocketStream> make_tls_stream(
    boost::asio::io_context& io, const std::shared_ptr<boost::asio::ssl::context>& context,
    Family family, int descriptor);

}  // namespace ballast::http
