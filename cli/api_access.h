#pragma once

// `ballast keys --kubernetes --access`: what lets people in to the API of a service on Kubernetes.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace ballast {

struct AccessOptions {
  std::string directory;  // Empty: not asked for.
  std::vector<std::string> hosts = {"localhost", "127.0.0.1", "ballast", "ballast.ballast.svc"};
};

// --access, which is returned, and --host.
CLI::Option* add_access_options(CLI::App& verb, AccessOptions& options);

// Writes an administrator's token and a certificate for the hosts into the directory, and prints
// the Secrets that deploy/k8s mounts: the token's digest; the certificate and its key.
[[nodiscard]] Status make_access(const AccessOptions& options);

}  // namespace ballast
