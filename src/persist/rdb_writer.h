// Writes an RDB file piece by piece into memory; the caller takes the pieces away.
//
//   RdbWriter rdb;  rdb.Begin();  rdb.Section("meta", …);  rdb.SelectDb(0);
//   rdb.ExpireAtMs(t);  rdb.String(key, value);
//   rdb.Begin(RdbKind::kHash, key, n);  n × { rdb.Part(field); rdb.Part(value); }
//   while (…) if (rdb.size() > 256 KB) store.Append(rdb.Take());
//   rdb.End();  store.Append(rdb.Take());
//
// Or one value alone, as DUMP hands it out and RESTORE takes it: a writer made with kPayload, the
// value under any key (which is not written), EndPayload().
//
// A string that is the canonical decimal of a 32-bit integer is written as an integer, as Redis
// does; nothing is compressed. THREAD: one owner. Does no I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "persist/rdb_format.h"

namespace clustron::persist {

class RdbWriter {
 public:
  enum class Use : uint8_t { kFile, kPayload };
  explicit RdbWriter(Use use = Use::kFile) : use_(use) {}

  // Magic and version. Tools like to see AUX fields next: redis-ver, redis-bits, ctime, used-mem.
  void Begin();
  void Aux(std::string_view name, std::string_view value);
  // Our own data: an AUX field "clustron:<name>". Longer than kSectionChunkBytes: several of that
  // name, whose bytes the reader hands out one by one; it is for the caller to join them.
  void Section(std::string_view name, std::string_view bytes);
  static constexpr size_t kSectionChunkBytes = 1 << 20;

  void SelectDb(uint32_t db);
  void ResizeDb(uint64_t keys, uint64_t expires);
  // Before the key it belongs to.
  void ExpireAtMs(int64_t unix_ms);
  void String(std::string_view key, std::string_view value);
  // The same for a long one (more than 11 bytes: never an integer), which follows in StringBytes.
  void StringBegin(std::string_view key, uint64_t size);
  void StringBytes(std::string_view bytes);
  // A collection. As many calls of Part follow as its elements have parts (CHECKed by the next key
  // or the end).
  void Begin(RdbKind kind, std::string_view key, uint64_t elements);
  void Part(std::string_view bytes);
  // The end mark and the checksum. Nothing may follow.
  void End();
  // Of a payload: version and checksum.
  void EndPayload();

  // What has been written since the last Take.
  size_t size() const { return buffer_.size(); }
  std::string Take();
  // Of the whole file so far.
  uint64_t total_bytes() const { return taken_bytes_ + buffer_.size(); }

 private:
  void Opcode(RdbOpcode opcode);
  void Length(uint64_t length);
  void Bytes(std::string_view bytes);
  void Type(RdbType type, std::string_view key);
  void Checksum();

  std::string buffer_;
  size_t summed_ = 0;  // bytes of buffer_ that crc_ covers
  uint64_t crc_ = 0;
  uint64_t taken_bytes_ = 0;
  uint64_t parts_left_ = 0;
  uint64_t bytes_left_ = 0;
  const Use use_;
};

}  // namespace clustron::persist
