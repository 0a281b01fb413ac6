#pragma once

// Server-sent events of a service, to whoever watches: docs/api.md has the kinds. A client that was
// cut off says which event was its last, and misses no line of a log or a history.
//
// Any thread; one thread inside, which looks twice a second.

#include <chrono>
#include <memory>
#include <string>

#include "common/http/reply.h"
#include "coordinator/service/board.h"
#include "coordinator/service/places.h"

namespace ballast {

class Feed {
 public:
  // REQUIRES: board outlives this.
  Feed(const ServiceBoard& board, JobPlaces places);
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // Of one job, until it has ended and everything is told.
  void watch(JobId job, http::EventStream stream, std::string_view last_event_id);
  // All jobs and members.
  void watch_all(http::EventStream stream);
  [[nodiscard]] std::size_t watchers() const;

 private:
  struct Inside;
  const std::unique_ptr<Inside> inside_;
};

}  // namespace ballast
