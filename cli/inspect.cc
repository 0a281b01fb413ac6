// ballast inspect: what is in a model, a run's directory or a checkpoint, with its digest.

#include <fmt/core.h>

#include <memory>
#include <utility>

#include "cli/job_file.h"
#include "cli/model_directory.h"
#include "cli/verbs.h"
#include "common/base/address.h"
#include "common/base/sha256.h"
#include "common/job/names.h"
#include "common/math/blas.h"
#include "common/remote/open_store.h"
#include "common/storage/checkpoints.h"
#include "common/storage/files.h"
#include "common/storage/safetensors.h"

namespace ballast {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  std::string text;
  for (const std::uint64_t size : shape) {
    text += (text.empty() ? "" : " x ") + std::to_string(size);
  }
  return text;
}

Status inspect_tensors(const std::string& path) {
  const auto file = SafetensorsReader::open(path, Trust::structure);
  if (!file) return file.error();
  const auto digest = sha256_of_file(path);
  if (!digest) return digest.error();
  fmt::print("{}\n", path);
  std::uint64_t numbers = 0;
  for (const auto& [name, tensor] : (*file)->tensors()) {
    std::uint64_t count = 1;
    for (const std::uint64_t size : tensor.shape) count *= size;
    if (tensor.type == TensorType::f32) numbers += count;
    fmt::print("  {:<32} {:<4} {}\n", name, tensor.type == TensorType::f32 ? "f32" : "u64",
               shape_text(tensor.shape));
  }
  fmt::print("  {} numbers\ndigest  {}\n", numbers, *digest);
  return {};
}

Status inspect_model(const std::string& directory) {
  const auto model = open_model_directory(directory);
  if (!model) return model.error();
  fmt::print("model   {}\nstep    {}\nkernels {}\n", model->run.name, model->step,
             to_string(model->family));
  if (!model->run.classes.empty()) {
    std::string classes;
    for (const std::string& name : model->run.classes) {
      classes += (classes.empty() ? "" : ", ") + name;
    }
    fmt::print("classes {}\n", classes);
  }
  if (model->threshold) {
    fmt::print("threshold {} ({} {:.6f}, chosen on {})\n", model->threshold->value,
               name_of(model->threshold->metric), model->threshold->score,
               name_of(model->threshold->source));
  }
  return inspect_tensors(join_path(directory, "model.safetensors"));
}

Status inspect_checkpoints(const std::string& directory) {
  auto store = open_checkpoint_store(directory, OpenMode::existing, "");
  if (!store) return store.error();
  const auto names = list_checkpoints(**store);
  if (!names) return names.error();
  fmt::print("checkpoints in {}\n", directory);
  if (names->empty()) fmt::print("  none yet\n");
  bool whole = true;
  for (const CheckpointName& name : *names) {
    const auto manifest = read_manifest(**store, name);
    Status state = manifest ? verify_checkpoint(**store, *manifest) : Status(manifest.error());
    if (!state) {
      whole = false;
      fmt::print("  {:<28} damaged: {}\n", to_string(name), state.error().message);
      continue;
    }
    std::uint64_t bytes = 0;
    std::uint64_t records = 0;
    for (const SnapshotFile& file : manifest->files) {
      bytes += file.bytes;
      records += file.records;
    }
    fmt::print("  {:<28} timeline {}  step {}  {} rows and blocks  {} bytes  whole\n",
               to_string(name), manifest->timeline, manifest->step, records, bytes);
  }
  if (whole) return {};
  return Error{ErrorCode::corrupt, directory +
                                       ": damaged checkpoints; a resume uses the newest "
                                       "one that is whole"};
}

Status inspect_run(const std::string& directory) {
  const auto job = read_job_file(directory);
  if (!job) return job.error();
  fmt::print("run     {} (not finished; go on with: ballast resume {})\n", job->run.name,
             directory);
  fmt::print("steps   {} of {} examples\n", job->run.steps, job->run.batch);
  return inspect_checkpoints(checkpoints_of(directory, job->run));
}

Status inspect(const std::string& path) {
  if (is_address(path)) return inspect_checkpoints(path);
  if (ends_with(path, ".safetensors")) return inspect_tensors(path);
  if (path_exists(join_path(path, "model.json"))) {
    if (const Status model = inspect_model(path); !model) return model;
    if (!path_exists(checkpoints_of(path))) return {};
    return inspect_checkpoints(checkpoints_of(path));
  }
  if (path_exists(join_path(path, "job.json"))) return inspect_run(path);
  if (const auto files = list_files(path); files) {
    for (const std::string& name : *files) {
      if (parse_checkpoint_name(name)) return inspect_checkpoints(path);
    }
  }
  return Error{ErrorCode::not_found,
               path +
                   ": expected a .safetensors file, the output directory of a run, or a "
                   "directory of checkpoints"};
}

}  // namespace

void add_inspect(CLI::App& app, Chosen& chosen) {
  const auto path = std::make_shared<std::string>();
  CLI::App* verb =
      app.add_subcommand("inspect", "What is in a model or in checkpoints, with its digest");
  verb->add_option("PATH", *path, "A run's directory, a .safetensors file, or checkpoints")
      ->required();
  verb->footer(
      "\nExamples\n"
      "  ballast inspect runs/digits                      the model and its checkpoints\n"
      "  ballast inspect runs/digits/checkpoints          whether each is whole\n"
      "  ballast inspect runs/digits/model.safetensors    its tensors");
  verb->callback([path, &chosen] {
    chosen = [path] {
      const Status done = inspect(*path);
      return done ? 0 : user_mistake(done.error().message);
    };
  });
}

}  // namespace ballast
