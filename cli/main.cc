// ballast: one binary for every role and every verb.

#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/verbs.h"
#include "cli/version.h"
#include "common/runtime/memory.h"

namespace ballast {

int user_mistake(const std::string& message) {
  std::fprintf(stderr, "ballast: %s\n", message.c_str());
  return 2;
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
      "  ballast predict runs/digits examples/digits/digits.test.csv\n"
      "      probabilities as CSV\n"
      "\nExit codes: 0 done, 2 a mistake in what was asked, 3 stopped by a fault, 130 "
      "interrupted.");
  app.set_version_flag("--version", std::string("ballast ") + ballast::kVersion);
  app.require_subcommand(1);

  ballast::Chosen chosen;
  ballast::add_train(app, chosen);
  ballast::add_resume(app, chosen);
  ballast::add_predict(app, chosen);
  ballast::add_inspect(app, chosen);
  ballast::add_coordinator(app, chosen);
  ballast::add_server(app, chosen);
  ballast::add_worker(app, chosen);
  ballast::add_keys(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  return chosen();
}
