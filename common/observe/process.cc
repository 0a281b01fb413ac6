#include "common/observe/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

namespace ballast {
namespace {

std::string text_of_file(const char* path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

double number_in(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The fields of /proc/self/stat behind the name of the program, which may have anything in it;
// the first of them is number 3 in proc(5).
std::vector<std::string> stat_fields() {
  const std::string stat = text_of_file("/proc/self/stat");
  const std::size_t end = stat.rfind(')');
  std::vector<std::string> fields;
  if (end == std::string::npos) return fields;
  std::istringstream rest(stat.substr(end + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

double boot_time() {
  const std::string stat = text_of_file("/proc/stat");
  constexpr std::string_view kMark = "\nbtime ";
  const std::size_t at = stat.find(kMark);
  return at == std::string::npos ? 0 : number_in(std::string_view(stat).substr(at + kMark.size()));
}

double count_open_files() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator file("/proc/self/fd", error), end; file != end && !error;
       file.increment(error)) {
    count += 1;
  }
  return count;
}

}  // namespace

ProcessUse read_process_use() {
  const std::vector<std::string> fields = stat_fields();
  const auto field = [&](std::size_t number) {  // As proc(5) counts.
    return number - 3 < fields.size() ? number_in(fields[number - 3]) : 0.0;
  };
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  ProcessUse use;
  use.cpu_seconds = (field(14) + field(15)) / ticks;
  use.threads = field(20);
  use.start_time = boot_time() + field(22) / ticks;
  use.virtual_bytes = field(23);
  use.resident_bytes = field(24) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  use.open_files = count_open_files();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) use.files_max = static_cast<double>(limit.rlim_cur);
  return use;
}

void show_process(MetricRegistry& metrics, const std::string& role, const std::string& version) {
  metrics.gauge("ballast_build_info", "1; who this is.", {{"role", role}, {"version", version}})
      .set(1);
  Counter& cpu = metrics.counter("process_cpu_seconds_total", "User and system time spent.");
  Gauge& start = metrics.gauge("process_start_time_seconds", "When it began, since 1970.");
  Gauge& resident = metrics.gauge("process_resident_memory_bytes", "Resident memory.");
  Gauge& virtually = metrics.gauge("process_virtual_memory_bytes", "Virtual memory.");
  Gauge& threads = metrics.gauge("process_threads", "Threads.");
  Gauge& open = metrics.gauge("process_open_fds", "Open file descriptors.");
  Gauge& limit = metrics.gauge("process_max_fds", "How many may be open.");
  metrics.before_text([&] {
    const ProcessUse use = read_process_use();
    cpu.reach(use.cpu_seconds);
    start.set(use.start_time);
    resident.set(use.resident_bytes);
    virtually.set(use.virtual_bytes);
    threads.set(use.threads);
    open.set(use.open_files);
    limit.set(use.files_max);
  });
}

}  // namespace ballast
