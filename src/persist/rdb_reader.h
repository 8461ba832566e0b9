// Reads RDB files, Redis's and ours, from any source, in pieces, trusting nothing in them.
//
// Every length is checked against the limits before memory is taken for it, and against what is
// left of the source. The checksum is compared at the end (a file whose writer had it switched off
// holds 0, which Redis accepts; so do we, unless `require_checksum`). What was handed to the
// visitor before an error must be thrown away by the caller: verify first (VerifyRdb), or load into
// something that can be dropped.
//
// THREAD: one owner; blocking if the source is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "persist/fs.h"
#include "persist/rdb_format.h"

namespace clustron::persist {

// Bytes in order. 0: the end.
class RdbSource {
 public:
  virtual ~RdbSource() = default;
  virtual Result<size_t> Read(char* out, size_t size) = 0;
};

class RdbStringSource : public RdbSource {
 public:
  explicit RdbStringSource(std::string_view bytes) : bytes_(bytes) {}
  Result<size_t> Read(char* out, size_t size) override;

 private:
  std::string_view bytes_;
};

class RdbFileSource : public RdbSource {
 public:
  explicit RdbFileSource(File* file) : file_(*file) {}
  Result<size_t> Read(char* out, size_t size) override;

 private:
  File& file_;
  uint64_t offset_ = 0;
};

class RdbParser;

struct RdbKey {
  uint32_t db = 0;
  std::string key;
  int64_t expire_at_ms = -1;  // unix time; -1: none
};

// What was found, in the order of the file. Views are valid during the call. A returned error ends
// the reading and comes back from Read.
class RdbVisitor {
 public:
  virtual ~RdbVisitor() = default;
  virtual Status OnAux(std::string_view name, std::string_view value);      // of others: ignored
  virtual Status OnSection(std::string_view name, std::string_view bytes);  // ours, without prefix
  virtual Status OnSelectDb(uint32_t db);
  virtual Status OnResizeDb(uint64_t keys, uint64_t expires);
  virtual Status OnFunction(std::string_view code);
  // A value: of a string its size and its bytes as one part; of a collection how many elements it
  // has, and their parts in order (a hash's field, and its value). Then OnEnd. Nothing is checked
  // for duplicates.
  virtual Status OnBegin(const RdbKey& key, RdbKind kind, uint64_t count) = 0;
  virtual Status OnPart(std::string_view part) = 0;
  virtual Status OnEnd() = 0;
};

struct RdbLimits {
  uint64_t string_bytes_max = uint64_t{512} << 20;
  uint64_t elements_max = uint64_t{1} << 32;
  // Of a list in nodes, which is gathered before anything of it is handed on.
  uint64_t nodes_bytes_max = UINT64_MAX;
  uint64_t aux_bytes_max = 16 << 20;  // of a name, a value or a section's piece
  uint32_t databases = 16;
  bool require_checksum = false;
};

// kCorruption: not an RDB file, cut short, wrong checksum, a length that can't be. kMismatch: a
// newer version, or a type that we don't store yet (named). kLimit: a limit was passed.
Status ReadRdb(RdbSource& source, const RdbLimits& limits, RdbVisitor& visitor);

// One value as DUMP hands it out: from OnBegin to OnEnd, under an empty key. Of a
// Redis up to kRdbVersionMax. kCorruption: version and checksum are wrong (`envelope` is set then),
// or the value is malformed.
Status ReadRdbPayload(std::string_view payload, const RdbLimits& limits, RdbVisitor& visitor,
                      bool* envelope);

// ReadRdb in steps, for who can't stay away for long. THREAD: one owner.
class RdbStepper {
 public:
  // Borrows source and visitor.
  RdbStepper(RdbSource* source, const RdbLimits& limits, RdbVisitor* visitor);
  ~RdbStepper();
  // Reads about `items` more (keys, sections, marks between them). True: that was all. Not to be
  // called again after that or after an error.
  Result<bool> Step(size_t items);

 private:
  std::unique_ptr<RdbParser> parser_;
};

// Only the envelope: magic, end mark, checksum. Needs no memory; what a received or reopened
// snapshot has to pass before it is used.
Status VerifyRdb(File& file);

}  // namespace clustron::persist
