#include "resp/reply_writer.h"

#include <cmath>

namespace clustron::resp {

void ReplyWriter::Error(std::string_view text) {
  errors_++;
  const size_t from = out_->size() + 1;
  Line('-', text);
  for (size_t i = from; i < from + text.size(); i++) {
    char& c = (*out_)[i];
    if (c == '\r' || c == '\n') c = ' ';
  }
}

void ReplyWriter::Double(double value) {
  char buf[40];
  std::string_view text;
  if (std::isinf(value)) {
    text = value > 0 ? "inf" : "-inf";
  } else if (std::isnan(value)) {
    text = "nan";
  } else {
    // The shortest text that reads back as the same number.
    text = {buf, static_cast<size_t>(std::to_chars(buf, buf + sizeof buf, value).ptr - buf)};
  }
  if (resp3()) {
    Line(',', text);
  } else {
    Bulk(text);
  }
}

void ReplyWriter::Verbatim(std::string_view text, std::string_view kind) {
  if (!resp3()) return Bulk(text);
  Header('=', text.size() + kind.size() + 1);
  BulkPart(kind);
  BulkPart(":");
  BulkPart(text);
  BulkEnd();
}

}  // namespace clustron::resp
