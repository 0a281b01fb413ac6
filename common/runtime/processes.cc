#include "common/runtime/processes.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "common/base/check.h"
#include "common/observe/metric_relay.h"

namespace ballast {
namespace {

// Between fork and exec: only what POSIX calls async-signal-safe.
[[noreturn]] void become(const std::vector<char*>& arguments, int log, int relay, pid_t parent) {
  // Ctrl-C in the terminal is for the parent, which stops its children in good order.
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(3);  // It died before it could be watched.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (log >= 0 && (dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)) _exit(3);
  if (relay >= 0 && fcntl(relay, F_SETFD, 0) < 0) _exit(3);
  execv("/proc/self/exe", arguments.data());
  _exit(127);
}

// A socket whose other end a process is given to say what it counts.
struct RelayEnds {
  int ours = -1;
  int theirs = -1;
  ~RelayEnds() {
    if (ours >= 0) close(ours);
    if (theirs >= 0) close(theirs);
  }
  [[nodiscard]] bool open() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return false;
    ours = ends[0];
    theirs = ends[1];
    return true;
  }
};

int open_pidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace

struct Processes::Watch {
  struct Running {
    pid_t pid = -1;
    std::unique_ptr<boost::asio::posix::stream_descriptor> exited;
    std::unique_ptr<boost::asio::posix::stream_descriptor> relay;  // Null: it is not shown.
  };
  struct Said {
    std::string text;
    std::chrono::steady_clock::time_point at;
  };

  std::function<void(Id, int)> ended;
  std::function<void(Id, const std::string&)> failed;
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work =
      boost::asio::make_work_guard(io);
  std::map<Id, Running> running;
  bool over = false;
  boost::asio::steady_timer grace{io};
  std::vector<char> packet = std::vector<char>(kMetricsBytesMax);
  std::mutex mutex;
  std::map<Id, Said> said;  // Guarded by mutex.
  // PR_SET_PDEATHSIG follows the thread that forked, so one thread that lives as long as the
  // processes forks them all.
  std::thread thread;

  void start(Id id, const ProcessOrder& order) {
    BALLAST_CHECK(!running.contains(id));
    if (over) return;
    std::vector<std::string> words = {"ballast"};
    words.insert(words.end(), order.arguments.begin(), order.arguments.end());
    RelayEnds ends;
    if (order.is_shown) {
      if (!ends.open())
        return fail(id, std::string("no socket can be had: ") + std::strerror(errno));
      words.insert(words.end(), {kMetricsOption, std::to_string(ends.theirs)});
    }
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int log = -1;
    if (!order.log.empty()) {
      log = open(order.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
      if (log < 0) return fail(id, order.log + ": cannot be written: " + std::strerror(errno));
    }
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) become(arguments, log, ends.theirs, parent);
    const int why = errno;
    if (log >= 0) close(log);
    if (pid < 0) return fail(id, std::string("no process can be started: ") + std::strerror(why));
    setpgid(pid, pid);
    Running& entry = running[id];
    entry.pid = pid;
    entry.exited = std::make_unique<boost::asio::posix::stream_descriptor>(io, open_pidfd(pid));
    entry.exited->async_wait(boost::asio::posix::descriptor_base::wait_read,
                             [this, id](const boost::system::error_code& error) {
                               if (!error) on_exit(id);
                             });
    if (!order.is_shown) return;
    entry.relay =
        std::make_unique<boost::asio::posix::stream_descriptor>(io, std::exchange(ends.ours, -1));
    listen(id);
  }

  void listen(Id id) {
    running.at(id).relay->async_wait(boost::asio::posix::descriptor_base::wait_read,
                                     [this, id](const boost::system::error_code& error) {
                                       const auto entry = running.find(id);
                                       if (error || entry == running.end() || !entry->second.relay)
                                         return;
                                       if (hear(id, entry->second.relay->native_handle()))
                                         listen(id);
                                     });
  }

  // Takes all that is there; false: the other end is closed.
  bool hear(Id id, int relay) {
    for (;;) {
      const ssize_t bytes = recv(relay, packet.data(), packet.size(), MSG_DONTWAIT);
      if (bytes == 0) return false;
      if (bytes < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
      const std::lock_guard lock(mutex);
      said[id] = {std::string(packet.data(), static_cast<std::size_t>(bytes)),
                  std::chrono::steady_clock::now()};
    }
  }

  void fail(Id id, const std::string& why) {
    failed(id, why);
    ended(id, 3);
  }

  void on_exit(Id id) {
    int status = 0;
    while (waitpid(running.at(id).pid, &status, 0) < 0 && errno == EINTR) {
    }
    running.erase(id);
    {
      const std::lock_guard lock(mutex);
      said.erase(id);
    }
    if (over) {
      if (running.empty()) grace.cancel();
      return;
    }
    ended(id, WIFSIGNALED(status) ? exit_code_of_signal(WTERMSIG(status)) : WEXITSTATUS(status));
  }

  void end() {
    over = true;
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

Processes::Processes(std::function<void(Id, int)> ended,
                     std::function<void(Id, const std::string&)> failed)
    : watch_(std::make_unique<Watch>()) {
  watch_->ended = std::move(ended);
  watch_->failed = std::move(failed);
  watch_->thread = std::thread([watch = watch_.get()] { watch->io.run(); });
}

Processes::~Processes() {
  boost::asio::post(watch_->io, [this] { watch_->end(); });
  watch_->thread.join();
}

void Processes::start(Id id, ProcessOrder order) {
  boost::asio::post(watch_->io, [this, id, order = std::move(order)] { watch_->start(id, order); });
}

void Processes::signal(Id id, int signal) {
  boost::asio::post(watch_->io, [this, id, signal] {
    const auto entry = watch_->running.find(id);
    if (entry != watch_->running.end()) kill(entry->second.pid, signal);
  });
}

std::map<Processes::Id, std::string> Processes::shown() const {
  const auto since = std::chrono::steady_clock::now() - kShownFor;
  std::map<Id, std::string> texts;
  const std::lock_guard lock(watch_->mutex);
  for (const auto& [id, said] : watch_->said) {
    if (said.at >= since) texts[id] = said.text;
  }
  return texts;
}

void Processes::call_after(std::chrono::milliseconds delay, std::function<void()> call) {
  boost::asio::post(watch_->io, [this, delay, call = std::move(call)] {
    auto timer = std::make_shared<boost::asio::steady_timer>(watch_->io, delay);
    timer->async_wait([timer, call](const boost::system::error_code& error) {
      if (!error) call();
    });
  });
}

}  // namespace ballast
