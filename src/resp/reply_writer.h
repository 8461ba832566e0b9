// Builds replies in RESP2 or RESP3, appended to a string or a ReplyOutput that the caller owns.
// What RESP2 lacks is sent as Redis sends it there: maps as flat arrays, sets as arrays, doubles
// and big numbers as bulk strings, booleans as 0 and 1, null as an empty bulk string.
//
// Lengths come first on the wire: Array(n) must be followed by n elements, Map(n) by n pairs.
// Where the count is known only at the end, Deferred() holds the place.
//
// A reply may have a limit (SetLimit). Whether it is passed depends on what was written alone, not
// on where it goes. Once it is passed nothing more is kept; the owner asks HasRoom(0) and starts
// over with an error. THREAD: any, one at a time.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "resp/reply_output.h"

namespace clustron::resp {

class ReplyWriter {
 public:
  // REQUIRES: version is 2 or 3; `out` outlives the writer.
  ReplyWriter(std::string* out, int version) : out_(out), begin_(out->size()), version_(version) {}
  ReplyWriter(ReplyOutput* output, int version)
      : out_(output->tail()),
        output_(output),
        room_(output->tail_max()),
        begin_(output->size()),
        version_(version) {}
  ReplyWriter(const ReplyWriter&) = delete;
  ReplyWriter& operator=(const ReplyWriter&) = delete;

  int version() const { return version_; }
  bool resp3() const { return version_ == 3; }
  // HELLO: its own reply is in the new protocol.
  void SwitchTo(int version) { version_ = version; }

  void Ok() { Put("+OK\r\n", 5); }
  void Simple(std::string_view text) { Line('+', text); }
  // `text` begins with its code ("ERR …"), without the dash. Line ends in it become blanks.
  void Error(std::string_view text);
  void Int(int64_t value) {
    char buf[24];
    buf[0] = ':';
    char* end = std::to_chars(buf + 1, buf + sizeof buf - 2, value).ptr;
    *end++ = '\r';
    *end++ = '\n';
    Put(buf, static_cast<size_t>(end - buf));
  }
  // Counts, revisions and tokens: below 2^63.
  void Uint(uint64_t value) { Int(static_cast<int64_t>(value)); }

  void Bulk(std::string_view bytes) {
    if (bytes.size() > kBigBulkBytes) return BigBulk(bytes);
    BulkBegin(bytes.size());
    BulkPart(bytes);
    BulkEnd();
  }
  // A bulk string piece by piece; the parts add up to `size`. `referred`: to where they can, so
  // they are no copies (copied_bytes), wherever they go.
  void BulkBegin(size_t size, bool referred = false) {
    if (size > kBigBulkBytes) MakeRoom(size);
    if (referred && !over_ && uncounted_.from == kCounting)
      referred_kb_ += static_cast<uint32_t>(size / 1024);
    Header('$', size);
  }
  void BulkPart(std::string_view bytes) { Put(bytes.data(), bytes.size()); }
  // A part that is referred to where the output can, instead of being copied.
  void BulkShared(SharedBytes part);
  // True if nobody wants the parts, `size` bytes altogether: they are only counted, and need not be
  // gathered.
  bool SkipParts(size_t size);
  void BulkEnd() { Put("\r\n", 2); }
  void BulkInt(int64_t value) {
    char buf[24];
    Bulk({buf, static_cast<size_t>(std::to_chars(buf, buf + sizeof buf, value).ptr - buf)});
  }

  void Null() { resp3() ? Put("_\r\n", 3) : Put("$-1\r\n", 5); }
  // Where Redis answers a null array in RESP2 (EXEC that failed by WATCH, BLPOP's time-out).
  void NullArray() { resp3() ? Put("_\r\n", 3) : Put("*-1\r\n", 5); }
  void Bool(bool value) {
    if (resp3()) {
      Put(value ? "#t\r\n" : "#f\r\n", 4);
    } else {
      Int(value ? 1 : 0);
    }
  }
  void Double(double value);
  // `kind` is three letters: txt, mkd.
  void Verbatim(std::string_view text, std::string_view kind = "txt");

  void Array(size_t count) { Header('*', count); }
  void Map(size_t pairs) { resp3() ? Header('%', pairs) : Header('*', pairs * 2); }
  void Set(size_t count) { Header(resp3() ? '~' : '*', count); }
  // Out-of-band data; an array in RESP2, as pub/sub has it.
  void Push(size_t count) { Header(resp3() ? '>' : '*', count); }

  // A place for Array, Map or Set whose count comes later:
  //   uint64_t place = w.Deferred(); … elements …; w.DeferredArray(place, count);
  uint64_t Deferred() const { return size(); }
  void DeferredArray(uint64_t place, size_t count) { InsertHeader(place, '*', count); }
  void DeferredMap(uint64_t place, size_t pairs) {
    InsertHeader(place, resp3() ? '%' : '*', resp3() ? pairs : pairs * 2);
  }
  void DeferredSet(uint64_t place, size_t count) {
    InsertHeader(place, resp3() ? '~' : '*', count);
  }

  // Bytes that are RESP already (a reply built aside), with so many errors in them.
  void Raw(std::string_view bytes, uint32_t errors = 0) {
    Put(bytes.data(), bytes.size());
    errors_ += errors;
  }
  // The same, in front of what was written since the place was taken.
  void RawAt(uint64_t place, std::string_view bytes);

  // What was written since can be taken back.
  struct Mark {
    uint64_t at;
    uint32_t errors;
  };
  Mark mark() const { return {size(), errors_}; }
  void Rewind(Mark to);

  // Errors written so far, nested ones included.
  uint32_t error_count() const { return errors_; }
  uint64_t size() const { return output_ == nullptr ? out_->size() : output_->size(); }
  // What was written since size() was `at`, as far as it was kept in one piece: of a short reply
  // all, of a long one at least where it begins.
  std::string_view since(uint64_t at) const {
    return output_ == nullptr ? std::string_view(*out_).substr(at) : output_->View(at);
  }
  std::string_view head() const { return since(begin_); }
  // The line of the error that was written last. REQUIRES: there was one since size() was `at`, and
  // nothing behind it.
  std::string LastError(uint64_t at) const {
    return output_ == nullptr ? std::string(since(at)) : output_->last_error;
  }

  // From now on a copy of what is written goes to `copy`, which is empty. Captures nest: the last
  // one begun ends first.
  void BeginCapture(ReplyPrefix* copy);
  void EndCapture();

  // The reply may have so many bytes, what is taken back later included.
  void SetLimit(uint64_t bytes) { limit_ = bytes; }
  // Between these nothing counts: what other nodes don't write.
  void BeginUncounted() { uncounted_.from = size(); }
  void EndUncounted() {
    uncounted_.bytes += size() - uncounted_.from;
    uncounted_.from = kCounting;
  }
  // Whether so many bytes more are within the limit. None at all: it is passed.
  bool HasRoom(uint64_t bytes) const {
    return !over_ && size() - begin_ + rewound_ - uncounted_.bytes + bytes <= limit_;
  }
  // What counts of it, without what is referred to: the same wherever it goes.
  uint64_t copied_bytes() const {
    return size() - begin_ + rewound_ - uncounted_.bytes - uint64_t{referred_kb_} * 1024;
  }
  // Forgets the reply and its limit.
  void StartOver();

 private:
  static constexpr size_t kBigBulkBytes = 1 << 20;
  static constexpr uint64_t kCounting = UINT64_MAX;

  void Put(const char* bytes, size_t size) {
    if (out_->size() + size > room_) [[unlikely]]
      return PutBeyond({bytes, size});
    out_->append(bytes, size);
  }
  void PutBeyond(std::string_view bytes);
  void AfterPut();
  void MakeRoom(size_t size);
  void BigBulk(std::string_view bytes);
  void Line(char kind, std::string_view text) {
    Put(&kind, 1);
    Put(text.data(), text.size());
    Put("\r\n", 2);
  }
  void Header(char kind, size_t count) {
    char buf[24];
    Put(buf, FormatHeader(buf, kind, count));
  }
  static size_t FormatHeader(char* buf, char kind, size_t count) {
    buf[0] = kind;
    char* end = std::to_chars(buf + 1, buf + 22, count).ptr;
    *end++ = '\r';
    *end++ = '\n';
    return static_cast<size_t>(end - buf);
  }
  void InsertHeader(uint64_t place, char kind, size_t count) {
    char buf[24];
    RawAt(place, {buf, FormatHeader(buf, kind, count)});
  }

  std::string* out_;
  ReplyOutput* output_ = nullptr;  // null: out_ takes everything
  size_t room_ = SIZE_MAX;         // what out_ may hold
  uint64_t begin_;                 // where this reply begins
  int version_;
  uint32_t errors_ = 0;
  ReplyPrefix* captures_ = nullptr;  // the innermost

  uint64_t limit_ = UINT64_MAX;
  uint64_t rewound_ = 0;
  struct {
    uint64_t bytes = 0;
    uint64_t from = kCounting;
  } uncounted_;
  bool over_ = false;
  uint32_t referred_kb_ = 0;  // of what counts, rounded down each time
};

}  // namespace clustron::resp
