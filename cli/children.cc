#include "cli/children.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <thread>
#include <utility>

namespace ballast {
namespace {

// A child that dies again and again is started less and less often.
constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{5000};
constexpr std::chrono::seconds kGrace{5};

// Between fork and exec: only what POSIX calls async-signal-safe.
[[noreturn]] void become(const std::vector<char*>& arguments, pid_t parent) {
  // Ctrl-C in the terminal is for the parent, which stops its children in good order.
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(3);  // It died before it could be watched.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execv("/proc/self/exe", arguments.data());
  _exit(127);
}

int open_pidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace

struct Children::Watch {
  struct Running {
    Child child;
    pid_t pid = -1;
    std::unique_ptr<boost::asio::posix::stream_descriptor> exited;
    std::unique_ptr<boost::asio::steady_timer> pause;
    std::chrono::milliseconds next_pause = kFirstPause;
    std::chrono::steady_clock::time_point started;
  };

  Log& log;
  const LogSource source{"launcher", MemberId{}};
  std::function<void(const std::string&)> failed;
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work =
      boost::asio::make_work_guard(io);
  std::map<std::size_t, Running> running;
  std::size_t next = 0;
  bool over = false;
  boost::asio::steady_timer grace{io};
  // PR_SET_PDEATHSIG follows the thread that forked, so one thread that lives as long as the
  // process's children forks them all.
  std::thread thread;

  Watch(Log& l, std::function<void(const std::string&)> f) : log(l), failed(std::move(f)) {
    thread = std::thread([this] { io.run(); });
  }

  void start(std::size_t id) {
    Running& entry = running[id];
    std::vector<std::string> words = {"ballast"};
    words.insert(words.end(), entry.child.arguments.begin(), entry.child.arguments.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) become(arguments, parent);
    if (pid < 0) {
      log.write(LogLevel::error, source,
                "cannot start " + entry.child.name + ": " + std::strerror(errno));
      restart_later(id);
      return;
    }
    setpgid(pid, pid);
    entry.pid = pid;
    entry.started = std::chrono::steady_clock::now();
    entry.exited = std::make_unique<boost::asio::posix::stream_descriptor>(io, open_pidfd(pid));
    entry.exited->async_wait(boost::asio::posix::descriptor_base::wait_read,
                             [this, id](const boost::system::error_code& error) {
                               if (!error) on_exit(id);
                             });
  }

  void on_exit(std::size_t id) {
    Running& entry = running[id];
    int status = 0;
    while (waitpid(entry.pid, &status, 0) < 0 && errno == EINTR) {
    }
    entry.pid = -1;
    entry.exited.reset();
    if (over) {
      running.erase(id);
      if (running.empty()) grace.cancel();
      return;
    }
    const bool mistake = WIFEXITED(status) && WEXITSTATUS(status) == 2;
    const std::string how = WIFSIGNALED(status)
                                ? "killed by signal " + std::to_string(WTERMSIG(status))
                                : "exited with code " + std::to_string(WEXITSTATUS(status));
    if (mistake) {
      if (failed) std::exchange(failed, nullptr)(entry.child.name);
      return;
    }
    log.write(LogLevel::warning, source, entry.child.name + " " + how + "; starting it again");
    restart_later(id);
  }

  void restart_later(std::size_t id) {
    Running& entry = running[id];
    const auto lived = std::chrono::steady_clock::now() - entry.started;
    entry.next_pause =
        lived > kLongestPause ? kFirstPause : std::min(entry.next_pause * 2, kLongestPause);
    entry.pause = std::make_unique<boost::asio::steady_timer>(io, entry.next_pause);
    entry.pause->async_wait([this, id](const boost::system::error_code& error) {
      if (!error && !over) start(id);
    });
  }

  void end() {
    over = true;
    std::erase_if(running, [](const auto& entry) { return entry.second.pid < 0; });
    for (const auto& [id, entry] : running) kill(entry.pid, SIGTERM);
    grace.expires_after(kGrace);
    grace.async_wait([this](const boost::system::error_code&) {
      for (const auto& [id, entry] : running) {
        kill(entry.pid, SIGKILL);
        waitpid(entry.pid, nullptr, 0);
      }
      work.reset();
      io.stop();
    });
    if (running.empty()) grace.cancel();
  }
};

Children::Children(Log& log, std::function<void(const std::string&)> failed)
    : watch_(std::make_unique<Watch>(log, std::move(failed))) {}

Children::~Children() {
  boost::asio::post(watch_->io, [this] { watch_->end(); });
  watch_->thread.join();
}

void Children::start(Child child) {
  boost::asio::post(watch_->io, [this, child = std::move(child)] {
    const std::size_t id = watch_->next++;
    watch_->running[id].child = child;
    watch_->start(id);
  });
}

void Children::wind_down() {
  boost::asio::post(watch_->io, [this] { watch_->over = true; });
}

}  // namespace ballast
