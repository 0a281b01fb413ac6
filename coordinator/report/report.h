#pragma once

// The report of a job or of a training run: one HTML page that is complete in itself. The page is
// built from src/ by build.mjs; here the numbers go into it. docs/job-files.md says what they are.
//
// Pure.

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace ballast {

// job_json: the text of cv.json, or of a training run what docs/job-files.md says under "The
// report". timings_json: the text of timings.json, or "{}". Fails (corrupt) when a text is no JSON
// object, and (unsupported) when the job is of no kind that the page knows.
[[nodiscard]] Result<std::string> report_html(std::string_view job_json,
                                              std::string_view timings_json);

// JSON as the content of a <script> element, where the browser looks for "</script" and "<!--"
// before anybody parses JSON. U+2028 and U+2029 end a line in scripts of old.
// REQUIRES: json is JSON, so that what is replaced stands in strings.
[[nodiscard]] std::string escape_for_script(std::string_view json);

}  // namespace ballast
