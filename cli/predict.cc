// ballast predict: apply a trained model, with its transforms, to a file.

#include <cstdio>
#include <filesystem>
#include <memory>

#include "cli/prediction.h"
#include "cli/verbs.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

struct PredictOptions {
  PredictionRequest request;
  std::string output;
};

// Where predictions go.
enum class Target { standard_output, file, stream };

// Before anything is computed: a mistake in --out should not cost the time of a prediction.
Result<Target> target_of(const std::string& output) {
  if (output.empty()) return Target::standard_output;
  std::error_code ignored;
  const auto type = std::filesystem::status(output, ignored).type();
  if (type == std::filesystem::file_type::directory) {
    return Error{ErrorCode::invalid,
                 output + ": expected a file to write to, got a directory; name a file in it"};
  }
  // A device or a pipe is written to; a file put in its place would take it from everybody.
  const bool known =
      type != std::filesystem::file_type::none && type != std::filesystem::file_type::not_found;
  if (known && type != std::filesystem::file_type::regular) return Target::stream;
  if (!std::filesystem::is_directory(directory_of(output), ignored)) {
    return Error{ErrorCode::not_found, output +
                                           ": expected a file in a directory that is there, "
                                           "but " +
                                           directory_of(output) + " is none; make it first"};
  }
  return Target::file;
}

Status write_stream(std::FILE* stream, const std::string& name, const std::string& text) {
  if (stream == nullptr) return Error{ErrorCode::io, name + ": cannot be opened for writing"};
  const bool written = std::fwrite(text.data(), 1, text.size(), stream) == text.size();
  if (written && std::fflush(stream) == 0) return {};
  return Error{ErrorCode::io, name + " cannot be written"};
}

Status write_text(const PredictOptions& options, Target target, const std::string& text) {
  switch (target) {
    case Target::standard_output:
      return write_stream(stdout, "standard output", text);
    case Target::file:
      return write_file_atomically(options.output, text);
    case Target::stream:
      break;
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(
      std::fopen(options.output.c_str(), "w"), std::fclose);
  return write_stream(stream.get(), options.output, text);
}

int run(const PredictOptions& options) {
  const auto target = target_of(options.output);
  if (!target) return user_mistake(target.error().message);
  const auto text = predict(options.request);
  if (!text) return user_mistake(text.error().message);
  const Status put = write_text(options, *target, *text);
  return put ? 0 : user_mistake(put.error().message);
}

}  // namespace

void add_predict(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<PredictOptions>();
  CLI::App* verb = app.add_subcommand("predict", "Apply a trained model to files");
  verb->add_option("MODEL", options->request.model, "The output directory of a finished run")
      ->required();
  verb->add_option("FILES", options->request.files,
                   "Files in the format of the spec; labels may be absent")
      ->required();
  verb->add_option("--format", options->request.format, "csv or jsonl")
      ->check(CLI::IsMember({"csv", "jsonl"}))
      ->capture_default_str();
  verb->add_option("--threshold", options->request.threshold,
                   "Class 1 is predicted above it; instead of the model's own")
      ->check(CLI::Range(0.0, 1.0));
  verb->add_option("--out", options->output, "A file instead of standard output");
  verb->footer("\nOne line per row, in order: the prediction, then the probability of each class.");
  verb->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace ballast
