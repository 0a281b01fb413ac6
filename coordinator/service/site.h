#pragma once

// Where a service's jobs run: its store, its state directory, and the processes of jobs.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/observe/log.h"
#include "common/runtime/processes.h"
#include "coordinator/service/places.h"
#include "coordinator/service/store.h"

namespace ballast {

// Who waits for an answer of the service. Any thread.
class Answers {
 public:
  using Tell = std::function<void(const Answer&)>;
  [[nodiscard]] Ticket expect(Tell tell);
  // Nobody is told when it is asked for no more.
  void give(const Answer& answer);

 private:
  std::mutex mutex_;
  Ticket last_ = 0;  // Guarded by mutex_, as the next one.
  std::map<Ticket, Tell> waiting_;
};

struct ServiceSiteOptions {
  std::vector<std::string> listen;  // Of job coordinators, by slot.
  JobProcessOptions process;        // But for where it listens.
};

// One thread calls it.
class ServiceSite {
 public:
  // REQUIRES: everything given by reference outlives this.
  ServiceSite(ServiceSiteOptions options, JobPlaces places, JobStore& store, Processes& processes,
              Answers& answers, Log& log)
      : options_(std::move(options)),
        places_(std::move(places)),
        store_(store),
        processes_(processes),
        answers_(answers),
        log_(log) {}

  [[nodiscard]] ServiceOutcome operator()(ServiceJob&& job);

 private:
  [[nodiscard]] ServiceOutcome run(const KeepJobs& job);
  [[nodiscard]] ServiceOutcome run(const StartJob& job);
  [[nodiscard]] ServiceOutcome run(const EndJob& job);
  [[nodiscard]] ServiceOutcome run(const RemoveJobFiles& job);
  [[nodiscard]] ServiceOutcome run(const Answer& job);

  const ServiceSiteOptions options_;
  const JobPlaces places_;
  JobStore& store_;
  Processes& processes_;
  Answers& answers_;
  Log& log_;
};

}  // namespace ballast
