#include "store/index/query_lexer.h"

#include "base/numeric.h"
#include "base/strings.h"

namespace clustron::store {

namespace {

using Kind = QueryToken::Kind;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool BeginsName(char c) { return IsLetter(c) || c == '_' || c == '@'; }
bool GoesOnInName(char c) {
  return BeginsName(c) || IsDigit(c) || c == '.' || c == ':' || c == '-';
}
bool InNumber(char c) { return IsDigit(c) || IsLetter(c) || c == '.' || c == '+' || c == '-'; }

}  // namespace

bool QueryToken::Is(std::string_view upper_word) const {
  return kind == Kind::kName && EqualsIgnoreCase(text, upper_word);
}

QueryToken QueryLexer::Fail(size_t at, std::string_view text) {
  if (!error_) error_ = SyntaxError(at + 1, text);
  at_ = text_.size();
  return {Kind::kEnd, at + 1};
}

QueryToken QueryLexer::Take(Kind kind, size_t size) {
  QueryToken token{kind, at_ + 1, std::string(text_.substr(at_, size))};
  at_ += size;
  return token;
}

QueryToken QueryLexer::Next() {
  while (at_ < text_.size() && IsBlank(text_[at_])) at_++;
  if (at_ == text_.size()) return {Kind::kEnd, at_ + 1};
  const char c = text_[at_];
  if (BeginsName(c)) return Name();
  if (IsDigit(c) || c == '-' || c == '+' || c == '.') return Number();
  if (c == '\'' || c == '"') return Quoted(c);
  if (c != '$') return Symbol();
  const size_t begin = at_++;
  if (at_ == text_.size() || !BeginsName(text_[at_])) return Fail(begin, kQueryEmptyName);
  QueryToken token = Name();
  return {Kind::kParam, begin + 1, std::move(token.text)};
}

QueryToken QueryLexer::Name() {
  size_t size = 1;
  while (at_ + size < text_.size() && GoesOnInName(text_[at_ + size])) size++;
  return Take(Kind::kName, size);
}

QueryToken QueryLexer::Number() {
  size_t size = 1;
  while (at_ + size < text_.size() && InNumber(text_[at_ + size])) size++;
  if (!ParseDouble(text_.substr(at_, size))) return Fail(at_, kQueryBadNumber);
  return Take(Kind::kNumber, size);
}

QueryToken QueryLexer::Quoted(char quote) {
  const bool name = quote == '"';
  QueryToken token{name ? Kind::kQuotedName : Kind::kText, at_ + 1};
  for (size_t i = at_ + 1; i < text_.size(); i++) {
    if (text_[i] == quote) {
      if (i + 1 == text_.size() || text_[i + 1] != quote) {
        if (name && token.text.empty()) return Fail(at_, kQueryEmptyName);
        at_ = i + 1;
        return token;
      }
      i++;
    }
    token.text.push_back(text_[i]);
  }
  return Fail(at_, name ? kQueryOpenName : kQueryOpenString);
}

QueryToken QueryLexer::Symbol() {
  struct Spelling {
    std::string_view text;
    Kind kind;
  };
  // Longer ones first.
  static constexpr Spelling kSymbols[] = {
      {"!=", Kind::kNe},   {"<=", Kind::kLe},  {">=", Kind::kGe}, {"^=", Kind::kPrefix},
      {"=", Kind::kEq},    {"<", Kind::kLt},   {">", Kind::kGt},  {"(", Kind::kOpen},
      {")", Kind::kClose}, {",", Kind::kComma}};
  const std::string_view rest = text_.substr(at_);
  for (const Spelling& symbol : kSymbols)
    if (rest.starts_with(symbol.text)) return Take(symbol.kind, symbol.text.size());
  return Fail(at_, kQueryOddByte);
}

}  // namespace clustron::store
