#include "tests/sim/reply.h"

#include "base/numeric.h"

namespace clustron::sim {

test::Answer Reply::ToAnswer() const {
  switch (kind) {
    case Kind::kSimple:
      return text == "OK" ? test::Answer::Ok() : test::Answer::Text(text);
    case Kind::kInteger:
      return test::Answer::Integer(integer);
    case Kind::kBulk:
      return test::Answer::Text(text);
    case Kind::kNil:
    case Kind::kNilArray:
      return test::Answer::Nil();
    case Kind::kError:
    case Kind::kArray:
      break;
  }
  return {};
}

std::string Reply::ToString() const {
  switch (kind) {
    case Kind::kSimple:
      return "+" + text;
    case Kind::kError:
      return "-" + text;
    case Kind::kInteger:
      return ":" + std::to_string(integer);
    case Kind::kBulk:
      return "\"" + text + "\"";
    case Kind::kNil:
    case Kind::kNilArray:
      return "nil";
    case Kind::kArray:
      break;
  }
  std::string all = "[";
  for (const Reply& element : elements) all += (all.size() > 1 ? ", " : "") + element.ToString();
  return all + "]";
}

namespace {

// The line at `*at`, which moves behind its end. False: no end yet.
bool TakeLine(std::string_view bytes, size_t* at, std::string_view* line) {
  const size_t end = bytes.find("\r\n", *at);
  if (end == std::string_view::npos) return false;
  *line = bytes.substr(*at, end - *at);
  *at = end + 2;
  return true;
}

int64_t Parse(std::string_view bytes, int depth, Reply* reply) {
  size_t at = 0;
  std::string_view line;
  if (!TakeLine(bytes, &at, &line)) return 0;
  if (line.empty() || depth > 8) return -1;
  const char type = line.front();
  line.remove_prefix(1);
  if (type == '+' || type == '-') {
    reply->kind = type == '+' ? Reply::Kind::kSimple : Reply::Kind::kError;
    reply->text = line;
    return static_cast<int64_t>(at);
  }
  if (type == '_' || type == '#' || type == ',' || type == '(') {
    reply->kind = type == '_' ? Reply::Kind::kNil : Reply::Kind::kBulk;
    reply->text = line;
    return static_cast<int64_t>(at);
  }
  auto number = ParseInt64(line);
  if (!number) return -1;
  if (type == '%') number = *number * 2;
  switch (type) {
    case ':':
      reply->kind = Reply::Kind::kInteger;
      reply->integer = *number;
      return static_cast<int64_t>(at);
    case '=':
    case '$': {
      reply->kind = *number < 0 ? Reply::Kind::kNil : Reply::Kind::kBulk;
      if (*number < 0) return static_cast<int64_t>(at);
      const size_t size = static_cast<size_t>(*number);
      if (bytes.size() < at + size + 2) return 0;
      reply->text = bytes.substr(at, size);
      return static_cast<int64_t>(at + size + 2);
    }
    case '%':
    case '~':
    case '>':
    case '*': {
      reply->kind = *number < 0 ? Reply::Kind::kNilArray : Reply::Kind::kArray;
      reply->push = type == '>';
      for (int64_t i = 0; i < *number; ++i) {
        const int64_t used = Parse(bytes.substr(at), depth + 1, &reply->elements.emplace_back());
        if (used <= 0) return used;
        at += static_cast<size_t>(used);
      }
      return static_cast<int64_t>(at);
    }
    default:
      return -1;
  }
}

}  // namespace

int64_t ParseReply(std::string_view bytes, Reply* reply) {
  *reply = {};
  return Parse(bytes, 0, reply);
}

}  // namespace clustron::sim
