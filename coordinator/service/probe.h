#pragma once

// Asks the coordinator of a job once a second what it does, for people who look at a service.

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "common/net/endpoint.h"
#include "common/net/keys.h"
#include "common/net/zmq_context.h"
#include "common/observe/log.h"

namespace ballast {

struct JobReport {
  std::string json;  // coordinator/status.h
  std::chrono::steady_clock::time_point heard;
};

// What a link to the coordinators of jobs needs.
struct ProbeLinks {
  std::optional<LinkKeys> keys;
  Reach reach = Reach::loopback;
};

class JobProbe {
 public:
  // REQUIRES: context and log outlive this.
  JobProbe(ZmqContext& context, const ProbeLinks& links, const std::string& endpoint, Log& log);
  ~JobProbe();
  JobProbe(const JobProbe&) = delete;
  JobProbe& operator=(const JobProbe&) = delete;

  // The latest; nothing: it has not answered yet. Any thread.
  [[nodiscard]] std::optional<JobReport> latest() const;

 private:
  struct Asking;
  const std::unique_ptr<Asking> asking_;
};

}  // namespace ballast
