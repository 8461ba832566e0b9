// Error texts of connections that name what they are about.
#pragma once

#include <string>
#include <string_view>

namespace clustron::commands {

// "ERR Unknown client type 'word'"
std::string UnknownClientType(std::string_view word);

// "ERR No such user 'name'"
std::string NoSuchUser(std::string_view name);

// "ERR Unrecognized option 'word'": CLIENT SETINFO's.
std::string UnrecognizedOption(std::string_view word);

// "ERR Client names cannot contain spaces, newlines or special characters."
std::string NotAnAttribute(std::string_view what);

// "ERR unknown parameter 'word' for CLIENT MAINT_NOTIFICATIONS"
std::string UnknownMaintParameter(std::string_view word);

// "ERR Syntax error in HELLO option 'word'"
std::string BadHelloOption(std::string_view word);

}  // namespace clustron::commands
