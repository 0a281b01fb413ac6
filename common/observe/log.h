#pragma once

// Lines for people and for log collectors: on stderr, or in a file. Logging decides nothing; cores
// hand out notes and their host writes them here. Made once in main() and passed along.
//
// Thread-safe.

#include <memory>
#include <string>
#include <string_view>

#include "common/base/ids.h"
#include "common/base/member_text.h"
#include "common/base/result.h"

namespace ballast {

enum class LogLevel { debug, info, warning, error, off };
enum class LogForm {
  text,  // 2024-05-01 12:00:00.123 warning worker 00c0ffee00c0ffee: ...
  json,  // {"time": ..., "level": ..., "role": ..., "member": ..., "text": ...}, one a line
};

struct LogOptions {
  LogLevel level = LogLevel::info;
  LogForm form = LogForm::text;
  std::string file{};  // Appended to. Empty: stderr.
};

// Who speaks. The coordinator has no number to tell it apart.
struct LogSource {
  std::string role;
  MemberId member{};
};

class Log {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Log>> open(const LogOptions& options);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  [[nodiscard]] bool shows(LogLevel level) const;
  void write(LogLevel level, const LogSource& source, std::string_view text);

 private:
  struct Sink;  // Keeps spdlog out of everybody's headers.
  Log(LogForm form, std::unique_ptr<Sink> sink);

  const LogForm form_;
  const std::unique_ptr<Sink> sink_;
};

// "debug", "info", "warning", "error", "off".
[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view text);

}  // namespace ballast
