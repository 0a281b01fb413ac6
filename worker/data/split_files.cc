#include "worker/data/split_files.h"

#include <utility>

#include "worker/data/parallel.h"
#include "worker/data/source.h"

namespace ballast {

namespace {

Result<std::vector<SourceFile>> load_files(const std::vector<std::string>& patterns,
                                           const std::string& directory, const std::string& field) {
  auto paths = resolve_paths(patterns, directory, field);
  if (!paths) return paths.error();
  std::vector<SourceFile> files;
  for (std::string& path : *paths) {
    auto content = read_source(path);
    if (!content) return content.error();
    files.push_back({std::move(path), *std::move(content)});
  }
  return files;
}

}  // namespace

Result<SplitFiles> load_split(const SourceSpec& source, const std::string& directory,
                              const std::string& field) {
  SplitFiles split;
  split.field = field;
  auto files = load_files(source.paths, directory, field);
  if (!files) return files.error();
  split.files = *std::move(files);
  auto labels = load_files(source.label_paths, directory, field + ".labels");
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
