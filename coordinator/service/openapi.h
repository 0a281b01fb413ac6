#pragma once

// The document of the API: openapi.json beside this file.

#include <string_view>

namespace ballast {

extern const std::string_view kOpenApi;

}  // namespace ballast
