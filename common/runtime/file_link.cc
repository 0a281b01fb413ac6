#include "common/runtime/file_link.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "common/storage/files.h"
#include "common/wire/codec.h"

namespace ballast {
namespace {

using Clock = std::chrono::steady_clock;

Error lost(const std::string& what) {
  return {ErrorCode::unavailable, what + ": the coordinator does not answer"};
}

}  // namespace

std::optional<wire::Files> FileLink::wait_for(std::uint64_t request, Clock::time_point until) {
  while (true) {
    while (std::optional<TransportEvent> event = transport_->next()) {
      auto* const delivery = std::get_if<Delivery>(&*event);
      if (delivery == nullptr) continue;  // It connects again by itself.
      Result<wire::Message> message = wire::decode(delivery->frames);
      if (!message) continue;  // As if it had been lost.
      auto* const files = std::get_if<wire::Files>(&message->body);
      if (files != nullptr && files->request == request) return std::move(*files);
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    if (left.count() <= 0) return std::nullopt;
    pollfd readable{transport_->descriptor(), POLLIN, 0};
    static_cast<void>(::poll(&readable, 1, static_cast<int>(left.count())));
  }
}

Result<wire::Files> FileLink::ask(wire::AskFiles ask) {
  ask.request = ++request_;
  const Clock::time_point give_up = Clock::now() + options_.give_up;
  const wire::Message message{options_.self, std::move(ask), 0, options_.run};
  while (Clock::now() < give_up) {
    static_cast<void>(transport_->send(kCoordinator, wire::encode(message)));
    auto files = wait_for(request_, std::min(give_up, Clock::now() + options_.again));
    if (!files) continue;
    if (files->error.empty()) return std::move(*files);
    return Error{files->may_pass ? ErrorCode::unavailable : ErrorCode::invalid,
                 "from the coordinator: " + files->error};
  }
  return lost("the run's files");
}

Result<std::vector<wire::FileEntry>> FileLink::list(wire::FilesPlace place) {
  auto files = ask({.verb = wire::FilesVerb::list, .place = place, .files = {}});
  if (!files) return files.error();
  return std::move(files->files);
}

Status FileLink::fetch(wire::FilesPlace place, const std::string& name, const std::string& path) {
  auto file = OpenFile::create_temporary(path);
  if (!file) return file.error();
  const std::string temporary = (*file)->path();
  const auto fail = [&](const Error& error) -> Status {
    static_cast<void>(remove_file(temporary));  // The first error is the one to tell.
    return error;
  };
  std::uint64_t size = 1;  // Until it is known.
  for (std::uint64_t offset = 0; offset < size;) {
    const auto part = ask({.verb = wire::FilesVerb::read,
                           .place = place,
                           .files = {{name, 0}},
                           .offset = offset,
                           .bytes = options_.part_bytes});
    if (!part) return fail(part.error());
    size = part->files.size() == 1 ? part->files[0].bytes : 0;
    if (size > offset && part->data.size() == 0) {
      return fail({ErrorCode::corrupt, name + ": the coordinator sends no more of it"});
    }
    if (const Status put = (*file)->write_at(offset, part->data.span()); !put) {
      return fail(put.error());
    }
    offset += part->data.size();
  }
  const Status renamed = rename(temporary, path);
  return renamed ? renamed : fail(renamed.error());
}

Status FileLink::fetch_all(wire::FilesPlace place, const std::string& directory) {
  if (path_exists(directory)) return {};
  const auto files = list(place);
  if (!files) return files.error();
  const std::string temporary = directory + ".tmp-" + std::to_string(::getpid());
  if (const Status gone = remove_directory(temporary); !gone) return gone;
  if (const Status made = make_directories(temporary); !made) return made;
  for (const wire::FileEntry& file : *files) {
    const Status fetched = fetch(place, file.name, join_path(temporary, file.name));
    if (!fetched) {
      static_cast<void>(remove_directory(temporary));  // The first error is the one to tell.
      return fetched;
    }
  }
  const Status renamed = rename(temporary, directory);
  if (renamed || !path_exists(directory)) return renamed;
  return remove_directory(temporary);  // Another process was quicker.
}

Status FileLink::send(const std::string& path, const std::string& name) {
  const auto file = MappedFile::open(path);
  if (!file) return file.error();
  const std::span<const std::byte> bytes = (*file)->bytes();
  std::uint64_t offset = 0;
  do {
    const std::size_t count = std::min<std::size_t>(options_.part_bytes, bytes.size() - offset);
    const auto sent = ask({.verb = wire::FilesVerb::write,
                           .place = wire::FilesPlace::checkpoints,
                           .files = {{name, bytes.size()}},
                           .offset = offset,
                           .data = Bytes::copy(bytes.subspan(offset, count))});
    if (!sent) return sent.error();
    offset += count;
  } while (offset < bytes.size());
  return {};
}

Status FileLink::keep(std::vector<wire::FileEntry> files) {
  const auto kept = ask({.verb = wire::FilesVerb::keep,
                         .place = wire::FilesPlace::checkpoints,
                         .files = std::move(files)});
  if (!kept) return kept.error();
  return {};
}

}  // namespace ballast
