// ballast kubernetes render: the manifests of one job, for clusters that have no service.

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <memory>
#include <utility>

#include "cli/kubernetes_render.h"
#include "cli/run_options.h"
#include "cli/verbs.h"
#include "cli/version.h"
#include "common/base/address.h"
#include "common/job/parse.h"
#include "common/storage/files.h"
#include "coordinator/service/places.h"

namespace ballast {
namespace {

namespace fs = std::filesystem;

// Of what a ConfigMap may have, 1 MiB, three quarters: the rest is what base64 adds.
constexpr std::size_t kEmbeddedBytesMax = 700 << 10;

struct RenderOptions {
  std::string spec;
  std::vector<std::string> overrides;
  std::string seed;
  std::vector<std::string> data;
  std::vector<std::string> claims;
  std::string coordinator_size = "500m:1Gi";
  std::string server_size = "1:2Gi";
  std::string worker_size = "2:2Gi";
  KubernetesJob job;
};

Error render_mistake(std::string what) { return {ErrorCode::invalid, std::move(what)}; }

// "Adult, logistic" is adult-logistic.
std::string name_from(const std::string& text) {
  std::string name;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (std::isalnum(byte) != 0 && byte < 128) {
      name += static_cast<char>(std::tolower(byte));
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  name.resize(std::min(name.size(), kJobNameMax));
  while (name.ends_with('-')) name.pop_back();
  return name;
}

Status check_name(const std::string& name) {
  if (!name.empty() && name == name_from(name) && std::isalpha(name[0]) != 0) return {};
  return render_mistake(fmt::format(
      "--name: expected a letter and then up to {} lower-case letters, digits and hyphens, saw "
      "\"{}\"",
      kJobNameMax - 1, name));
}

Result<PodSize> size_of(const char* option, const std::string& text) {
  const std::size_t colon = text.find(':');
  const auto is_quantity = [](const std::string& part) {
    return !part.empty() && std::isdigit(static_cast<unsigned char>(part[0])) != 0 &&
           std::ranges::all_of(part, [](unsigned char letter) {
             return std::isalnum(letter) != 0 || letter == '.';
           });
  };
  if (colon != std::string::npos) {
    PodSize size{.cpu = text.substr(0, colon), .memory = text.substr(colon + 1)};
    if (is_quantity(size.cpu) && is_quantity(size.memory)) return size;
  }
  return render_mistake(
      fmt::format("{}: expected CPU:MEMORY such as 2:4Gi, saw \"{}\"", option, text));
}

Status add_sizes(RenderOptions& options) {
  const std::tuple<const char*, const std::string&, PodSize&> sizes[] = {
      {"--coordinator-size", options.coordinator_size, options.job.coordinator_size},
      {"--server-size", options.server_size, options.job.server_size},
      {"--worker-size", options.worker_size, options.job.worker_size}};
  for (const auto& [option, text, place] : sizes) {
    auto size = size_of(option, text);
    if (!size) return size.error();
    place = std::move(*size);
  }
  return {};
}

Status add_claims(RenderOptions& options) {
  for (const std::string& text : options.claims) {
    const std::size_t equals = text.find('=');
    MountedClaim one;
    if (equals != std::string::npos) {
      one = {.claim = text.substr(0, equals),
             .path = (fs::path(kSpecDirectory) / text.substr(equals + 1)).lexically_normal()};
    }
    if (one.claim.empty() || one.path == "/" || one.path == kSpecDirectory) {
      return render_mistake(fmt::format(
          "--claim: expected CLAIM=PATH such as adult=data, a path as the spec has it, saw \"{}\"",
          text));
    }
    options.job.claims.push_back(std::move(one));
  }
  return {};
}

Status embed_file(KubernetesJob& job, const fs::path& base, const fs::path& path) {
  std::string name = fs::absolute(path).lexically_normal().lexically_relative(base).string();
  if (!check_job_path(name)) {
    return render_mistake(
        fmt::format("--data {}: expected files below the directory of the spec, {}", path.string(),
                    base.string()));
  }
  auto bytes = read_file(path.string());
  if (!bytes) return bytes.error();
  job.files.push_back({std::move(name), std::move(*bytes)});
  std::size_t total = job.spec.size();
  for (const EmbeddedFile& file : job.files) total += file.bytes.size();
  if (total <= kEmbeddedBytesMax) return {};
  return render_mistake(fmt::format(
      "--data: {} bytes with {}, and manifests carry {} at most; put the data on a volume "
      "(--claim), or name it by its address in the spec",
      total, job.files.back().path, kEmbeddedBytesMax));
}

Status embed_files(RenderOptions& options, const std::string& directory) {
  for (const std::string& data : options.data) {
    std::error_code error;
    if (!fs::is_directory(data, error)) {
      if (!fs::is_regular_file(data, error)) {
        return render_mistake("--data " + data + ": expected a file or a directory");
      }
      if (const Status added = embed_file(options.job, directory, data); !added) return added;
      continue;
    }
    std::vector<fs::path> files;
    for (fs::recursive_directory_iterator walk(data, error), end; !error && walk != end;
         walk.increment(error)) {
      if (walk->is_regular_file() && !fs::equivalent(*walk, options.spec)) files.push_back(*walk);
    }
    if (error) return Error{ErrorCode::io, data + ": " + error.message()};
    std::ranges::sort(files);
    for (const fs::path& path : files) {
      if (const Status added = embed_file(options.job, directory, path); !added) return added;
    }
  }
  return {};
}

// A pod sees what comes along and no more.
bool is_seen(const KubernetesJob& job, const std::string& path) {
  if (is_address(path)) return true;
  if (std::ranges::any_of(job.files, [&](const EmbeddedFile& file) {
        return ::fnmatch(path.c_str(), file.path.c_str(), FNM_PATHNAME) == 0;
      })) {
    return true;
  }
  const std::string absolute = (fs::path(kSpecDirectory) / path).lexically_normal();
  return std::ranges::any_of(job.claims, [&](const MountedClaim& claim) {
    return absolute.starts_with(claim.path + "/");
  });
}

Status check_data(const KubernetesJob& job, const DataSpec& data) {
  for (const SourceSpec* source : {&data.train, &data.validation, &data.test}) {
    for (const auto* paths : {&source->paths, &source->label_paths}) {
      for (const std::string& path : *paths) {
        if (is_seen(job, path)) continue;
        return render_mistake(fmt::format(
            "{}: the spec's data is nowhere in the manifests; expected --data for small files, "
            "--claim CLAIM=PATH for a volume that has it, or an address (https://, s3://)",
            path));
      }
    }
  }
  return {};
}

Status prepare_manifests(RenderOptions& options) {
  if (!options.seed.empty()) options.overrides.push_back("seed=" + options.seed);
  const auto spec = load_spec(options.spec, options.overrides);
  if (!spec) return spec.error();
  KubernetesJob& job = options.job;
  job.verb = spec->search ? "search" : spec->cross_validation ? "cv" : "coordinator";
  job.spec = spec->source;
  if (job.name.empty()) job.name = name_from(spec->name);
  if (const Status named = check_name(job.name); !named) return named;
  if (const Status sized = add_sizes(options); !sized) return sized;
  if (const Status added = add_claims(options); !added) return added;
  if (const Status added = embed_files(options, spec->directory); !added) return added;
  return check_data(job, spec->data);
}

void add_render_options(CLI::App& verb, RenderOptions& options) {
  KubernetesJob& job = options.job;
  job.image = fmt::format("localhost/ballast:{}", kVersion);
  job.storage = "10Gi";
  job.servers = 2;
  job.workers = 2;
  job.keep_seconds = 3600;
  verb.add_option("SPEC", options.spec, "The job spec (docs/spec.md)")->required();
  verb.add_option("--seed", options.seed, "Overrides the spec's seed")->check(whole_number());
  verb.add_option("--set", options.overrides, "Overrides a field (repeatable)")->take_all();
  verb.add_option("--name", job.name, "Of the job in the cluster; default: the spec's");
  verb.add_option("--image", job.image, "What to run")->capture_default_str();
  verb.add_option("--data", options.data,
                  "A small file, or a directory of them, below that of SPEC, to put into the "
                  "manifests (repeatable)")
      ->take_all();
  verb.add_option("--claim", options.claims,
                  "CLAIM=PATH: a PersistentVolumeClaim with data, and where the spec looks for it "
                  "(repeatable)")
      ->take_all();
  verb.add_option("--secret", job.secret,
                  "A Secret whose fields are environment of coordinator and servers: "
                  "AWS_ACCESS_KEY_ID and others, for s3://");
  verb.add_option("--servers", job.servers, "How many")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  verb.add_option("--workers", job.workers, "How many")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  verb.add_option("--coordinator-size", options.coordinator_size, "CPU:MEMORY of its pod")
      ->capture_default_str();
  verb.add_option("--server-size", options.server_size, "... of each server's")
      ->capture_default_str();
  verb.add_option("--worker-size", options.worker_size, "... of each worker's")
      ->capture_default_str();
  verb.add_option("--storage", job.storage, "Size of the claim that the result is kept on")
      ->capture_default_str();
  verb.add_option("--storage-class", job.storage_class, "Of that claim; default: the cluster's");
  verb.add_option("--queue", job.queue, "The LocalQueue of Kueue that it waits in");
  verb.add_option("--keep", job.keep_seconds,
                  "Seconds for which it can be looked at when it has ended")
      ->capture_default_str();
}

}  // namespace

void add_kubernetes(CLI::App& app, Chosen& chosen) {
  CLI::App* group = app.add_subcommand("kubernetes", "Write manifests for Kubernetes");
  group->require_subcommand(1);
  const auto options = std::make_shared<RenderOptions>();
  CLI::App* verb = group->add_subcommand(
      "render", "Print the manifests of one job that ends and cleans up (a JobSet)");
  add_render_options(*verb, *options);
  verb->footer(
      "\nNothing is asked of the cluster. It needs JobSet's controller and, once for the "
      "namespace, "
      "keys:\n"
      "  ballast keys --kubernetes | kubectl create -f -\n"
      "  ballast kubernetes render examples/digits/mlp.yaml --data examples/digits | kubectl "
      "create "
      "-f -\n"
      "A job that ends with a fault is tried again, one with a mistake in it is not. Its model is "
      "on "
      "the\nclaim of its name (docs/kubernetes.md).");
  verb->callback([options, &chosen] {
    chosen = [options] {
      const Status prepared = prepare_manifests(*options);
      if (!prepared) return user_mistake(prepared.error().message);
      fmt::print("{}", render(options->job));
      return 0;
    };
  });
}

}  // namespace ballast
