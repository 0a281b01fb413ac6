#pragma once

// Lines for people and for log collectors: on stderr, or in a file. Logging decides nothing; cores
// hand out notes and their host writes them here. Made once in main() and passed along.
//
// Thread-safe.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/ids.h"
#include "common/base/member_text.h"
#include "common/base/result.h"

namespace ballast {

enum class LogLevel { debug, info, warning, error, off };
enum class LogForm {
  text,  // 2024-05-01 12:00:00.123 warning worker 00c0ffee00c0ffee: ... [run 1 step 42]
  json,  // {"time": ..., "level": ..., "role": ..., "member": ..., "job": ..., "run": ..., ...}
};

struct LogOptions {
  LogLevel level = LogLevel::info;
  LogForm form = LogForm::text;
  std::string file{};     // Appended to. Empty: stderr.
  std::uint64_t job = 0;  // Of a service, that this process is for; 0: none.
};

// Who speaks. The coordinator has no number to tell it apart.
struct LogSource {
  std::string role;
  MemberId member{};
};

// What is spoken of, as far as one is known.
struct LogPlace {
  std::optional<RunId> run{};
  std::optional<Step> step{};
};

class Log {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Log>> open(const LogOptions& options);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  [[nodiscard]] bool shows(LogLevel level) const;
  void write(LogLevel level, const LogSource& source, std::string_view text,
             const LogPlace& place = {});

 private:
  struct Sink;  // Keeps spdlog out of everybody's headers.
  Log(const LogOptions& options, std::unique_ptr<Sink> sink);

  const LogForm form_;
  const std::uint64_t job_;
  const std::unique_ptr<Sink> sink_;
};

// "text", "json".
[[nodiscard]] Result<LogForm> parse_log_form(std::string_view text);
// "debug", "info", "warning", "error", "off".
[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view text);

}  // namespace ballast
