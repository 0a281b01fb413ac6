#include "coordinator/service/feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "common/storage/files.h"
#include "coordinator/service/api_files.h"
#include "coordinator/service/api_json.h"

namespace ballast {
namespace {

constexpr std::chrono::milliseconds kBeat{500};
constexpr std::size_t kLinesBytesMax = std::size_t{64} << 10;

// How far a client has what grows: "1234-567" as the number of an event.
using Seen = std::pair<std::uint64_t, std::uint64_t>;  // Of the log, of the history.

std::string text_of(const Seen& seen) { return fmt::format("{}-{}", seen.first, seen.second); }

// What is no such number is taken for the beginning.
Seen seen_from(std::string_view text) {
  Seen seen;
  const char* const end = text.data() + text.size();
  const auto log = std::from_chars(text.data(), end, seen.first);
  if (log.ec != std::errc() || log.ptr == end || *log.ptr != '-') return {};
  const auto history = std::from_chars(log.ptr + 1, end, seen.second);
  return history.ec == std::errc() && history.ptr == end ? seen : Seen{};
}

std::string without_last_break(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

struct Feed::Inside {
  struct Watcher {
    JobId job{};
    http::EventStream stream;
    Seen seen;
    SharedJob told;
    std::chrono::steady_clock::time_point heard;
    bool is_over = false;
  };
  struct Onlooker {
    http::EventStream stream;
    bool is_new = true;
  };
  struct Progress {
    std::chrono::steady_clock::time_point heard;
    std::string text;  // The event.
    bool is_news = true;
  };

  Inside(const ServiceBoard& b, JobPlaces p) : board(b), places(std::move(p)) {}

  void run() {
    std::unique_lock lock(mutex);
    while (!stopping) {
      wake.wait_for(lock, kBeat, [&] { return stopping; });
      watchers.splice(watchers.end(), arrived);
      onlookers.splice(onlookers.end(), arrived_onlookers);
      lock.unlock();
      turn();
      lock.lock();
      count = watchers.size() + onlookers.size();
    }
  }

  void turn() {
    parts.clear();
    const auto view = board.view();
    for (Watcher& watcher : watchers) tell(watcher, *view);
    watchers.remove_if(
        [](const Watcher& watcher) { return watcher.is_over || !watcher.stream.is_open(); });
    if (!onlookers.empty()) tell_onlookers(*view);
    onlookers.remove_if([](const Onlooker& onlooker) { return !onlooker.stream.is_open(); });
    before = view;
  }

  // Of several who are as far, the file is read once.
  const TextPart& lines(const std::string& path, std::uint64_t offset) {
    const auto [entry, is_new] = parts.try_emplace({path, offset});
    if (is_new) entry->second = read_lines(path, offset, kLinesBytesMax);
    return entry->second;
  }

  void tell(Watcher& watcher, const ServiceView& view) {
    const SharedJob job = view.job(watcher.job);
    if (job != watcher.told) {
      watcher.told = job;
      if (job != nullptr) send(watcher, "job", job_json(*job, JobDetail::row));
    }
    const bool log = tell_lines(watcher, "log", places.log(watcher.job), watcher.seen.first);
    const bool history =
        tell_lines(watcher, "history", join_path(places.run(watcher.job), "history.jsonl"),
                   watcher.seen.second);
    if (const auto report = board.report(watcher.job); report && report->heard > watcher.heard) {
      watcher.heard = report->heard;
      send(watcher, "status", report_json(*report));
    }
    const bool has_all = !log && !history;
    if (has_all && (job == nullptr || has_ended(job->state))) {
      send(watcher, "end", "{}");
      watcher.is_over = true;
    }
  }

  bool tell_lines(Watcher& watcher, const char* name, const std::string& path,
                  std::uint64_t& offset) {
    const TextPart& part = lines(path, offset);
    if (part.text.empty()) return false;
    offset = part.next;
    send(watcher, name, without_last_break(part.text));
    return true;
  }

  static void send(Watcher& watcher, const char* name, std::string data) {
    watcher.stream.send({text_of(watcher.seen), name, std::move(data)});
  }

  void tell_onlookers(const ServiceView& view) {
    const bool changed = before.get() != &view;
    update_progress();
    std::string all;
    std::string news;
    if (changed && before != nullptr) news = changes(view);
    for (const auto& [job, last] : progress) {
      if (last.is_news) news += last.text;
    }
    for (Onlooker& onlooker : onlookers) {
      if (onlooker.is_new) {
        if (all.empty()) all = everything(view);
        onlooker.stream.send_text(all);
        onlooker.is_new = false;
      } else if (!news.empty()) {
        onlooker.stream.send_text(news);
      }
    }
  }

  void update_progress() {
    std::map<JobId, Progress> now;
    for (const JobId job : board.asked()) {
      const auto report = board.report(job);
      if (!report) continue;
      Progress& last = now[job] = std::move(progress[job]);
      last.is_news = report->heard > last.heard;
      if (!last.is_news) continue;
      last.heard = report->heard;
      last.text = http::text_of({"", "progress", progress_json(job, *report)});
    }
    progress = std::move(now);
  }

  std::string everything(const ServiceView& view) const {
    std::string text = http::text_of({"", "jobs", jobs_json(view, {})}) + overview(view);
    for (const auto& [job, last] : progress) text += last.text;
    return text;
  }

  static std::string overview(const ServiceView& view) {
    return http::text_of({"", "counts", counts_json(view)}) +
           http::text_of({"", "members", members_json(view)});
  }

  // Rows of the jobs that are other than before, and which have gone.
  std::string changes(const ServiceView& view) const {
    ServiceView changed;
    std::string text;
    for (const auto& [id, job] : view.jobs) {
      if (before->job(id) != job) changed.jobs[id] = job;
    }
    for (const auto& [id, job] : before->jobs) {
      if (!view.jobs.contains(id)) {
        text += http::text_of({"", "removed", fmt::format("{{\"id\": {}}}", index(id))});
      }
    }
    if (!changed.jobs.empty()) {
      text += http::text_of({"", "jobs", jobs_json(changed, {.limit = changed.jobs.size()})});
    }
    return text + overview(view);
  }

  const ServiceBoard& board;
  const JobPlaces places;
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;  // Guarded by mutex, as the next three.
  std::list<Watcher> arrived;
  std::list<Onlooker> arrived_onlookers;
  std::size_t count = 0;
  std::list<Watcher> watchers;  // The thread's, as all below.
  std::list<Onlooker> onlookers;
  std::shared_ptr<const ServiceView> before;
  std::map<std::pair<std::string, std::uint64_t>, TextPart> parts;
  std::map<JobId, Progress> progress;  // Of jobs under way.
  std::thread thread;
};

Feed::Feed(const ServiceBoard& board, JobPlaces places)
    : inside_(std::make_unique<Inside>(board, std::move(places))) {
  inside_->thread = std::thread([inside = inside_.get()] { inside->run(); });
}

Feed::~Feed() {
  {
    const std::lock_guard lock(inside_->mutex);
    inside_->stopping = true;
  }
  inside_->wake.notify_all();
  inside_->thread.join();
}

void Feed::watch(JobId job, http::EventStream stream, std::string_view last_event_id) {
  const std::lock_guard lock(inside_->mutex);
  inside_->arrived.push_back(
      {job, std::move(stream), seen_from(last_event_id), nullptr, {}, false});
}

void Feed::watch_all(http::EventStream stream) {
  const std::lock_guard lock(inside_->mutex);
  inside_->arrived_onlookers.push_back({std::move(stream), true});
}

std::size_t Feed::watchers() const {
  const std::lock_guard lock(inside_->mutex);
  return inside_->count + inside_->arrived.size() + inside_->arrived_onlookers.size();
}

}  // namespace ballast
