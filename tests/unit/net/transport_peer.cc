// A member to be killed: connects to the endpoint given, says one word as the member given, and
// waits until its standard input ends or it is killed.

#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "common/net/zmq_transport.h"

int main(int count, char** arguments) {
  using namespace ballast;
  if (count != 3) return 2;
  ZmqContext context;
  const MemberId self{std::strtoull(arguments[2], nullptr, 10)};
  auto transport = make_zmq_transport(context, {.self = self});
  if (!transport->connect(kCoordinator, arguments[1])) return 1;
  transport->send(kCoordinator, {Bytes::copy(std::string_view("alive"))});
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}
