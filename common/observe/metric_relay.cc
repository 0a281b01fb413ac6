#include "common/observe/metric_relay.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ballast {

Result<std::unique_ptr<MetricRelay>> MetricRelay::open(int descriptor) {
  int type = 0;
  socklen_t size = sizeof(type);
  const bool is_ours =
      ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
  if (!is_ours) {
    return Error{ErrorCode::invalid, std::string(kMetricsOption) + " " +
                                         std::to_string(descriptor) +
                                         ": expected the number of a socket that was inherited "
                                         "for it; leave it out, it is for processes that a "
                                         "service or an agent starts"};
  }
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);  // It is not for what this process starts.
  return std::unique_ptr<MetricRelay>(new MetricRelay(descriptor));
}

MetricRelay::~MetricRelay() { ::close(descriptor_); }

Status MetricRelay::say(const std::string& text) const {
  if (text.size() > kMetricsBytesMax) {
    return Error{ErrorCode::invalid, "has " + std::to_string(text.size()) +
                                         " bytes of metrics, more than the " +
                                         std::to_string(kMetricsBytesMax) + " that are passed on"};
  }
  const ssize_t sent = ::send(descriptor_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {};
  return Error{ErrorCode::io, std::string("cannot pass its metrics on: ") + std::strerror(errno)};
}

}  // namespace ballast
