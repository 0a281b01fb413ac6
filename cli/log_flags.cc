#include "cli/log_flags.h"

namespace ballast {

void add_log(CLI::App& verb, LogFlags& flags) {
  verb.add_option("--log-level", flags.level, "debug, info, warning, error or off")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}))
      ->capture_default_str();
  verb.add_option("--log", flags.form,
                  "text, or json: an object a line with time, level, role, text and, where they "
                  "are known, member, job, run and step")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  verb.add_option("--log-job", flags.job)->group("");  // Services and agents say it.
}

Result<std::unique_ptr<Log>> open_log(const LogFlags& flags) {
  const auto level = parse_log_level(flags.level);
  if (!level) return level.error();
  const auto form = parse_log_form(flags.form);
  if (!form) return form.error();
  return Log::open({.level = *level, .form = *form, .job = flags.job});
}

std::vector<std::string> words_of(const LogFlags& flags) {
  return {"--log-level", flags.level, "--log", flags.form};
}

}  // namespace ballast
