#include "commands/core/syntax.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/strings.h"

namespace clustron::commands {

namespace {

using Type = Argument::Type;

bool IsSmall(char c) { return c >= 'a' && c <= 'z'; }
bool IsCapital(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool InName(char c) {
  return IsSmall(c) || IsDigit(c) || c == '-' || c == '_' || c == '/' || c == ':';
}
bool InToken(char c) { return IsCapital(c) || IsDigit(c) || c == '-' || c == '_'; }

struct TypeWord {
  std::string_view word;
  Type type;
};
constexpr TypeWord kTypeWords[] = {
    {"string", Argument::Type::kString},   {"int", Argument::Type::kInteger},
    {"double", Argument::Type::kDouble},   {"key", Argument::Type::kKey},
    {"pattern", Argument::Type::kPattern}, {"time", Argument::Type::kUnixTime},
};

const TypeWord* FindType(std::string_view word) {
  const auto is = [word](const TypeWord& row) { return row.word == word; };
  const TypeWord* found = std::find_if(std::begin(kTypeWords), std::end(kTypeWords), is);
  return found == std::end(kTypeWords) ? nullptr : found;
}

// The names of what a block or a choice holds, joined.
std::string NameOf(const Arguments& args) {
  std::string name;
  for (const Argument& arg : args) {
    if (!name.empty()) name += '_';
    name += arg.name;
  }
  return name;
}

// "2.6.12".
bool IsVersion(std::string_view text) {
  bool digit_before = false;
  for (char c : text) {
    if (!IsDigit(c) && (c != '.' || !digit_before)) return false;
    digit_before = IsDigit(c);
  }
  return digit_before;
}

// Recursive descent. The first error latches, and leaves nothing to read.
class Parser {
 public:
  explicit Parser(std::string_view line) : line_(line) {}

  std::expected<Arguments, SyntaxError> Line() {
    Arguments args;
    if (!line_.empty()) args = Sequence();
    if (!failed_ && at_ < line_.size()) Fail("one blank stands between arguments, nothing else");
    if (failed_) return std::unexpected(error_);
    return args;
  }

 private:
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < line_.size() ? line_[at_ + ahead] : '\0';
  }
  bool Take(std::string_view text) {
    if (!line_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }
  template <typename Predicate>
  std::string_view TakeWhile(Predicate in) {
    const size_t from = at_;
    while (at_ < line_.size() && in(line_[at_])) at_++;
    return line_.substr(from, at_ - from);
  }
  void FailAt(size_t at, std::string_view what) {
    if (!failed_) error_ = {at, what};
    failed_ = true;
    at_ = line_.size();
  }
  void Fail(std::string_view what) { FailAt(at_, what); }

  Arguments Sequence() {
    Arguments args;
    do args.push_back(OneArgument());
    while (Take(" "));
    return args;
  }

  // Between brackets: a sequence or a choice. `type` says which.
  Arguments Body(char end, Type* type) {
    const size_t open = at_ - 1;
    Arguments args;
    args.push_back(OneArgument());
    *type = Peek() == '|' ? Type::kOneOf : Type::kBlock;
    while (Take(*type == Type::kOneOf ? "|" : " ")) args.push_back(OneArgument());
    if (Take(std::string_view(&end, 1))) return args;
    if (at_ == line_.size()) {
      FailAt(open, "this bracket is not closed");
    } else if (Peek() == ' ' || Peek() == '|') {
      Fail("an alternative is one argument: put ( ) around several");
    } else {
      Fail("no argument ends with this sign");
    }
    return args;
  }

  Argument OneArgument() {
    if (IsSmall(Peek())) return Named();
    if (Peek() == '[') return Optional({});
    if (Peek() == '(') return Value();
    if (!IsCapital(Peek()) && Peek() != '\'') {
      Fail("an argument is missing here: a name, a token or a bracket");
      return {};
    }
    const std::string_view token = Token();
    const size_t behind = at_;
    const bool repeats = Take("...");
    if (Peek() == ' ' && ValueFollows()) {
      at_++;
      Argument arg = Value();
      if (repeats && arg.multiple) FailAt(behind, "this may be repeated already");
      arg.token = token;
      arg.multiple |= repeats;
      arg.multiple_token = repeats;
      return arg;
    }
    if (!failed_) at_ = behind;
    return PureToken(Lower(token), token);
  }

  // Whether the blank here stands before what a token takes: a name, or a block or choice.
  bool ValueFollows() const {
    if (Peek(1) == '(') return true;
    if (!IsSmall(Peek(1))) return false;
    size_t end = at_ + 1;
    while (end < line_.size() && InName(line_[end])) end++;
    return !line_.substr(end).starts_with('=') || line_.substr(end).starts_with("=(");
  }

  // What begins with a name.
  Argument Named() {
    const size_t from = at_;
    const std::string_view name = TakeWhile(InName);
    if (Peek() == '=' && Peek(1) != '(') {
      at_++;
      if (Peek() == '[') return Optional(name);
      if (IsCapital(Peek()) || Peek() == '\'') return PureToken(std::string(name), Token());
      Fail("a name is for a token, a block or a choice");
      return {};
    }
    at_ = from;
    return Value();
  }

  Argument Value() {
    Argument arg;
    const std::string_view name = TakeWhile(InName);
    if (!name.empty() && !Take("=")) {
      TypeOf(name, &arg);
    } else {
      at_++;  // the bracket
      arg.args = Body(')', &arg.type);
      arg.name = name.empty() ? NameOf(arg.args) : std::string(name);
    }
    if (arg.type == Type::kKey) arg.key_spec_index = keys_++;
    if (arg.args.empty() && Take("#")) arg.key_spec_index = Number();
    End(&arg);
    return arg;
  }

  // "seconds:int", "key".
  void TypeOf(std::string_view name, Argument* arg) {
    const size_t colon = name.rfind(':');
    arg->name = std::string(name.substr(0, colon));
    const std::string_view word = colon == std::string_view::npos ? name : name.substr(colon + 1);
    const TypeWord* type = FindType(word);
    if (type != nullptr) {
      arg->type = type->type;
    } else if (colon != std::string_view::npos) {
      FailAt(at_ - word.size(), "no such type");
    }
  }

  Argument Optional(std::string_view name) {
    const size_t from = at_;
    at_++;
    Argument arg;
    arg.args = Body(']', &arg.type);
    if (arg.args.size() == 1) {
      if (!name.empty()) FailAt(from, "brackets around one argument take its name");
      Argument only = std::move(arg.args.front());
      if (only.optional) FailAt(from, "this may be left out already");
      arg = std::move(only);
    } else {
      arg.name = name.empty() ? NameOf(arg.args) : std::string(name);
    }
    arg.optional = true;
    End(&arg);
    return arg;
  }

  Argument PureToken(std::string name, std::string_view token) {
    Argument arg;
    arg.name = std::move(name);
    arg.type = Type::kPureToken;
    arg.token = token;
    End(&arg);
    return arg;
  }

  std::string_view Token() {
    if (Peek() != '\'') return TakeWhile(InToken);
    const size_t open = at_++;
    const std::string_view token = TakeWhile([](char c) { return c != '\''; });
    if (!Take("'")) FailAt(open, "this quote is not closed");
    if (!failed_ && token.empty()) FailAt(open, "an empty token");
    return token;
  }

  int Number() {
    const size_t from = at_;
    const std::string_view digits = TakeWhile(IsDigit);
    int number = -1;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || number > kKeySpecsMax) FailAt(from, "the number of a key spec");
    return number;
  }

  void End(Argument* arg) {
    const size_t from = at_;
    if (Take("...")) {
      if (arg->multiple) FailAt(from, "this may be repeated already");
      arg->multiple = true;
    }
    if (Take("@")) {
      const size_t version = at_;
      const std::string_view text = TakeWhile([](char c) { return IsDigit(c) || c == '.'; });
      if (!arg->since.empty()) FailAt(version, "its version is said already");
      if (!IsVersion(text)) FailAt(version, "a version: numbers with a dot between them");
      arg->since = text;
    }
  }

  static constexpr int kKeySpecsMax = 99;

  std::string_view line_;
  size_t at_ = 0;
  int keys_ = 0;  // keys so far, by which they find their key specs
  bool failed_ = false;
  SyntaxError error_{};
};

}  // namespace

std::expected<Arguments, SyntaxError> ParseSyntax(std::string_view line) {
  return Parser(line).Line();
}

std::string ErrorText(std::string_view line, const SyntaxError& error) {
  return std::string(line) + '\n' + std::string(error.at, ' ') + "^ " + std::string(error.what);
}

}  // namespace clustron::commands
