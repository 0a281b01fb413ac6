#pragma once

// A certificate of its own for each test: signed by itself, for `name`, with its key beside it.

#include <string>

namespace ballast::http {

// Writes both in PEM; the key for its owner alone.
void write_certificate(const std::string& name, const std::string& certificate,
                       const std::string& key);

}  // namespace ballast::http
