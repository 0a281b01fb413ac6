#include "coordinator/service/probe.h"

#include <mutex>
#include <thread>
#include <utility>

#include "common/net/zmq_transport.h"
#include "common/runtime/host.h"
#include "common/runtime/member_id.h"

namespace ballast {
namespace job_probe {

// Its own coordinator's words: no member of the run, and never in anybody's way.
class StatusListener {
 public:
  struct Job {};
  struct Outcome {};

  explicit StatusListener(std::function<void(std::string json)> heard) : heard_(std::move(heard)) {}

  void step(Time now, Input<Outcome> input, Effects<Job>& effects) {
    if (auto* const received = std::get_if<Received>(&input)) {
      if (auto* const report = std::get_if<wire::StatusReport>(&received->message.body)) {
        heard_(std::move(report->json));
      }
    }
    if (std::holds_alternative<StopAsked>(input)) {
      effects.exit = Exit{};
      return;
    }
    if (now >= ask_at_) {
      effects.send(kCoordinator, wire::AskStatus{});
      ask_at_ = now + std::chrono::seconds(1);
    }
    effects.wake_at = ask_at_;
  }

 private:
  const std::function<void(std::string)> heard_;
  Time ask_at_{};
};

}  // namespace job_probe

using job_probe::StatusListener;

struct JobProbe::Asking {
  Asking(ZmqContext& context, const ProbeLinks& links, const std::string& endpoint, Log& log)
      : transport(make_zmq_transport(context, {.self = self,
                                               .keys = links.keys,
                                               .reach = links.reach,
                                               .linger = std::chrono::milliseconds(0)})),
        listener([this](std::string json) {
          const std::lock_guard lock(mutex);
          latest = JobReport{std::move(json), std::chrono::steady_clock::now()};
        }),
        host(listener, *transport, log, {.self = self, .role = "service", .threads = 0}) {
    if (const Status done = transport->connect(kCoordinator, endpoint); !done) {
      log.write(LogLevel::error, {"service", kCoordinator}, done.error().message);
    }
    thread = std::thread([this] { static_cast<void>(host.run()); });
  }
  ~Asking() {
    host.stop();
    thread.join();
  }

  const MemberId self = fresh_member_id();
  std::unique_ptr<Transport> transport;
  std::mutex mutex;
  std::optional<JobReport> latest;  // Guarded by mutex.
  StatusListener listener;
  Host<StatusListener> host;
  std::thread thread;
};

JobProbe::JobProbe(ZmqContext& context, const ProbeLinks& links, const std::string& endpoint,
                   Log& log)
    : asking_(std::make_unique<Asking>(context, links, endpoint, log)) {}

JobProbe::~JobProbe() = default;

std::optional<JobReport> JobProbe::latest() const {
  const std::lock_guard lock(asking_->mutex);
  return asking_->latest;
}

}  // namespace ballast
