#include "cli/children.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <utility>

#include "common/runtime/machine.h"
#include "common/runtime/processes.h"

namespace ballast {
namespace {

// A child that dies again and again is started less and less often.
constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{5000};
constexpr int kSignalled = exit_code_of_signal(0);

}  // namespace

struct Children::Watch {
  struct Entry {
    Child child;
    std::chrono::milliseconds next_pause = kFirstPause;
    std::chrono::steady_clock::time_point started;
  };

  Watch(Log& l, std::function<void(const std::string&)> f) : log(l), failed(std::move(f)) {}

  void start(Processes::Id id) {
    const std::lock_guard lock(mutex);
    if (over) return;
    Entry& entry = entries.at(id);
    entry.started = std::chrono::steady_clock::now();
    processes.start(id, {.arguments = entry.child.arguments, .log = "", .is_shown = false});
  }

  void on_exit(Processes::Id id, int code) {
    const std::lock_guard lock(mutex);
    if (over) return;
    Entry& entry = entries.at(id);
    if (code == static_cast<int>(ExitCode::user_error)) {
      if (failed) std::exchange(failed, nullptr)(entry.child.name);
      return;
    }
    // 130 is what a child itself exits with that was interrupted.
    const bool was_killed = code > kSignalled && code != static_cast<int>(ExitCode::interrupted);
    log.write(LogLevel::warning, source,
              entry.child.name +
                  (was_killed ? " killed by signal " + std::to_string(code - kSignalled)
                              : " exited with code " + std::to_string(code)) +
                  "; starting it again");
    const auto lived = std::chrono::steady_clock::now() - entry.started;
    entry.next_pause =
        lived > kLongestPause ? kFirstPause : std::min(entry.next_pause * 2, kLongestPause);
    processes.call_after(entry.next_pause, [this, id] { start(id); });
  }

  Log& log;
  const LogSource source{"launcher", MemberId{}};
  std::mutex mutex;  // Guards everything up to `processes`, which guards itself.
  std::function<void(const std::string&)> failed;
  std::map<Processes::Id, Entry> entries;
  Processes::Id next = 0;
  bool over = false;
  Processes processes{[this](Processes::Id id, int code) { on_exit(id, code); },
                      [this](Processes::Id id, const std::string& why) {
                        const std::lock_guard lock(mutex);
                        log.write(LogLevel::error, source,
                                  "cannot start " + entries.at(id).child.name + ": " + why);
                      }};
};

Children::Children(Log& log, std::function<void(const std::string& name)> failed)
    : watch_(std::make_unique<Watch>(log, std::move(failed))) {}

Children::~Children() { wind_down(); }

void Children::start(Child child) {
  Processes::Id id = 0;
  {
    const std::lock_guard lock(watch_->mutex);
    id = watch_->next++;
    watch_->entries[id].child = std::move(child);
  }
  watch_->start(id);
}

void Children::wind_down() {
  const std::lock_guard lock(watch_->mutex);
  watch_->over = true;
}

}  // namespace ballast
