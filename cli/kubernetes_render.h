#pragma once

// The manifests of one job on Kubernetes: a JobSet whose coordinator, servers and workers live as
// long as the job, the job's spec and data, a claim that its result is kept on, and
// NetworkPolicies.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ballast {

struct PodSize {
  std::string cpu;
  std::string memory;
};

// Goes into the pod of the coordinator, beside the spec.
struct EmbeddedFile {
  std::string path;  // Below the directory of the spec, as the spec has it.
  std::string bytes;
};
// A volume that is there already.
struct MountedClaim {
  std::string claim;
  std::string path;  // Absolute.
};

struct KubernetesJob {
  std::string name;
  std::string image;
  std::string verb;  // Of the coordinator: coordinator, cv or search.
  std::string spec;  // YAML
  std::vector<EmbeddedFile> files;
  std::vector<MountedClaim> claims;
  std::string secret;  // Its fields are the coordinator's and servers' environment; empty: none.
  std::uint32_t servers = 1;
  std::uint32_t workers = 1;
  PodSize coordinator_size;
  PodSize server_size;
  PodSize worker_size;
  std::string storage;             // Of the claim for the result.
  std::string storage_class;       // Empty: the cluster's own.
  std::string queue;               // Of Kueue; empty: none.
  std::uint32_t keep_seconds = 0;  // For how long it is there after its end.
};

// Where the spec lies in the coordinator's pod.
inline constexpr char kSpecDirectory[] = "/job";

// REQUIRES: a name of at most kJobNameMax letters, digits and hyphens.
inline constexpr std::size_t kJobNameMax = 36;
[[nodiscard]] std::string render(const KubernetesJob& job);

}  // namespace ballast
