#include "store/index/query_expr.h"

#include <optional>
#include <utility>

#include "base/check.h"
#include "store/index/query_lexer.h"

namespace clustron::store {

namespace {

using Kind = QueryToken::Kind;

// Recursive descent; the first error latches, and everything returns soon.
class QueryParser {
 public:
  QueryParser(std::string_view text, const std::vector<QueryParam>& params)
      : lexer_(text), params_(params) {
    Advance();
  }

  QueryExpr All() {
    QueryExpr expr = Joined(QueryExpr::Kind::kOr, 0);
    if (token_.kind != Kind::kEnd) Fail(token_.position, kQueryWantsEnd);
    return expr;
  }
  std::optional<QueryError> error() const { return lexer_.error() ? lexer_.error() : error_; }

 private:
  bool failed() const { return error_.has_value() || lexer_.error().has_value(); }
  void Advance() { token_ = lexer_.Next(); }
  QueryExpr Fail(size_t position, std::string_view text) {
    if (!error_) error_ = SyntaxError(position, text);
    return {};
  }

  // Parts with OR between them, which are parts with AND between them.
  QueryExpr Joined(QueryExpr::Kind kind, int depth) {
    const bool any = kind == QueryExpr::Kind::kOr;
    const auto part = [&] { return any ? Joined(QueryExpr::Kind::kAnd, depth) : Factor(depth); };
    const size_t position = token_.position;
    QueryExpr first = part();
    if (failed() || !token_.Is(any ? "OR" : "AND")) return first;
    QueryExpr all{.kind = kind, .position = position};
    all.parts.push_back(std::move(first));
    while (!failed() && token_.Is(any ? "OR" : "AND")) {
      Advance();
      all.parts.push_back(part());
    }
    return all;
  }

  QueryExpr Factor(int depth) {
    const size_t position = token_.position;
    if (depth == kQueryDepthMax) return Fail(position, kQueryTooDeep);
    if (token_.Is("NOT")) {
      Advance();
      QueryExpr expr{.kind = QueryExpr::Kind::kNot, .position = position};
      expr.parts.push_back(Factor(depth + 1));
      return expr;
    }
    if (token_.kind != Kind::kOpen) return Condition();
    Advance();
    QueryExpr expr = Joined(QueryExpr::Kind::kOr, depth + 1);
    if (failed()) return expr;
    if (token_.kind != Kind::kClose) return Fail(token_.position, kQueryWantsClose);
    Advance();
    return expr;
  }

  QueryExpr Condition() {
    const bool keyword =
        token_.Is("AND") || token_.Is("OR") || token_.Is("IN") || token_.Is("EXISTS");
    if ((token_.kind != Kind::kName && token_.kind != Kind::kQuotedName) || keyword)
      return Fail(token_.position, kQueryWantsField);
    QueryExpr expr{.position = token_.position, .field = std::move(token_.text)};
    Count(expr.position);
    Advance();
    if (token_.Is("EXISTS")) {
      expr.op = QueryOp::kExists;
      Advance();
      return expr;
    }
    if (token_.Is("IN")) {
      expr.op = QueryOp::kIn;
      List(&expr.values);
      return expr;
    }
    const std::optional<QueryOp> op = OpOf(token_.kind);
    if (!op) return Fail(token_.position, kQueryWantsOp);
    expr.op = *op;
    Advance();
    Value(&expr.values);
    return expr;
  }

  static std::optional<QueryOp> OpOf(Kind kind) {
    switch (kind) {
      case Kind::kEq:
        return QueryOp::kEq;
      case Kind::kNe:
        return QueryOp::kNe;
      case Kind::kLt:
        return QueryOp::kLt;
      case Kind::kLe:
        return QueryOp::kLe;
      case Kind::kGt:
        return QueryOp::kGt;
      case Kind::kGe:
        return QueryOp::kGe;
      case Kind::kPrefix:
        return QueryOp::kPrefix;
      default:
        return std::nullopt;
    }
  }

  void List(std::vector<QueryValue>* values) {
    Advance();
    if (token_.kind != Kind::kOpen) {
      Fail(token_.position, kQueryWantsOpen);
      return;
    }
    do {
      Advance();
      Value(values);
    } while (!failed() && token_.kind == Kind::kComma);
    if (failed()) return;
    if (token_.kind != Kind::kClose) {
      Fail(token_.position, kQueryWantsComma);
      return;
    }
    Advance();
  }

  void Value(std::vector<QueryValue>* values) {
    const size_t position = token_.position;
    Count(position);
    if (token_.kind == Kind::kParam) {
      for (const QueryParam& param : params_) {
        if (param.name != token_.text) continue;
        if (!TakeBytes(position, param.value.size())) return;
        values->push_back({std::string(param.value), position});
        return Advance();
      }
      if (!error_) error_ = NoSuchParam(position, token_.text);
      return;
    }
    if (token_.kind != Kind::kText && token_.kind != Kind::kNumber) {
      Fail(position, kQueryWantsValue);
      return;
    }
    values->push_back({std::move(token_.text), position});
    Advance();
  }

  // A parameter counts as often as it is used.
  bool TakeBytes(size_t position, size_t bytes) {
    param_bytes_ += bytes;
    if (param_bytes_ > kQueryBytesMax) Fail(position, kQueryParamsTooLong);
    return !failed();
  }
  void Count(size_t position) {
    if (++count_ > kQueryValuesMax) Fail(position, kQueryTooManyValues);
  }

  QueryLexer lexer_;
  const std::vector<QueryParam>& params_;
  QueryToken token_;
  size_t count_ = 0;
  size_t param_bytes_ = 0;
  std::optional<QueryError> error_;
};

}  // namespace

std::expected<QueryExpr, QueryError> ParseQuery(std::string_view text,
                                                const std::vector<QueryParam>& params) {
  if (text.size() > kQueryBytesMax)
    return std::unexpected(SyntaxError(kQueryBytesMax + 1, kQueryTooLong));
  QueryParser parser(text, params);
  QueryExpr expr = parser.All();
  if (parser.error()) return std::unexpected(*parser.error());
  return expr;
}

}  // namespace clustron::store
