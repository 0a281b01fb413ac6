#include "common/http/socket_stream.h"

#include <array>
#include <utility>  // Boost 1.74 needs it before Asio.

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>

namespace ballast::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// What an operation came to, as it is told.
std::optional<std::size_t> outcome(const error_code& error, std::size_t bytes) {
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) return 0;
  if (error) return std::nullopt;
  return bytes;
}

// The stream lives until what is under way is done.
auto tell(std::shared_ptr<SocketStream> alive, SocketStream::Moved done) {
  return [alive = std::move(alive), done = std::move(done)](
             const error_code& error, std::size_t bytes) { done(outcome(error, bytes)); };
}

tcp::socket adopt(asio::io_context& io, Family family, int descriptor) {
  tcp::socket socket(io);
  socket.assign(family == Family::ipv6 ? tcp::v6() : tcp::v4(), descriptor);
  error_code ignored;  // An answer that waits a little is no failure.
  socket.set_option(tcp::no_delay(true), ignored);
  return socket;
}

// Throws away what arrives. Both streams end with it.
class Drain {
 public:
  void run(tcp::socket& socket, std::shared_ptr<SocketStream> alive, SocketStream::Moved done) {
    error_code ignored;  // The client may have closed already.
    socket.shutdown(tcp::socket::shutdown_send, ignored);
    take(socket, std::move(alive), std::move(done));
  }

 private:
  void take(tcp::socket& socket, std::shared_ptr<SocketStream> alive, SocketStream::Moved done) {
    socket.async_read_some(asio::buffer(waste_),
                           [this, &socket, alive, done](const error_code& error, std::size_t) {
                             if (error) return done(outcome(error, 0));
                             take(socket, alive, done);
                           });
  }

  std::array<char, 16384> waste_{};
};

class PlainStream final : public SocketStream, public std::enable_shared_from_this<PlainStream> {
 public:
  PlainStream(asio::io_context& io, Family family, int descriptor)
      : socket_(adopt(io, family, descriptor)) {}

  void shake_hands(Moved done) override {
    asio::post(socket_.get_executor(), [done = std::move(done)] { done(1); });
  }
  void read(char* buffer, std::size_t bytes, Moved done) override {
    socket_.async_read_some(asio::buffer(buffer, bytes), tell(shared_from_this(), std::move(done)));
  }
  void write(std::string_view bytes, Moved done) override {
    socket_.async_write_some(asio::buffer(bytes.data(), bytes.size()),
                             tell(shared_from_this(), std::move(done)));
  }
  void close_gently(Moved done) override {
    error_code ignored;
    socket_.cancel(ignored);  // The read that waits; the drain takes over.
    drain_.run(socket_, shared_from_this(), std::move(done));
  }
  void close() override {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  tcp::socket socket_;
  Drain drain_;
};

class TlsStream final : public SocketStream, public std::enable_shared_from_this<TlsStream> {
 public:
  TlsStream(asio::io_context& io, std::shared_ptr<asio::ssl::context> context, Family family,
            int descriptor)
      : context_(std::move(context)), stream_(adopt(io, family, descriptor), *context_) {}

  void shake_hands(Moved done) override {
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [alive = shared_from_this(), done](const error_code& error) {
                              done(error ? std::nullopt : std::optional<std::size_t>(1));
                            });
  }
  void read(char* buffer, std::size_t bytes, Moved done) override {
    stream_.async_read_some(asio::buffer(buffer, bytes), tell(shared_from_this(), std::move(done)));
  }
  void write(std::string_view bytes, Moved done) override {
    stream_.async_write_some(asio::buffer(bytes.data(), bytes.size()),
                             tell(shared_from_this(), std::move(done)));
  }
  void close_gently(Moved done) override {
    error_code ignored;
    stream_.next_layer().cancel(ignored);
    // The read that waits has to be done before TLS may say goodbye, and its call is ahead of ours.
    asio::post(stream_.get_executor(), [this, alive = shared_from_this(), done = std::move(done)] {
      if (!stream_.next_layer().is_open()) return done(std::nullopt);
      stream_.async_shutdown([this, alive, done](const error_code&) {
        if (!stream_.next_layer().is_open()) return done(std::nullopt);
        drain_.run(stream_.next_layer(), alive, done);
      });
    });
  }
  void close() override {
    error_code ignored;
    stream_.next_layer().close(ignored);
  }

 private:
  const std::shared_ptr<asio::ssl::context> context_;
  asio::ssl::stream<tcp::socket> stream_;
  Drain drain_;
};

}  // namespace

std::shared_ptr<SocketStream> make_plain_stream(asio::io_context& io, Family family,
                                                int descriptor) {
  return std::make_shared<PlainStream>(io, family, descriptor);
}

std::shared_ptr<SocketStream> make_tls_stream(asio::io_context& io,
                                              const std::shared_ptr<asio::ssl::context>& context,
                                              Family family, int descriptor) {
  return std::make_shared<TlsStream>(io, context, family, descriptor);
}

}  // namespace ballast::http
