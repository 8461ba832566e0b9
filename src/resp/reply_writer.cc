#include "resp/reply_writer.h"

#include <utility>

#include "base/breather.h"
#include "base/numeric.h"

namespace clustron::resp {

void ReplyWriter::Error(std::string_view text) {
  errors_++;
  // In one piece, and as one that can be asked for (LastError).
  std::string line;
  line.reserve(text.size() + 3);
  line.push_back('-');
  line.append(text);
  for (char& c : line) {
    if (c == '\r' || c == '\n') c = ' ';
  }
  line.append("\r\n", 2);
  Put(line.data(), line.size());
  if (output_ != nullptr) output_->last_error = std::move(line);
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

void ReplyWriter::BulkShared(SharedBytes part) {
  if (over_) return;
  if (output_ == nullptr) return BulkPart(part.view());
  for (ReplyPrefix* copy = captures_; copy != nullptr; copy = copy->outer)
    copy->Append(part.view());
  output_->AppendShared(std::move(part));
  AfterPut();
}

// Once for a big value, instead of again and again as it grows.
void ReplyWriter::MakeRoom(size_t size) {
  constexpr size_t kAround = 64;
  if (over_) return;
  if (output_ == nullptr) return ReserveBreathing(out_, out_->size() + size + kAround);
  if (captures_ == nullptr && !output_->discards()) out_->reserve(output_->tail_max());
}

void ReplyWriter::BigBulk(std::string_view bytes) {
  BulkBegin(bytes.size());
  if (room_ == SIZE_MAX) {
    AppendBreathing(out_, bytes);
  } else {
    BulkPart(bytes);
  }
  BulkEnd();
}

void ReplyWriter::PutBeyond(std::string_view bytes) {
  if (over_) return;
  for (ReplyPrefix* copy = captures_; copy != nullptr; copy = copy->outer) copy->Append(bytes);
  if (output_ == nullptr) {
    out_->append(bytes);
  } else {
    output_->Append(bytes);
  }
  AfterPut();
}

void ReplyWriter::AfterPut() {
  room_ = captures_ != nullptr ? 0 : output_ == nullptr ? SIZE_MAX : output_->tail_max();
  if (uncounted_.from == kCounting && !HasRoom(0)) {
    over_ = true;
    room_ = 0;
  }
}

bool ReplyWriter::SkipParts(size_t size) {
  if (over_) return true;
  if (output_ == nullptr || !output_->discards()) return false;
  for (const ReplyPrefix* copy = captures_; copy != nullptr; copy = copy->outer) {
    if (!copy->discards()) return false;
  }
  for (ReplyPrefix* copy = captures_; copy != nullptr; copy = copy->outer) copy->Skip(size);
  output_->Skip(size);
  AfterPut();
  return true;
}

void ReplyWriter::RawAt(uint64_t place, std::string_view bytes) {
  if (over_) return;
  for (ReplyPrefix* copy = captures_; copy != nullptr; copy = copy->outer) {
    if (place >= copy->begins_at) copy->Insert(place - copy->begins_at, bytes);
  }
  if (output_ == nullptr) {
    out_->insert(place, bytes);
  } else {
    output_->Insert(place, bytes);
  }
  AfterPut();
}

void ReplyWriter::Rewind(Mark to) {
  if (over_) return;
  rewound_ += size() - to.at;
  errors_ = to.errors;
  for (ReplyPrefix* copy = captures_; copy != nullptr; copy = copy->outer) {
    copy->Truncate(to.at > copy->begins_at ? to.at - copy->begins_at : 0);
  }
  if (output_ == nullptr) {
    out_->resize(to.at);
  } else {
    output_->Truncate(to.at);
  }
  AfterPut();
}

void ReplyWriter::BeginCapture(ReplyPrefix* copy) {
  copy->outer = captures_;
  copy->begins_at = size();
  captures_ = copy;
  room_ = 0;
}

void ReplyWriter::EndCapture() {
  captures_ = captures_->outer;
  AfterPut();
}

void ReplyWriter::StartOver() {
  over_ = false;
  limit_ = UINT64_MAX;
  Rewind({begin_, 0});
  referred_kb_ = 0;
}

}  // namespace clustron::resp
