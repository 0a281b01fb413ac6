#include "common/net/zmq_curve.h"

#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/net/zmq_frame.h"

namespace ballast {
namespace {

// The address and the domain are ZeroMQ's and ours; a domain must be set for ZeroMQ to ask.
constexpr const char* kAddress = "inproc://zeromq.zap.01";
constexpr std::string_view kDomain = "ballast";

void set_text_option(void* socket, int option, std::string_view value) {
  BALLAST_CHECK(zmq_setsockopt(socket, option, value.data(), value.size()) == 0);
}

// The frames of a request, in their order.
enum Field : std::size_t { version, id, domain, address, identity, mechanism, credentials };

std::vector<std::string> receive_request(void* socket) {
  std::vector<std::string> fields;
  for (bool more = true; more;) {
    ReceivedFrame frame;
    if (!frame.receive(socket)) break;
    fields.emplace_back(frame.text());
    more = frame.has_more();
  }
  return fields;
}

void answer(void* socket, const std::string& request, std::string_view status) {
  const std::string_view fields[] = {"1.0", request, status, "", "", ""};
  for (std::size_t i = 0; i < std::size(fields); ++i) {
    const Part part = i + 1 < std::size(fields) ? Part::middle : Part::last;
    // Who asked may be gone.
    static_cast<void>(send_text(socket, fields[i], part));
  }
}

}  // namespace

void make_curve_listener(void* socket, const LinkKeys& keys) {
  set_option(socket, ZMQ_CURVE_SERVER, 1);
  set_text_option(socket, ZMQ_CURVE_SECRETKEY, keys.own.secret_key);
  set_text_option(socket, ZMQ_ZAP_DOMAIN, kDomain);
}

void make_curve_caller(void* socket, const LinkKeys& keys, const std::string& listener_key) {
  set_text_option(socket, ZMQ_CURVE_SERVERKEY, listener_key);
  set_text_option(socket, ZMQ_CURVE_PUBLICKEY, keys.own.public_key);
  set_text_option(socket, ZMQ_CURVE_SECRETKEY, keys.own.secret_key);
}

Result<std::unique_ptr<Admission>> Admission::open(ZmqContext& context, const LinkKeys& keys,
                                                   int epoll) {
  void* const socket = zmq_socket(context.handle(), ZMQ_REP);
  if (socket == nullptr || zmq_bind(socket, kAddress) != 0) {
    const int error = errno;
    if (socket != nullptr) zmq_close(socket);
    return Error{error == EADDRINUSE ? ErrorCode::conflict : ErrorCode::io,
                 std::string("cannot judge who may connect: ") + zmq_strerror(error) +
                     "; expected one listener with keys in a context"};
  }
  set_option(socket, ZMQ_LINGER, 0);
  std::unique_ptr<Admission> admission(new Admission(socket, epoll));
  if (const Status admitted = admission->admit(keys); !admitted) return admitted.error();
  return admission;
}

Status Admission::admit(const LinkKeys& keys) {
  std::set<KeyBytes> admitted;
  for (const std::string& key : keys.admitted_keys) {
    const auto bytes = key_bytes(key);
    if (!bytes) return bytes.error();
    admitted.insert(*bytes);
  }
  admitted_ = std::move(admitted);
  return {};
}

// Unbound at once, not when ZeroMQ gets round to closing it: the next listener may follow.
Admission::~Admission() { zmq_unbind(requests_.socket(), kAddress); }

std::optional<std::string> Admission::next() {
  while (true) {
    const std::vector<std::string> request = receive_request(requests_.socket());
    if (request.empty()) break;
    KeyBytes key{};
    const bool is_whole =
        request.size() == Field::credentials + 1 && request[Field::domain] == kDomain &&
        request[Field::mechanism] == "CURVE" && request[Field::credentials].size() == key.size();
    if (is_whole) std::ranges::copy(request[Field::credentials], key.begin());
    const bool admitted = is_whole && admitted_.contains(key);
    answer(requests_.socket(), request.size() > Field::id ? request[Field::id] : "",
           admitted ? "200" : "400");
    if (!admitted) return request.size() > Field::address ? request[Field::address] : "";
  }
  requests_.ready = false;
  return std::nullopt;
}

}  // namespace ballast
