#include "common/net/zmq_context.h"

#include <zmq.h>

#include <cerrno>

#include "common/base/check.h"

namespace ballast {

ZmqContext::ZmqContext(int io_threads) : handle_(zmq_ctx_new()) {
  BALLAST_CHECK(handle_ != nullptr);
  zmq_ctx_set(handle_, ZMQ_IO_THREADS, io_threads);
  zmq_ctx_set(handle_, ZMQ_MAX_SOCKETS, zmq_ctx_get(handle_, ZMQ_SOCKET_LIMIT));
}

ZmqContext::~ZmqContext() {
  while (zmq_ctx_term(handle_) != 0 && errno == EINTR) {
  }
}

}  // namespace ballast
