#include "resp/reply_writer.h"

#include "base/breather.h"
#include "base/numeric.h"

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
  const std::string text = FormatDouble(value);
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

// Once for a big value, instead of again and again as it grows.
void ReplyWriter::MakeRoom(size_t size) {
  constexpr size_t kAround = 64;
  ReserveBreathing(out_, out_->size() + size + kAround);
}

void ReplyWriter::BigBulk(std::string_view bytes) {
  BulkBegin(bytes.size());
  AppendBreathing(out_, bytes);
  BulkEnd();
}

}  // namespace clustron::resp
