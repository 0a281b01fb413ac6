#pragma once

// ZeroMQ unlinks whatever lies at an ipc path before it binds there, a living listener's socket
// included. Asking first keeps two members from stealing each other's endpoint.

#include <string>

namespace ballast {

// Whether a process accepts connections at this path. `path` as in ipc://PATH ("@name": abstract).
[[nodiscard]] bool somebody_listens_at(const std::string& path);

}  // namespace ballast
