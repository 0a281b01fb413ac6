#include "common/http/server.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>  // Boost 1.74 needs it before Asio.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/http/connection.h"
#include "common/http/listen_address.h"
#include "common/http/tls.h"
#include "common/storage/files.h"

namespace ballast::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

std::int64_t unix_time() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// "Sun, 06 Nov 1994 08:49:37 GMT", whatever the locale.
std::string http_date(std::int64_t time) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = time;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[parts.tm_wday], parts.tm_mday,
                     kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                     parts.tm_sec);
}

std::string text_of(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

// How far it may be reached: the rule of all our links, in cli/links.h.
Status check_reach(const HttpOptions& options, const ListenAddress& listen,
                   const std::vector<Route>& routes) {
  const auto invalid = [&](const std::string& what) {
    return Error{ErrorCode::invalid, "address '" + options.listen + "': " + what};
  };
  if (options.certificate.empty() != options.key.empty()) {
    return invalid("a certificate and its key belong together; give both or neither");
  }
  if (listen.is_loopback || options.insecure) return {};
  if (options.certificate.empty()) {
    return invalid(
        "without a certificate only this machine may be reached (127.0.0.1 or [::1]); give a "
        "certificate and its key, or allow it to be insecure if everybody on the network may read "
        "along");
  }
  bool needs_tokens = false;
  for (const Route& route : routes) needs_tokens |= route.access != Access::open;
  if (needs_tokens && options.tokens.empty()) {
    return invalid(
        "without tokens only this machine may be reached (127.0.0.1 or [::1]); give a file of "
        "tokens, or allow it to be insecure if everybody on the network may ask it for anything");
  }
  return {};
}

}  // namespace

// To the server's thread while it is there.
class ServerMailbox final : public Mailbox {
 public:
  ServerMailbox(asio::io_context& io, std::function<void(Address, Letter)> take)
      : io_(&io), take_(std::move(take)) {}

  void deliver(Address to, Letter letter) override {
    post([this, to, letter = std::move(letter)]() mutable { take_(to, std::move(letter)); });
  }
  template <class Call>
  void post(Call call) {
    const std::lock_guard lock(mutex_);
    if (io_ != nullptr) asio::post(*io_, std::move(call));
  }
  void close() {
    const std::lock_guard lock(mutex_);
    io_ = nullptr;
  }

 private:
  std::mutex mutex_;
  asio::io_context* io_;  // Guarded by mutex_.
  const std::function<void(Address, Letter)> take_;
};

struct HttpServer::Inside {
  Inside(HttpOptions the_options, std::vector<Route> routes, Log& the_log, LogSource the_source)
      : options(std::move(the_options)),
        log(the_log),
        source(std::move(the_source)),
        router(std::move(routes)) {}

  [[nodiscard]] Status open(const ListenAddress& listen);
  [[nodiscard]] Status prepare_uploads() const;
  void accept();
  void on_accepted(tcp::socket socket);
  void greet(tcp::socket socket);
  void begin_stop();
  void remove(std::uint64_t id);
  void end_if_empty();
  void say(LogLevel level, const std::string& text) const { log.write(level, source, text); }
  void log_served(const Served& served) const;
  [[nodiscard]] const std::string& date();

  const HttpOptions options;
  Log& log;
  const LogSource source;
  const Router router;
  std::optional<Gate> gate;
  std::optional<Site> site;
  std::optional<TlsFiles> tls;
  std::int64_t tls_checked = 0;
  std::pair<std::int64_t, std::string> date_at{0, ""};
  std::string url;
  std::uint16_t port = 0;

  std::atomic<std::uint64_t> connection_count{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> turned_away{0};

  // After all that its handlers use: it goes first, and they with it.
  asio::io_context io{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work{io.get_executor()};
  tcp::acceptor acceptor{io};
  asio::steady_timer patience{io};  // Of accepting, and of stopping.
  std::map<std::uint64_t, std::shared_ptr<Connection>> connections;
  std::uint64_t last_id = 0;
  bool is_stopping = false;
  std::shared_ptr<ServerMailbox> mailbox;
  std::thread thread;
};

Status HttpServer::Inside::prepare_uploads() const {
  if (options.uploads.empty()) return {};
  if (Status made = make_directories(options.uploads); !made) return made;
  return Upload::remove_leftovers(options.uploads);
}

Status HttpServer::Inside::open(const ListenAddress& listen) {
  const auto cannot = [&](const error_code& error) {
    const bool is_taken = error == asio::error::address_in_use;
    return Error{is_taken ? ErrorCode::conflict : ErrorCode::io,
                 "cannot listen at " + options.listen + ": " + error.message()};
  };
  const tcp::endpoint endpoint(asio::ip::make_address(listen.address), listen.port);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return cannot(error);
  acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (listen.is_ipv6) acceptor.set_option(asio::ip::v6_only(listen.address != "::"), error);
  acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) return cannot(error);
  port = acceptor.local_endpoint().port();
  const std::string host = listen.is_ipv6 ? "[" + listen.address + "]" : listen.address;
  url = (tls ? "https://" : "http://") + host + ":" + std::to_string(port);
  return {};
}

void HttpServer::Inside::accept() {
  acceptor.async_accept([this](const error_code& error, tcp::socket socket) {
    if (is_stopping) return;
    if (!error) {
      on_accepted(std::move(socket));
      return accept();
    }
    // Mostly no descriptors are left: some come back when connections go.
    say(LogLevel::warning, "cannot accept a connection: " + error.message());
    patience.expires_after(std::chrono::seconds(1));
    patience.async_wait([this](const error_code& cancelled) {
      if (!cancelled && !is_stopping) accept();
    });
  });
}

void HttpServer::Inside::on_accepted(tcp::socket socket) {
  accepted += 1;
  if (connections.size() < options.limits.connections_max) return greet(std::move(socket));
  turned_away += 1;
  if (tls) return;
  constexpr std::string_view kFull =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n";
  error_code ignored;  // A courtesy: it may fail, and it must not wait.
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(kFull.data(), kFull.size()), ignored);
}

void HttpServer::Inside::greet(tcp::socket socket) {
  error_code error;
  const tcp::endpoint remote = socket.remote_endpoint(error);
  if (error) return;  // It has gone already.
  const std::int64_t now = unix_time();
  if (tls && std::exchange(tls_checked, now) != now) {
    if (const Status refreshed = tls->refresh(); !refreshed) {
      say(LogLevel::error, refreshed.error().message + "; the certificate from before stays");
    }
  }
  const Family family =
      socket.local_endpoint(error).address().is_v6() ? Family::ipv6 : Family::ipv4;
  const int descriptor = socket.release(error);
  if (error) return;
  auto stream = tls ? make_tls_stream(io, tls->context(), family, descriptor)
                    : make_plain_stream(io, family, descriptor);
  const std::uint64_t id = ++last_id;
  auto connection = std::make_shared<Connection>(
      io, *site, std::move(stream),
      Connection::Options{
          .id = id,
          .peer = text_of(remote.address()),
          .mailbox = mailbox,
          .gone = [this](std::uint64_t gone) { asio::post(io, [this, gone] { remove(gone); }); },
          .report = [this](const std::string& what) { say(LogLevel::error, what); }});
  connections.emplace(id, connection);
  connection_count = connections.size();
  connection->start();
}

void HttpServer::Inside::remove(std::uint64_t id) {
  connections.erase(id);
  connection_count = connections.size();
  end_if_empty();
}

void HttpServer::Inside::begin_stop() {
  is_stopping = true;
  error_code ignored;
  acceptor.close(ignored);
  for (const auto& [id, connection] : connections) connection->stop();
  patience.expires_after(options.grace);
  patience.async_wait([this](const error_code& cancelled) {
    if (cancelled) return;
    for (const auto& [id, connection] : connections) connection->close();
  });
  end_if_empty();
}

void HttpServer::Inside::end_if_empty() {
  if (is_stopping && connections.empty()) io.stop();
}

const std::string& HttpServer::Inside::date() {
  const std::int64_t now = unix_time();
  if (date_at.first != now) date_at = {now, http_date(now)};
  return date_at.second;
}

void HttpServer::Inside::log_served(const Served& served) const {
  const bool is_read = served.method == "GET" || served.method == "HEAD";
  LogLevel level = is_read ? LogLevel::debug : LogLevel::info;
  if (served.status >= 500 || !served.trouble.empty()) level = LogLevel::warning;
  if (!log.shows(level)) return;
  say(level, fmt::format("http: {} {} from {}{}: {} in {:.1f} ms, request {}{}", served.method,
                         served.target.substr(0, 200), served.peer,
                         served.caller.empty() ? "" : " (" + served.caller + ")", served.status,
                         std::chrono::duration<double, std::milli>(served.took).count(),
                         served.request_id, served.trouble.empty() ? "" : ": " + served.trouble));
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpOptions options,
                                                      std::vector<Route> routes, Log& log,
                                                      LogSource source) {
  const auto listen = parse_listen_address(options.listen);
  if (!listen) return listen.error();
  if (Status allowed = check_reach(options, *listen, routes); !allowed) return allowed.error();
  auto inside =
      std::make_unique<Inside>(std::move(options), std::move(routes), log, std::move(source));
  Inside* const self = inside.get();
  const HttpOptions& set = self->options;
  GateOptions gate{
      .tokens = {},
      .is_local = listen->is_loopback,
      .rate = {.per_second = set.limits.requests_per_second, .burst = set.limits.requests_burst},
      .unix_time = unix_time,
      .report = [self](const std::string& what) { self->say(LogLevel::error, what); }};
  if (!set.tokens.empty()) {
    auto tokens = TokenFile::open(set.tokens);
    if (!tokens) return tokens.error();
    gate.tokens = *std::move(tokens);
  }
  self->gate.emplace(std::move(gate));
  if (!set.certificate.empty()) {
    auto tls = TlsFiles::open(set.certificate, set.key);
    if (!tls) return tls.error();
    self->tls = *std::move(tls);
  }
  if (Status ready = self->prepare_uploads(); !ready) return ready.error();
  if (Status opened = self->open(*listen); !opened) return opened.error();

  self->site.emplace(Site{.router = self->router,
                          .gate = *self->gate,
                          .limits = set.limits,
                          .uploads = set.uploads,
                          .date = [self] { return self->date(); },
                          .on_served =
                              [self](const Served& served) {
                                self->log_served(served);
                                if (self->options.on_served) self->options.on_served(served);
                              }});
  self->mailbox = std::make_shared<ServerMailbox>(self->io, [self](Address to, Letter letter) {
    const auto found = self->connections.find(to.connection);
    if (found != self->connections.end()) found->second->deliver(to.exchange, std::move(letter));
  });
  self->accept();
  self->thread = std::thread([self] { self->io.run(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(inside)));
}

HttpServer::HttpServer(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}

HttpServer::~HttpServer() { stop(); }

const std::string& HttpServer::url() const { return inside_->url; }
std::uint16_t HttpServer::port() const { return inside_->port; }

void HttpServer::post(std::function<void()> call) { inside_->mailbox->post(std::move(call)); }

void HttpServer::stop() {
  if (!inside_->thread.joinable()) return;
  asio::post(inside_->io, [inside = inside_.get()] { inside->begin_stop(); });
  inside_->thread.join();
  inside_->mailbox->close();
}

HttpCounters HttpServer::counters() const {
  return {.connections = inside_->connection_count,
          .accepted = inside_->accepted,
          .turned_away = inside_->turned_away};
}

}  // namespace ballast::http
