#include "commands/admin/error_text.h"

namespace clustron::commands {

std::string UnknownClientType(std::string_view word) {
  return "ERR Unknown client type '" + std::string(word) + "'";
}

std::string NoSuchUser(std::string_view name) {
  return "ERR No such user '" + std::string(name) + "'";
}

std::string UnrecognizedOption(std::string_view word) {
  return "ERR Unrecognized option '" + std::string(word) + "'";
}

std::string NotAnAttribute(std::string_view what) {
  return "ERR " + std::string(what) + " cannot contain spaces, newlines or special characters.";
}

std::string UnknownMaintParameter(std::string_view word) {
  return "ERR unknown parameter '" + std::string(word.substr(0, 128)) +
         "' for CLIENT MAINT_NOTIFICATIONS";
}

std::string BadHelloOption(std::string_view word) {
  return "ERR Syntax error in HELLO option '" + std::string(word) + "'";
}

}  // namespace clustron::commands
