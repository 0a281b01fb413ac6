#include "coordinator/service/api.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "common/job/json_text.h"
#include "common/storage/files.h"
#include "coordinator/dashboard/page.h"
#include "coordinator/service/api_files.h"
#include "coordinator/service/api_json.h"
#include "coordinator/service/api_runs.h"
#include "coordinator/service/openapi.h"

namespace ballast {
namespace {

using http::Access;
using http::Method;
using http::Reply;
using http::Request;
using http::Response;

constexpr const char* kPrefix = "/api/v1";
constexpr std::uint64_t kSubmissionBytesMax = std::uint64_t{4} << 20;
constexpr std::size_t kPartBytesMax = std::size_t{1} << 20;
constexpr std::size_t kJobsMax = 1000;  // Of one answer.

unsigned status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::conflict:
      return 409;
    case ErrorCode::unavailable:
      return 503;
    case ErrorCode::io:
      return 507;
    default:
      return 422;
  }
}

const char* word_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::io:
      return "storage";
    default:
      return "invalid";
  }
}

void refuse(Reply reply, const Error& error) {
  std::move(reply).fail(status_of(error.code), word_of(error.code), error.message);
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// A number in the query, or `otherwise` where there is none; nothing: it is no number.
std::optional<std::uint64_t> number_in(const Request& request, const std::string& name,
                                       std::uint64_t otherwise) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return otherwise;
  return number<std::uint64_t>(found->second);
}

std::string text_in(const Request& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? "" : found->second;
}

Response json_response(std::string body, unsigned status = 200) {
  Response response;
  response.status = status;
  response.body = std::move(body) + "\n";
  return response;
}

// Without tokens everybody may do everything.
bool may_change(const http::Caller& caller, const JobRecord& job) {
  return caller.name.empty() || caller.access == Access::admin || caller.name == job.request.owner;
}

bool is_run_name(std::string_view text) {
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

bool is_digest(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

ServiceApi::ServiceApi(ApiOptions options, JobPlaces places, const ServiceBoard& board,
                       Answers& answers, std::function<void(ServiceOutcome)> give)
    : options_(std::move(options)),
      places_(std::move(places)),
      board_(board),
      answers_(answers),
      give_(std::move(give)),
      feed_(board, places_),
      tasks_({[](std::function<int()>&& task) { return task(); },
              [](std::function<int()>&& task) { return task(); }},
             [] {}) {}

// ---- routes -------------------------------------------------------------------------------------

http::Route ServiceApi::route(Method method, std::string pattern, Access access, Handle handle) {
  return {.method = method,
          .pattern = std::move(pattern),
          .access = access,
          .handle = [this, handle](Request request, Reply reply) {
            (this->*handle)(std::move(request), std::move(reply));
          }};
}

http::Route ServiceApi::job_route(Method method, const std::string& rest, Access access,
                                  HandleJob handle) {
  return {.method = method,
          .pattern = std::string(kPrefix) + "/jobs/{id}" + rest,
          .access = access,
          .handle = [this, handle, method](const Request& request, Reply reply) {
            const std::string& text = request.parameter("id");
            const auto id = number<std::uint64_t>(text);
            const SharedJob job = id ? board_.view()->job(JobId{*id}) : nullptr;
            if (job == nullptr) {
              return std::move(reply).fail(404, "not_found", "there is no job " + text);
            }
            const bool changes = method != Method::get;
            if (changes && !may_change(request.caller, *job)) {
              return std::move(reply).fail(
                  403, "forbidden",
                  fmt::format("job {} is {}'s; only they and admins may change it", text,
                              job->request.owner));
            }
            (this->*handle)(*job, request, std::move(reply));
          }};
}

std::vector<http::Route> ServiceApi::routes() {
  const std::string prefix = kPrefix;
  std::vector<http::Route> routes = {
      route(Method::get, "/", Access::open, &ServiceApi::dashboard),
      route(Method::get, "/healthz", Access::open, &ServiceApi::healthy),
      route(Method::get, "/readyz", Access::open, &ServiceApi::healthy),
      route(Method::get, prefix + "/openapi.json", Access::open, &ServiceApi::document),
      route(Method::get, prefix + "/service", Access::view, &ServiceApi::service),
      route(Method::get, prefix + "/members", Access::view, &ServiceApi::members),
      route(Method::get, prefix + "/events", Access::view, &ServiceApi::all_events),
      route(Method::get, prefix + "/jobs", Access::view, &ServiceApi::jobs),
      route(Method::post, prefix + "/jobs", Access::submit, &ServiceApi::submit),
      route(Method::get, prefix + "/uploads/{sha256}", Access::submit, &ServiceApi::has_upload),
      route(Method::put, prefix + "/uploads/{sha256}", Access::submit, &ServiceApi::upload),
      job_route(Method::get, "", Access::view, &ServiceApi::job),
      job_route(Method::remove, "", Access::submit, &ServiceApi::remove),
      job_route(Method::post, "/cancel", Access::submit, &ServiceApi::cancel),
      job_route(Method::post, "/resume", Access::submit, &ServiceApi::resume),
      job_route(Method::get, "/status", Access::view, &ServiceApi::status),
      job_route(Method::get, "/log", Access::view, &ServiceApi::log),
      job_route(Method::get, "/history", Access::view, &ServiceApi::history),
      job_route(Method::get, "/metrics", Access::view, &ServiceApi::metrics),
      job_route(Method::get, "/events", Access::view, &ServiceApi::events),
      job_route(Method::get, "/runs", Access::view, &ServiceApi::runs),
      job_route(Method::get, "/checkpoints", Access::view, &ServiceApi::checkpoints),
      job_route(Method::get, "/files", Access::view, &ServiceApi::files),
      job_route(Method::get, "/files/{path...}", Access::view, &ServiceApi::file),
  };
  for (http::Route& route : routes) {
    if (route.method == Method::post && route.pattern == prefix + "/jobs") {
      route.body = http::Body::memory;
      route.body_bytes_max = kSubmissionBytesMax;
    } else if (route.method == Method::put) {
      route.body = http::Body::file;
      route.body_bytes_max = options_.upload_bytes_max;
    }
  }
  return routes;
}

// ---- the service --------------------------------------------------------------------------------

void ServiceApi::healthy(Request, Reply reply) {
  const auto quiet = std::chrono::duration_cast<std::chrono::seconds>(board_.quiet_for());
  if (quiet > options_.quiet_max) {
    return std::move(reply).fail(503, "stuck",
                                 fmt::format("the service has not turned for {} s", quiet.count()));
  }
  std::move(reply).send(json_response(R"({"status": "ok"})"));
}

void ServiceApi::document(Request, Reply reply) {
  std::move(reply).send(json_response(std::string(kOpenApi)));
}

void ServiceApi::dashboard(Request, Reply reply) {
  Response response;
  response.type = "text/html; charset=utf-8";
  response.body = kDashboardPage;
  response.etag = kDashboardDigest;
  // Styles are those of the page and of its plots; a script is ours or does not run.
  response.fields = {
      {"Content-Security-Policy",
       fmt::format(
           "default-src 'none'; script-src '{}'; style-src 'unsafe-inline'; img-src data:; "
           "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
           kDashboardScript)},
      {"Cache-Control", "no-cache"}};
  std::move(reply).send(std::move(response));
}

void ServiceApi::service(Request request, Reply reply) {
  std::move(reply).send(
      json_response(service_json(*board_.view(), options_.version, request.caller)));
}

void ServiceApi::members(Request, Reply reply) {
  std::move(reply).send(json_response(members_json(*board_.view())));
}

void ServiceApi::all_events(Request, Reply reply) {
  feed_.watch_all(std::move(reply).begin_events());
}

void ServiceApi::jobs(Request request, Reply reply) {
  const auto after = number_in(request, "after", 0);
  const auto limit = number_in(request, "limit", JobQuery{}.limit);
  const std::string state = text_in(request, "state");
  if (!after || !limit || *limit == 0 || *limit > kJobsMax) {
    return std::move(reply).fail(
        400, "invalid",
        fmt::format("expected whole numbers for after and limit, and limit from 1 to {}",
                    kJobsMax));
  }
  if (!state.empty() && !job_state_named(state)) {
    return std::move(reply).fail(400, "invalid",
                                 "state: expected queued, running, cancelling, done, unfinished, "
                                 "failed or cancelled, saw \"" +
                                     state + "\"");
  }
  std::move(reply).send(json_response(
      jobs_json(*board_.view(), {state, text_in(request, "owner"), *after, std::size_t{*limit}})));
}

void ServiceApi::submit(Request request, Reply reply) {
  auto asked = job_request_from_json(request.body);
  if (!asked) return refuse(std::move(reply), asked.error());
  asked->owner = request.caller.name;
  asked->key = request.field("Idempotency-Key");
  for (const JobFileEntry& file : asked->files) {
    if (path_exists(places_.upload(file.sha256))) continue;
    return refuse(std::move(reply),
                  {ErrorCode::not_found,
                   fmt::format("files: \"{}\" is not uploaded; PUT it to {}/uploads/{} first",
                               file.path, kPrefix, file.sha256)});
  }
  ask(std::move(reply), 201, [&](Ticket ticket) { return SubmitJob{ticket, *std::move(asked)}; });
}

void ServiceApi::ask(Reply reply, unsigned status_done,
                     const std::function<ServiceOutcome(Ticket)>& outcome) {
  const auto waiting = std::make_shared<Reply>(std::move(reply));
  const Ticket ticket = answers_.expect([waiting, status_done](const Answer& answer) {
    if (!answer.error.empty()) return refuse(std::move(*waiting), {answer.code, answer.error});
    if (answer.job == nullptr) return std::move(*waiting).send(Response{.status = 204, .body = ""});
    Response response = json_response(job_json(*answer.job, JobDetail::row), status_done);
    response.fields.push_back(
        {"Location", fmt::format("{}/jobs/{}", kPrefix, index(answer.job->id))});
    std::move(*waiting).send(std::move(response));
  });
  give_(outcome(ticket));
}

// ---- uploads ------------------------------------------------------------------------------------

void ServiceApi::has_upload(Request request, Reply reply) {
  const std::string& digest = request.parameter("sha256");
  if (!is_digest(digest) || !path_exists(places_.upload(digest))) {
    return std::move(reply).fail(404, "not_found", "there is no upload " + digest);
  }
  std::move(reply).send(json_response(fmt::format(R"({{"sha256": "{}"}})", digest)));
}

void ServiceApi::upload(Request request, Reply reply) {
  const std::string digest = request.parameter("sha256");
  const auto task =
      std::make_shared<std::pair<Request, Reply>>(std::move(request), std::move(reply));
  static_cast<void>(tasks_.take());  // They come to nothing.
  tasks_.give([this, task, digest] {
    auto& [asked, open] = *task;
    if (asked.upload->sha256() != digest) {
      std::move(open).fail(422, "invalid",
                           "the body has the SHA-256 " + asked.upload->sha256() +
                               ", and not that of the address; send it again");
      return 0;
    }
    if (const Status kept = asked.upload->keep_as(places_.upload(digest)); !kept) {
      refuse(std::move(open), kept.error());
      return 0;
    }
    std::move(open).send(json_response(fmt::format(R"({{"sha256": "{}"}})", digest), 201));
    return 0;
  });
}

// ---- a job --------------------------------------------------------------------------------------

void ServiceApi::job(const JobRecord& job, const Request&, Reply reply) {
  std::move(reply).send(json_response(job_json(job, JobDetail::whole)));
}

void ServiceApi::status(const JobRecord& job, const Request&, Reply reply) {
  const auto report = board_.report(job.id);
  if (!report) {
    return std::move(reply).fail(
        409, "conflict",
        is_under_way(job.state)
            ? "its coordinator does not answer yet: it prepares data, or is being started"
            : fmt::format("job {} is {}: no coordinator runs", index(job.id), name_of(job.state)));
  }
  std::move(reply).send(json_response(report_json(*report)));
}

void ServiceApi::send_part(const std::string& path, const std::string& type, const Request& request,
                           Reply reply) {
  const auto offset = number_in(request, "offset", 0);
  if (!offset) {
    return std::move(reply).fail(400, "invalid", "expected a whole number for offset");
  }
  const auto tail = number_in(request, "tail", 0);
  if (!tail || *tail > kPartBytesMax || (*tail != 0 && *offset != 0)) {
    return std::move(reply).fail(
        400, "invalid",
        fmt::format("expected either offset or tail, and tail up to {}", kPartBytesMax));
  }
  TextPart part =
      *tail == 0 ? read_part(path, *offset, kPartBytesMax) : read_tail(path, std::size_t{*tail});
  Response response;
  response.type = type;
  response.body = std::move(part.text);
  response.fields = {{"Ballast-Next-Offset", std::to_string(part.next)},
                     {"Cache-Control", "no-store"}};
  std::move(reply).send(std::move(response));
}

void ServiceApi::log(const JobRecord& job, const Request& request, Reply reply) {
  send_part(places_.log(job.id), "text/plain; charset=utf-8", request, std::move(reply));
}

void ServiceApi::history(const JobRecord& job, const Request& request, Reply reply) {
  std::string directory = places_.run(job.id);
  if (const std::string run = text_in(request, "run"); !run.empty()) {
    if (!is_run_name(run)) {
      return std::move(reply).fail(400, "invalid",
                                   "run: expected a name as /runs has it, saw \"" + run + "\"");
    }
    directory = join_path(join_path(directory, "runs"), run);
  }
  send_part(join_path(directory, "history.jsonl"), "application/x-ndjson", request,
            std::move(reply));
}

void ServiceApi::metrics(const JobRecord& job, const Request&, Reply reply) {
  for (const char* name : {"metrics.json", "cv.json"}) {
    const auto text = read_file(join_path(places_.run(job.id), name));
    if (text) return std::move(reply).send(json_response(*text));
  }
  std::move(reply).fail(
      409, "conflict",
      fmt::format("job {} is {}: it has no final metrics", index(job.id), name_of(job.state)));
}

void ServiceApi::send_later(Reply reply, std::function<Result<std::string>()> json) {
  const auto task = std::make_shared<std::pair<Reply, std::function<Result<std::string>()>>>(
      std::move(reply), std::move(json));
  static_cast<void>(tasks_.take());  // They come to nothing.
  tasks_.give([task] {
    auto& [open, make] = *task;
    const auto text = make();
    if (!text) {
      refuse(std::move(open), text.error());
    } else {
      std::move(open).send(json_response(*text));
    }
    return 0;
  });
}

void ServiceApi::runs(const JobRecord& job, const Request&, Reply reply) {
  send_later(std::move(reply), [request = job.request, output = places_.run(job.id)] {
    return runs_json(request, output);
  });
}

void ServiceApi::checkpoints(const JobRecord& job, const Request&, Reply reply) {
  send_later(std::move(reply), [output = places_.run(job.id)]() -> Result<std::string> {
    nlohmann::ordered_json json = {{"checkpoints", nlohmann::ordered_json::array()}};
    for (const CheckpointFile& checkpoint : checkpoints_in(output)) {
      json["checkpoints"].push_back({{"timeline", checkpoint.timeline},
                                     {"step", checkpoint.step},
                                     {"bytes", checkpoint.bytes},
                                     {"written_at", checkpoint.written_at}});
    }
    return json_text(json, -1, BadUtf8::replace);
  });
}

void ServiceApi::files(const JobRecord& job, const Request&, Reply reply) {
  const auto files = result_files(places_.run(job.id));
  if (!files) return refuse(std::move(reply), files.error());
  nlohmann::ordered_json json = {{"files", nlohmann::ordered_json::array()}};
  for (const ResultFile& file : *files) {
    json["files"].push_back({{"path", file.path}, {"bytes", file.bytes}});
  }
  std::move(reply).send(json_response(json_text(json, -1, BadUtf8::replace)));
}

void ServiceApi::file(const JobRecord& job, const Request& request, Reply reply) {
  const std::string& path = request.parameter("path");
  const std::string full = join_path(places_.run(job.id), path);
  if (!is_result_file(path) || !file_bytes(full)) {
    return std::move(reply).fail(404, "not_found",
                                 fmt::format("job {} has no file \"{}\"", index(job.id), path));
  }
  std::move(reply).send(
      http::FileResponse{.path = full, .type = media_type_of(path), .name = "", .etag = ""});
}

void ServiceApi::events(const JobRecord& job, const Request& request, Reply reply) {
  const std::string last(request.last_event_id());
  feed_.watch(job.id, std::move(reply).begin_events(), last);
}

void ServiceApi::cancel(const JobRecord& job, const Request&, Reply reply) {
  ask(std::move(reply), 202, [&](Ticket ticket) { return CancelJob{ticket, job.id}; });
}

void ServiceApi::resume(const JobRecord& job, const Request&, Reply reply) {
  ask(std::move(reply), 202, [&](Ticket ticket) { return ResumeJob{ticket, job.id}; });
}

void ServiceApi::remove(const JobRecord& job, const Request&, Reply reply) {
  ask(std::move(reply), 204, [&](Ticket ticket) { return RemoveJob{ticket, job.id}; });
}

}  // namespace ballast
