// ballast: one binary for every role and every verb.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/verbs.h"
#include "cli/version.h"
#include "common/job/text.h"
#include "common/runtime/machine.h"
#include "common/runtime/memory.h"

namespace ballast {

int user_mistake(const std::string& message) {
  std::fprintf(stderr, "ballast: %s\n", message.c_str());
  return 2;
}

int failed_attempt(const Error& error) {
  const int code = user_mistake(error.message);
  return error.code == ErrorCode::unavailable ? static_cast<int>(ExitCode::fault) : code;
}

// What to say about a first word that is no verb, where CLI11 says only that one is required.
std::optional<std::string> unknown_verb(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return std::nullopt;
  const std::string word = argv[1];
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (verb->get_name() == word) return std::nullopt;
    names.push_back(verb->get_name());
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string_view near = nearest(word, views);
  return fmt::format("there is no verb \"{}\"; {}", word,
                     near.empty() ? fmt::format("expected one of {}", fmt::join(names, ", "))
                                  : fmt::format("did you mean {}?", near));
}

std::string version_text() {
  const std::string revision = kRevision;
  return fmt::format("ballast {}{}", kVersion, revision.empty() ? "" : " (" + revision + ")");
}

}  // namespace ballast

int main(int argc, char** argv) {
  ballast::keep_freed_memory();

  CLI::App app{
      "Ballast trains models on clusters of ordinary CPUs. The model never depends on the "
      "cluster:\n"
      "the same spec and seed give the same weights, bit for bit, on any number of workers and\n"
      "servers, whatever was killed on the way.\n"};
  app.footer(
      "\nExamples\n"
      "  ballast train examples/digits/mlp.yaml --out runs/digits\n"
      "      everything in this process\n"
      "  ballast train examples/digits/mlp.yaml --out runs/digits --workers 3 --servers 2\n"
      "      local processes, the same bits\n"
      "  ballast resume runs/digits\n"
      "      go on from the last checkpoint, on any shape\n"
      "  ballast status --out runs/digits\n"
      "      what it does now, and on whom it waits\n"
      "  ballast report runs/digits\n"
      "      curves and metrics as one page, runs/digits/report.html\n"
      "  ballast predict runs/digits examples/digits/digits.test.csv\n"
      "      probabilities as CSV\n"
      "\nExit codes: 0 done, 2 a mistake in what was asked, 3 stopped by a fault, 4 a job whose "
      "budget is spent, 130 "
      "interrupted.");
  app.set_version_flag("--version", ballast::version_text());
  app.require_subcommand(1);

  ballast::Chosen chosen;
  ballast::add_train(app, chosen);
  ballast::add_cv(app, chosen);
  ballast::add_search(app, chosen);
  ballast::add_resume(app, chosen);
  ballast::add_predict(app, chosen);
  ballast::add_inspect(app, chosen);
  ballast::add_report(app, chosen);
  ballast::add_checkpoint(app, chosen);
  ballast::add_coordinator(app, chosen);
  ballast::add_serve(app, chosen);
  ballast::add_server(app, chosen);
  ballast::add_worker(app, chosen);
  ballast::add_status(app, chosen);
  ballast::add_submit(app, chosen);
  ballast::add_service_verbs(app, chosen);
  ballast::add_keys(app, chosen);
  ballast::add_kubernetes(app, chosen);
  if (const auto mistake = ballast::unknown_verb(app, argc, argv)) {
    return ballast::user_mistake(*mistake);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  return chosen();
}
