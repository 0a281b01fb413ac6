#pragma once

// How a process has its metrics shown by the process that started it (common/runtime/processes.h):
// a job's coordinator by the service, a job's member by its agent. Each packet on a socket that it
// was given is the whole text as of now; the latest counts, so one that finds no room is dropped.

#include <memory>
#include <string>

#include "common/base/result.h"

namespace ballast {

// The option by which it is told the socket's number.
inline constexpr const char* kMetricsOption = "--metrics-fd";
inline constexpr std::size_t kMetricsBytesMax = std::size_t{192} << 10;  // Of a packet.

// One thread.
class MetricRelay {
 public:
  // Takes the descriptor over.
  [[nodiscard]] static Result<std::unique_ptr<MetricRelay>> open(int descriptor);
  ~MetricRelay();
  MetricRelay(const MetricRelay&) = delete;
  MetricRelay& operator=(const MetricRelay&) = delete;

  // Never waits. An error will not pass: the process that looked is gone, or the text is too long.
  [[nodiscard]] Status say(const std::string& text) const;

 private:
  explicit MetricRelay(int descriptor) : descriptor_(descriptor) {}
  const int descriptor_;
};

}  // namespace ballast
