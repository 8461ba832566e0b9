// CONFIG REWRITE's text: the file as it was, with the lines of options that have changed since, and
// those that it lacks at the end. Comments, order, and lines that still say what is true stay.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "server/config/config.h"

namespace clustron::server {

std::string RewrittenConfig(const Config& config, std::string_view old_text);

// Replaces the file by a new one at once: a crash leaves the old or the new.
Status ReplaceFile(const std::string& path, std::string_view text);
Result<std::string> ReadWholeFile(const std::string& path);

}  // namespace clustron::server
