#pragma once

// The verbs of `ballast`: each adds itself to the command line and returns the exit code when it is
// the one that was asked for. One file per verb.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "common/base/result.h"

namespace ballast {

// What to run after parsing; set by the verb that was chosen.
using Chosen = std::function<int()>;

void add_train(CLI::App& app, Chosen& chosen);
void add_cv(CLI::App& app, Chosen& chosen);
void add_search(CLI::App& app, Chosen& chosen);
void add_resume(CLI::App& app, Chosen& chosen);
void add_coordinator(CLI::App& app, Chosen& chosen);
void add_serve(CLI::App& app, Chosen& chosen);
void add_server(CLI::App& app, Chosen& chosen);
void add_worker(CLI::App& app, Chosen& chosen);
void add_predict(CLI::App& app, Chosen& chosen);
void add_inspect(CLI::App& app, Chosen& chosen);
void add_checkpoint(CLI::App& app, Chosen& chosen);
void add_report(CLI::App& app, Chosen& chosen);
void add_status(CLI::App& app, Chosen& chosen);
void add_submit(CLI::App& app, Chosen& chosen);
void add_service_verbs(CLI::App& app, Chosen& chosen);
void add_keys(CLI::App& app, Chosen& chosen);
void add_kubernetes(CLI::App& app, Chosen& chosen);

// One sentence on stderr; returns 2.
int user_mistake(const std::string& message);
// The same for what came of an attempt; 3 where it may come out otherwise next time, since whoever
// starts jobs again asks for the code.
int failed_attempt(const Error& error);

}  // namespace ballast
