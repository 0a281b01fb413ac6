#pragma once

// The dashboard of a service: one HTML page that holds its script and its style, and loads nothing
// but the API (docs/api.md). Its definition is generated from src/ by coordinator/web/build.mjs.

#include <string_view>

namespace ballast {

extern const std::string_view kDashboardPage;
extern const std::string_view kDashboardDigest;  // Of the page.
extern const std::string_view kDashboardScript;  // "sha256-..." of its script.

}  // namespace ballast
