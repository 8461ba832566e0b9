#include "resp/reply_value.h"

#include "base/strings.h"

namespace clustron::resp {

namespace {

std::string Joined(const ReplyValue& value, const char* open, const char* close) {
  std::string out = open;
  for (size_t i = 0; i < value.elements.size(); ++i) {
    const bool map_value = value.kind == ReplyValue::Kind::kMap && i % 2 == 1;
    if (i > 0) out += map_value ? ": " : ", ";
    out += ToText(value.elements[i]);
  }
  return out + close;
}

}  // namespace

std::string ToText(const ReplyValue& value) {
  switch (value.kind) {
    case ReplyValue::Kind::kSimple:
      return "+" + value.text;
    case ReplyValue::Kind::kError:
      return "-" + value.text;
    case ReplyValue::Kind::kInteger:
      return ":" + std::to_string(value.integer);
    case ReplyValue::Kind::kBulk:
      return Quote(value.text);
    case ReplyValue::Kind::kNull:
      return "_";
    case ReplyValue::Kind::kDouble:
      return "," + value.text;
    case ReplyValue::Kind::kBool:
      return value.integer != 0 ? "#t" : "#f";
    case ReplyValue::Kind::kBigNumber:
      return "(" + value.text;
    case ReplyValue::Kind::kVerbatim:
      return "=" + value.text;
    case ReplyValue::Kind::kArray:
      return Joined(value, "[", "]");
    case ReplyValue::Kind::kMap:
      return Joined(value, "{", "}");
    case ReplyValue::Kind::kSet:
      return Joined(value, "~{", "}");
    case ReplyValue::Kind::kPush:
      return Joined(value, ">[", "]");
  }
  return "?";
}

}  // namespace clustron::resp
