#include "common/observe/log.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace ballast {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      break;
  }
  return spdlog::level::off;
}

constexpr const char* kTextPattern = "%Y-%m-%d %H:%M:%S.%e %^%-7l%$ %v";
// The text is the rest of the object, quoted already.
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})";

std::string json_string(std::string_view text) {
  // What is not UTF-8 (a path, a peer's words) is shown as replacement characters.
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string rest_of_json(const LogSource& source, std::string_view text, std::uint64_t job,
                         const LogPlace& place) {
  std::string rest = "\"role\":" + json_string(source.role);
  if (source.member != kCoordinator) rest += ",\"member\":\"" + to_string(source.member) + "\"";
  if (job != 0) rest += ",\"job\":" + std::to_string(job);
  if (place.run) rest += ",\"run\":" + std::to_string(index(*place.run));
  if (place.step) rest += ",\"step\":" + std::to_string(*place.step);
  return rest + ",\"text\":" + json_string(text);
}

// " [job 12 run 1 step 42]", as far as there is any.
std::string place_of_text(std::uint64_t job, const LogPlace& place) {
  std::string text;
  if (job != 0) text += " job " + std::to_string(job);
  if (place.run) text += " run " + std::to_string(index(*place.run));
  if (place.step) text += " step " + std::to_string(*place.step);
  return text.empty() ? text : " [" + text.substr(1) + "]";
}

std::string line_of_text(const LogSource& source, std::string_view text, std::uint64_t job,
                         const LogPlace& place) {
  std::string line = source.role;
  if (source.member != kCoordinator) line += " " + to_string(source.member);
  line += ": ";
  line += text;
  line += place_of_text(job, place);
  for (char& c : line) {
    if (c == '\n' || c == '\r') c = ' ';  // One note, one line, whatever a peer wrote into it.
  }
  return line;
}

}  // namespace

struct Log::Sink {
  spdlog::logger logger;
};

Result<std::unique_ptr<Log>> Log::open(const LogOptions& options) try {
  spdlog::sink_ptr sink;
  if (options.file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  } else {
    sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
  }
  auto own = std::make_unique<Sink>(Sink{spdlog::logger("ballast", std::move(sink))});
  own->logger.set_level(to_spdlog(options.level));
  own->logger.set_pattern(options.form == LogForm::json ? kJsonPattern : kTextPattern);
  own->logger.flush_on(options.file.empty() ? spdlog::level::debug : spdlog::level::warn);
  return std::unique_ptr<Log>(new Log(options, std::move(own)));
} catch (const spdlog::spdlog_ex& exception) {
  return Error{ErrorCode::io, "cannot write the log file " + options.file + ": " +
                                  exception.what() + "; name another one or none"};
}

Log::Log(const LogOptions& options, std::unique_ptr<Sink> sink)
    : form_(options.form), job_(options.job), sink_(std::move(sink)) {}

Log::~Log() { sink_->logger.flush(); }

bool Log::shows(LogLevel level) const { return sink_->logger.should_log(to_spdlog(level)); }

void Log::write(LogLevel level, const LogSource& source, std::string_view text,
                const LogPlace& place) {
  if (!shows(level)) return;
  const std::string line = form_ == LogForm::json ? rest_of_json(source, text, job_, place)
                                                  : line_of_text(source, text, job_, place);
  sink_->logger.log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

Result<LogForm> parse_log_form(std::string_view text) {
  if (text == "text") return LogForm::text;
  if (text == "json") return LogForm::json;
  return Error{ErrorCode::invalid, "log form '" + std::string(text) + "': expected text or json"};
}

Result<LogLevel> parse_log_level(std::string_view text) {
  if (text == "debug") return LogLevel::debug;
  if (text == "info") return LogLevel::info;
  if (text == "warning") return LogLevel::warning;
  if (text == "error") return LogLevel::error;
  if (text == "off") return LogLevel::off;
  return Error{ErrorCode::invalid, "log level '" + std::string(text) +
                                       "': expected debug, info, warning, error or off"};
}

}  // namespace ballast
