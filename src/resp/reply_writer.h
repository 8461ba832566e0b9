// Builds replies in RESP2 or RESP3, appended to a buffer that the caller owns. What RESP2 lacks is
// sent as Redis sends it there: maps as flat arrays, sets as arrays, doubles and big numbers as
// bulk strings, booleans as 0 and 1, null as an empty bulk string.
//
// Lengths come first on the wire: Array(n) must be followed by n elements, Map(n) by n pairs.
// Where the count is known only at the end, Deferred() holds the place.
// THREAD: any, one at a time.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace clustron::resp {

class ReplyWriter {
 public:
  // REQUIRES: version is 2 or 3; `out` outlives the writer.
  ReplyWriter(std::string* out, int version) : out_(out), version_(version) {}

  int version() const { return version_; }
  bool resp3() const { return version_ == 3; }
  // HELLO: its own reply is in the new protocol.
  void SwitchTo(int version) { version_ = version; }

  void Ok() { out_->append("+OK\r\n", 5); }
  void Simple(std::string_view text) { Line('+', text); }
  // `text` begins with its code ("ERR …"), without the dash. Line ends in it become blanks.
  void Error(std::string_view text);
  void Int(int64_t value) {
    char buf[24];
    buf[0] = ':';
    char* end = std::to_chars(buf + 1, buf + sizeof buf - 2, value).ptr;
    *end++ = '\r';
    *end++ = '\n';
    out_->append(buf, static_cast<size_t>(end - buf));
  }
  // Counts, revisions and tokens: below 2^63.
  void Uint(uint64_t value) { Int(static_cast<int64_t>(value)); }

  void Bulk(std::string_view bytes) {
    if (bytes.size() > kBigBulkBytes) return BigBulk(bytes);
    BulkBegin(bytes.size());
    BulkPart(bytes);
    BulkEnd();
  }
  // A bulk string piece by piece; the parts add up to `size`.
  void BulkBegin(size_t size) {
    if (size > kBigBulkBytes) MakeRoom(size);
    Header('$', size);
  }
  void BulkPart(std::string_view bytes) { out_->append(bytes); }
  void BulkEnd() { out_->append("\r\n", 2); }
  void BulkInt(int64_t value) {
    char buf[24];
    Bulk({buf, static_cast<size_t>(std::to_chars(buf, buf + sizeof buf, value).ptr - buf)});
  }

  void Null() { resp3() ? out_->append("_\r\n", 3) : out_->append("$-1\r\n", 5); }
  // Where Redis answers a null array in RESP2 (EXEC that failed by WATCH, BLPOP's time-out).
  void NullArray() { resp3() ? out_->append("_\r\n", 3) : out_->append("*-1\r\n", 5); }
  void Bool(bool value) {
    if (resp3()) {
      out_->append(value ? "#t\r\n" : "#f\r\n", 4);
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
  //   size_t place = w.Deferred(); … elements …; w.DeferredArray(place, count);
  size_t Deferred() const { return out_->size(); }
  void DeferredArray(size_t place, size_t count) { InsertHeader(place, '*', count); }
  void DeferredMap(size_t place, size_t pairs) {
    InsertHeader(place, resp3() ? '%' : '*', resp3() ? pairs : pairs * 2);
  }
  void DeferredSet(size_t place, size_t count) { InsertHeader(place, resp3() ? '~' : '*', count); }

  // Bytes that are RESP already (a reply built aside), with so many errors in them.
  void Raw(std::string_view bytes, uint32_t errors = 0) {
    out_->append(bytes);
    errors_ += errors;
  }

  // Errors written so far, nested ones included.
  uint32_t error_count() const { return errors_; }
  size_t size() const { return out_->size(); }
  // What was written since size() was `at`.
  std::string_view since(size_t at) const { return std::string_view(*out_).substr(at); }

 private:
  static constexpr size_t kBigBulkBytes = 1 << 20;
  void MakeRoom(size_t size);
  void BigBulk(std::string_view bytes);
  void Line(char kind, std::string_view text) {
    out_->push_back(kind);
    out_->append(text);
    out_->append("\r\n", 2);
  }
  void Header(char kind, size_t count) {
    char buf[24];
    out_->append(buf, FormatHeader(buf, kind, count));
  }
  static size_t FormatHeader(char* buf, char kind, size_t count) {
    buf[0] = kind;
    char* end = std::to_chars(buf + 1, buf + 22, count).ptr;
    *end++ = '\r';
    *end++ = '\n';
    return static_cast<size_t>(end - buf);
  }
  void InsertHeader(size_t place, char kind, size_t count) {
    char buf[24];
    out_->insert(place, buf, FormatHeader(buf, kind, count));
  }

  std::string* out_;
  int version_;
  uint32_t errors_ = 0;
};

}  // namespace clustron::resp
