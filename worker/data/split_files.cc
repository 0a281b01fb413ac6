#include "worker/data/split_files.h"

#include <utility>

#include "common/base/address.h"
#include "common/remote/fetcher.h"
#include "worker/data/parallel.h"
#include "worker/data/source.h"

namespace ballast {

namespace {

Fetcher make_fetcher(const LoadOptions& options) {
  Meter* const meter = options.meter;
  FetcherOptions fetch{.directory = options.cache + "/fetched"};
  if (meter != nullptr) {
    fetch.retry.tell = [meter](const std::string& sentence) { meter->notice(sentence); };
    fetch.progress = [meter](const std::string&, std::uint64_t done, std::uint64_t total) {
      meter->set(done, total);
    };
  }
  return Fetcher(std::move(fetch));
}

std::string digest_of_file(const LoadOptions& options, const std::string& address) {
  if (options.digests == nullptr) return {};
  for (const auto& [named, digest] : options.digests->sha256) {
    if (named == address) return digest;
  }
  return {};
}

// The files of one address, in order.
Status fetch_files(Fetcher& fetcher, const std::string& address, const std::string& field,
                   const LoadOptions& options, std::vector<SourceFile>& files) {
  const auto in_field = [&](const Error& error) {
    return Error{error.code, field + ": " + error.message};
  };
  const auto addresses = fetcher.expand(address);
  if (!addresses) return in_field(addresses.error());
  for (const std::string& one : *addresses) {
    if (options.meter != nullptr) options.meter->begin("fetching " + shown_address(one), 0);
    const auto path = fetcher.fetch(one, digest_of_file(options, one));
    if (!path) return in_field(path.error());
    auto content = read_source(*path);
    if (!content) return content.error();
    files.push_back({shown_address(one), *std::move(content)});
  }
  return {};
}

Result<std::vector<SourceFile>> load_files(const std::vector<std::string>& patterns,
                                           const std::string& directory, const std::string& field,
                                           const LoadOptions& options) {
  std::vector<SourceFile> files;
  Fetcher fetcher = make_fetcher(options);
  for (const std::string& pattern : patterns) {
    if (is_address(pattern)) {
      if (options.cache.empty()) {
        return Error{ErrorCode::unsupported,
                     field + ": expected a file of this machine, got " + shown_address(pattern)};
      }
      if (Status got = fetch_files(fetcher, pattern, field, options, files); !got) {
        return got.error();
      }
      continue;
    }
    auto paths = resolve_paths({pattern}, directory, field);
    if (!paths) return paths.error();
    for (std::string& path : *paths) {
      auto content = read_source(path);
      if (!content) return content.error();
      files.push_back({std::move(path), *std::move(content)});
    }
  }
  return files;
}

}  // namespace

Result<SplitFiles> load_split(const SourceSpec& source, const std::string& directory,
                              const std::string& field, const LoadOptions& options) {
  SplitFiles split;
  split.field = field;
  auto files = load_files(source.paths, directory, field, options);
  if (!files) return files.error();
  split.files = *std::move(files);
  auto labels = load_files(source.label_paths, directory, field + ".labels", options);
  if (!labels) return labels.error();
  split.labels = *std::move(labels);
  return split;
}

Status unpack_all(std::vector<SplitFiles>& splits, std::uint32_t threads) {
  std::vector<SourceFile*> files;
  for (SplitFiles& split : splits) {
    for (SourceFile& file : split.files) files.push_back(&file);
    for (SourceFile& file : split.labels) files.push_back(&file);
  }
  std::vector<Status> results(files.size());
  parallel_for(files.size(), threads, [&](std::size_t i) {
    auto content = unpack(files[i]->path, files[i]->content);
    if (content) {
      files[i]->content = *std::move(content);
    } else {
      results[i] = content.error();
    }
  });
  for (const Status& result : results) {
    if (!result) return result;
  }
  return {};
}

}  // namespace ballast
