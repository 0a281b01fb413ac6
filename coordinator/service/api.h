#pragma once

// The HTTP API of a service (docs/api.md): what people ask for becomes outcomes of the service's
// machine, what they look at comes from its board and from the files of jobs.
//
// Handlers are called on the HTTP server's thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/http/router.h"
#include "common/runtime/pool.h"
#include "coordinator/service/board.h"
#include "coordinator/service/feed.h"
#include "coordinator/service/places.h"
#include "coordinator/service/site.h"

namespace ballast {

struct ApiOptions {
  std::string version;
  std::uint64_t upload_bytes_max = std::uint64_t{1} << 40;
  // The service's thread is woken every second; quiet for longer, it is not healthy.
  std::chrono::seconds quiet_max{10};
};

class ServiceApi {
 public:
  // `give` hands an outcome to the service. REQUIRES: what is given by reference outlives this, and
  // this the server that has its routes.
  ServiceApi(ApiOptions options, JobPlaces places, const ServiceBoard& board, Answers& answers,
             std::function<void(ServiceOutcome)> give);

  [[nodiscard]] std::vector<http::Route> routes();
  [[nodiscard]] std::size_t watchers() const { return feed_.watchers(); }

 private:
  using Handle = void (ServiceApi::*)(http::Request request, http::Reply reply);
  using HandleJob = void (ServiceApi::*)(const JobRecord& job, const http::Request& request,
                                         http::Reply reply);
  [[nodiscard]] http::Route route(http::Method method, std::string pattern, http::Access access,
                                  Handle handle);
  // Answers 404 where there is no such job.
  [[nodiscard]] http::Route job_route(http::Method method, const std::string& rest,
                                      http::Access access, HandleJob handle);

  void healthy(http::Request request, http::Reply reply);
  void document(http::Request request, http::Reply reply);
  void dashboard(http::Request request, http::Reply reply);
  void service(http::Request request, http::Reply reply);
  void members(http::Request request, http::Reply reply);
  void jobs(http::Request request, http::Reply reply);
  void all_events(http::Request request, http::Reply reply);
  void submit(http::Request request, http::Reply reply);
  void has_upload(http::Request request, http::Reply reply);
  void upload(http::Request request, http::Reply reply);

  void job(const JobRecord& job, const http::Request& request, http::Reply reply);
  void status(const JobRecord& job, const http::Request& request, http::Reply reply);
  void log(const JobRecord& job, const http::Request& request, http::Reply reply);
  void history(const JobRecord& job, const http::Request& request, http::Reply reply);
  void metrics(const JobRecord& job, const http::Request& request, http::Reply reply);
  void runs(const JobRecord& job, const http::Request& request, http::Reply reply);
  void checkpoints(const JobRecord& job, const http::Request& request, http::Reply reply);
  void files(const JobRecord& job, const http::Request& request, http::Reply reply);
  void file(const JobRecord& job, const http::Request& request, http::Reply reply);
  void events(const JobRecord& job, const http::Request& request, http::Reply reply);
  void cancel(const JobRecord& job, const http::Request& request, http::Reply reply);
  void resume(const JobRecord& job, const http::Request& request, http::Reply reply);
  void remove(const JobRecord& job, const http::Request& request, http::Reply reply);

  // Asks the service for something, and answers with what became of the job.
  void ask(http::Reply reply, unsigned status_done,
           const std::function<ServiceOutcome(Ticket)>& outcome);
  // Answers with what `json` comes to, off the server's thread.
  void send_later(http::Reply reply, std::function<Result<std::string>()> json);
  void send_part(const std::string& path, const std::string& type, const http::Request& request,
                 http::Reply reply);

  const ApiOptions options_;
  const JobPlaces places_;
  const ServiceBoard& board_;
  Answers& answers_;
  const std::function<void(ServiceOutcome)> give_;
  Feed feed_;
  // What waits for the disk.
  Pool<std::function<int()>, int> tasks_;
};

}  // namespace ballast
