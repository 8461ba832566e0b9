#include "persist/rdb_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "base/breather.h"
#include "base/coding.h"
#include "base/crc64.h"
#include "base/numeric.h"
#include "persist/lzf.h"
#include "persist/packed_reader.h"

namespace clustron::persist {
namespace {

constexpr size_t kBufferBytes = 64 << 10;
// Memory for a string is taken in steps, so that a forged length costs no more than the source has.
constexpr uint64_t kStringStepBytes = 1 << 20;
constexpr size_t kMagicBytes = 9;
constexpr int kChecksumSinceVersion = 5;

// What is not stored yet, by Redis's type numbers.
const char* TypeName(uint8_t type) {
  switch (type) {
    case 2:
    case 11:
    case 20:
      return "a set";
    case 3:
    case 5:
    case 12:
    case 17:
      return "a sorted set";
    case 6:
    case 7:
      return "a module's value";
    case 9:
      return "a hash of Redis before 2.6";
    case 15:
    case 19:
    case 21:
      return "a stream";
    case 22:
    case 23:
    case 24:
    case 25:
      return "a hash with expiring fields";
    default:
      return "a value of an unknown type";
  }
}

}  // namespace

class RdbParser {
 public:
  RdbParser(RdbSource* source, const RdbLimits& limits, RdbVisitor* visitor)
      : source_(*source), limits_(limits), visitor_(*visitor), buffer_(kBufferBytes, '\0') {}

  // A type and its value, and nothing behind.
  Status ReadAlone() {
    ASSIGN_OR_RETURN(const uint8_t type, U8());
    ASSIGN_OR_RETURN(const RdbShape shape, ShapeOf(type));
    TRY(ReadValue(shape));
    char behind;
    ASSIGN_OR_RETURN(const size_t more, at_ == end_ ? source_.Read(&behind, 1) : end_ - at_);
    return more == 0 ? Status() : Corrupt("bytes behind the value");
  }

  // True: at the end.
  Result<bool> Step(size_t items) {
    if (version_ == 0) TRY(ReadMagic());
    for (size_t i = 0; i < items; ++i) {
      ASSIGN_OR_RETURN(const uint8_t byte, U8());
      if (byte == static_cast<uint8_t>(RdbOpcode::kEof)) {
        TRY(ReadEnd());
        return true;
      }
      TRY(ReadItem(byte));
    }
    return false;
  }

 private:
  std::unexpected<Error> Corrupt(const std::string& what) const {
    return Fail(Errc::kCorruption, "RDB at byte " + std::to_string(consumed_) + ": " + what);
  }

  // --- Bytes

  Status ReadRaw(char* out, size_t size) {
    while (size > 0) {
      if (at_ == end_) {
        ASSIGN_OR_RETURN(end_, source_.Read(buffer_.data(), buffer_.size()));
        at_ = 0;
        if (end_ == 0) return Corrupt("it ends too early");
      }
      const size_t step = std::min(size, end_ - at_);
      std::memcpy(out, buffer_.data() + at_, step);
      crc_ = Crc64(std::string_view(out, step), crc_);
      at_ += step;
      out += step;
      size -= step;
      consumed_ += step;
    }
    return {};
  }

  template <typename T>
  Result<T> Fixed() {
    T value;
    char bytes[sizeof value];
    TRY(ReadRaw(bytes, sizeof bytes));
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }
  Result<uint8_t> U8() { return Fixed<uint8_t>(); }

  Result<uint64_t> BigEndian(int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) {
      ASSIGN_OR_RETURN(const uint8_t byte, U8());
      value = value << 8 | byte;
    }
    return value;
  }

  struct Length {
    bool encoded = false;  // then value says how
    uint64_t value = 0;
  };

  Result<Length> ReadLength() {
    ASSIGN_OR_RETURN(const uint8_t byte, U8());
    if (byte == kRdbLen32 || byte == kRdbLen64) {
      ASSIGN_OR_RETURN(const uint64_t value, BigEndian(byte == kRdbLen32 ? 4 : 8));
      return Length{.encoded = false, .value = value};
    }
    const uint64_t low = byte & 0x3f;
    switch (byte >> 6) {
      case kRdbLen6:
        return Length{.encoded = false, .value = low};
      case kRdbLen14: {
        ASSIGN_OR_RETURN(const uint8_t next, U8());
        return Length{.encoded = false, .value = low << 8 | next};
      }
      case kRdbEncoded:
        return Length{.encoded = true, .value = low};
      default:
        return Corrupt("bad length");
    }
  }

  Result<uint64_t> PlainLength() {
    ASSIGN_OR_RETURN(const Length length, ReadLength());
    if (length.encoded) return Corrupt("a length was expected");
    return length.value;
  }

  Status TextOf(uint64_t size, uint64_t size_max, std::string* out) {
    if (size > size_max) {
      return Fail(Errc::kLimit, "RDB: a string of " + std::to_string(size) + " bytes, " +
                                    std::to_string(size_max) + " are allowed");
    }
    out->clear();
    while (out->size() < size) {
      const size_t begin = out->size();
      out->resize(begin + std::min<uint64_t>(size - begin, kStringStepBytes));
      TRY(ReadRaw(out->data() + begin, out->size() - begin));
      if (size > kStringStepBytes) Breathe();
    }
    return {};
  }

  Status ReadString(uint64_t size_max, std::string* out) {
    ASSIGN_OR_RETURN(const Length length, ReadLength());
    if (!length.encoded) return TextOf(length.value, size_max, out);
    switch (length.value) {
      case kRdbInt8: {
        ASSIGN_OR_RETURN(const auto value, Fixed<int8_t>());
        *out = std::to_string(value);
        return {};
      }
      case kRdbInt16: {
        ASSIGN_OR_RETURN(const auto value, Fixed<int16_t>());
        *out = std::to_string(value);
        return {};
      }
      case kRdbInt32: {
        ASSIGN_OR_RETURN(const auto value, Fixed<int32_t>());
        *out = std::to_string(value);
        return {};
      }
      case kRdbLzf:
        return ReadCompressed(size_max, out);
      default:
        return Corrupt("unknown string encoding");
    }
  }

  Status ReadCompressed(uint64_t size_max, std::string* out) {
    ASSIGN_OR_RETURN(const uint64_t packed_size, PlainLength());
    ASSIGN_OR_RETURN(const uint64_t size, PlainLength());
    if (size > size_max) return Fail(Errc::kLimit, "RDB: a compressed string is too long");
    std::string packed;
    TRY(TextOf(packed_size, size_max, &packed));
    if (!LzfDecompress(packed, size, out)) return Corrupt("bad compressed string");
    return {};
  }

  // --- Items

  Status ReadMagic() {
    char magic[kMagicBytes];
    TRY(ReadRaw(magic, sizeof magic));
    const std::string_view text(magic, sizeof magic);
    if (!text.starts_with("REDIS")) return Corrupt("not an RDB file");
    for (const char c : text.substr(5)) {
      if (c < '0' || c > '9') return Corrupt("not an RDB file");
      version_ = version_ * 10 + (c - '0');
    }
    if (version_ == 0) return Corrupt("not an RDB file");
    if (version_ > kRdbVersionMax) {
      return Fail(Errc::kMismatch, "RDB version " + std::to_string(version_) +
                                       " is newer than this server reads (" +
                                       std::to_string(kRdbVersionMax) + ")");
    }
    return {};
  }

  Status ReadEnd() {
    if (version_ < kChecksumSinceVersion) return {};
    const uint64_t expected = crc_;
    ASSIGN_OR_RETURN(const auto found, Fixed<uint64_t>());
    if (found == expected) return {};
    // Redis writes 0 with rdbchecksum off.
    if (found == 0 && !limits_.require_checksum) return {};
    return Corrupt("wrong checksum");
  }

  Status ReadItem(uint8_t byte) {
    switch (static_cast<RdbOpcode>(byte)) {
      case RdbOpcode::kAux:
        return ReadAux();
      case RdbOpcode::kSelectDb: {
        ASSIGN_OR_RETURN(const uint64_t db, PlainLength());
        if (db >= limits_.databases) {
          return Fail(Errc::kLimit, "RDB: database " + std::to_string(db) + ", there are " +
                                        std::to_string(limits_.databases));
        }
        key_.db = static_cast<uint32_t>(db);
        return visitor_.OnSelectDb(key_.db);
      }
      case RdbOpcode::kResizeDb: {
        ASSIGN_OR_RETURN(const uint64_t keys, PlainLength());
        ASSIGN_OR_RETURN(const uint64_t expires, PlainLength());
        return visitor_.OnResizeDb(keys, expires);
      }
      case RdbOpcode::kExpireTimeMs: {
        ASSIGN_OR_RETURN(key_.expire_at_ms, Fixed<int64_t>());
        return {};
      }
      case RdbOpcode::kExpireTime: {
        ASSIGN_OR_RETURN(const auto seconds, Fixed<int32_t>());
        key_.expire_at_ms = int64_t{seconds} * 1000;
        return {};
      }
      case RdbOpcode::kIdle:
        TRY(PlainLength());
        return {};
      case RdbOpcode::kFreq:
        TRY(U8());
        return {};
      case RdbOpcode::kFunction2:
        TRY(ReadString(limits_.string_bytes_max, &value_));
        return visitor_.OnFunction(value_);
      case RdbOpcode::kModuleAux:
        return SkipModuleAux();
      default:
        return ReadKey(byte);
    }
  }

  Status ReadAux() {
    TRY(ReadString(limits_.aux_bytes_max, &name_));
    TRY(ReadString(limits_.aux_bytes_max, &value_));
    if (name_.starts_with(kRdbSectionPrefix)) {
      return visitor_.OnSection(std::string_view(name_).substr(kRdbSectionPrefix.size()), value_);
    }
    return visitor_.OnAux(name_, value_);
  }

  // Data of a module that we don't have: typed values up to an end mark, so it can be passed over.
  Status SkipModuleAux() {
    TRY(PlainLength());  // module
    TRY(PlainLength());  // an integer follows:
    TRY(PlainLength());  // before or after the keys
    constexpr uint64_t kModuleEnd = 0, kSigned = 1, kUnsigned = 2, kFloat = 3, kDouble = 4,
                       kText = 5;
    while (true) {
      ASSIGN_OR_RETURN(const uint64_t opcode, PlainLength());
      switch (opcode) {
        case kModuleEnd:
          return {};
        case kSigned:
        case kUnsigned:
          TRY(PlainLength());
          break;
        case kFloat:
          TRY(Fixed<uint32_t>());
          break;
        case kDouble:
          TRY(Fixed<uint64_t>());
          break;
        case kText:
          TRY(ReadString(limits_.string_bytes_max, &value_));
          break;
        default:
          return Corrupt("bad module data");
      }
    }
  }

  static Result<RdbShape> ShapeOf(uint8_t type) {
    for (const RdbShape& shape : kRdbShapes)
      if (static_cast<uint8_t>(shape.type) == type) return shape;
    return Fail(Errc::kMismatch, std::string("RDB: ") + TypeName(type) + " (type " +
                                     std::to_string(type) + ") is not supported yet");
  }

  Status ReadKey(uint8_t type) {
    ASSIGN_OR_RETURN(const RdbShape shape, ShapeOf(type));
    TRY(ReadString(limits_.string_bytes_max, &key_.key));
    const Status status = ReadValue(shape);
    key_.expire_at_ms = -1;
    return status;
  }

  Status ReadValue(const RdbShape& shape) {
    switch (shape.form) {
      case RdbShape::Form::kText:
        TRY(ReadString(limits_.string_bytes_max, &value_));
        TRY(visitor_.OnBegin(key_, shape.kind, value_.size()));
        TRY(visitor_.OnPart(value_));
        return visitor_.OnEnd();
      case RdbShape::Form::kPlain:
        return ReadPlain(shape);
      case RdbShape::Form::kListpack:
      case RdbShape::Form::kZiplist:
        TRY(ReadString(limits_.string_bytes_max, &value_));
        return ReadPacked(shape);
      case RdbShape::Form::kZiplists:
      case RdbShape::Form::kNodes:
        return ReadNodes(shape);
    }
    return Corrupt("unknown shape");
  }

  Status ReadPlain(const RdbShape& shape) {
    ASSIGN_OR_RETURN(const uint64_t elements, PlainLength());
    if (elements == 0) return Corrupt("an empty collection");
    if (elements > limits_.elements_max) return Fail(Errc::kLimit, "RDB: a collection is too big");
    TRY(visitor_.OnBegin(key_, shape.kind, elements));
    const uint64_t parts = elements * shape.parts_per_element;
    for (uint64_t i = 0; i < parts; ++i) {
      TRY(ReadString(limits_.string_bytes_max, &value_));
      TRY(visitor_.OnPart(value_));
      if (i % 128 == 0) Breathe();
    }
    return visitor_.OnEnd();
  }

  Status ReadPacked(const RdbShape& shape) {
    const PackedReader::Format format = shape.form == RdbShape::Form::kListpack
                                            ? PackedReader::Format::kListpack
                                            : PackedReader::Format::kZiplist;
    const uint64_t per_element = shape.parts_per_element;
    uint64_t parts = 0;
    if (!PackedReader(format, value_).Count(&parts) || parts == 0 || parts % per_element != 0)
      return Corrupt("bad packed collection");
    TRY(visitor_.OnBegin(key_, shape.kind, parts / per_element));
    TRY(HandOn(format, value_));
    return visitor_.OnEnd();
  }

  Status HandOn(PackedReader::Format format, std::string_view bytes) {
    PackedReader packed(format, bytes);
    std::string_view part;
    while (packed.Next(&part)) TRY(visitor_.OnPart(part));
    return {};
  }

  // A quicklist says how many nodes it has, and not how many elements: all are gathered first.
  Status ReadNodes(const RdbShape& shape) {
    constexpr uint64_t kPlainNode = 1, kPackedNode = 2;
    struct Node {
      bool plain;
      std::string bytes;
    };
    const PackedReader::Format format = shape.form == RdbShape::Form::kNodes
                                            ? PackedReader::Format::kListpack
                                            : PackedReader::Format::kZiplist;
    ASSIGN_OR_RETURN(const uint64_t count, PlainLength());
    std::vector<Node> nodes;
    uint64_t elements = 0;
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t container = kPackedNode;
      if (shape.form == RdbShape::Form::kNodes) {
        ASSIGN_OR_RETURN(container, PlainLength());
        if (container != kPlainNode && container != kPackedNode) return Corrupt("bad list node");
      }
      Node node{.plain = container == kPlainNode, .bytes = {}};
      TRY(ReadString(limits_.string_bytes_max, &node.bytes));
      bytes += node.bytes.size();
      if (bytes > limits_.nodes_bytes_max) return Fail(Errc::kLimit, "RDB: a list is too big");
      uint64_t here = 1;
      if (!node.plain && !PackedReader(format, node.bytes).Count(&here))
        return Corrupt("bad list node");
      elements += here;
      if (here > 0) nodes.push_back(std::move(node));
      if (i % 64 == 0) Breathe();
    }
    if (elements == 0) return Corrupt("an empty list");
    TRY(visitor_.OnBegin(key_, shape.kind, elements));
    for (const Node& node : nodes) {
      TRY(node.plain ? visitor_.OnPart(node.bytes) : HandOn(format, node.bytes));
      Breathe();
    }
    return visitor_.OnEnd();
  }

  RdbSource& source_;
  const RdbLimits limits_;
  RdbVisitor& visitor_;
  std::string buffer_;
  size_t at_ = 0;
  size_t end_ = 0;
  uint64_t consumed_ = 0;
  uint64_t crc_ = 0;
  int version_ = 0;
  RdbKey key_;
  std::string name_;
  std::string value_;
};

Result<size_t> RdbStringSource::Read(char* out, size_t size) {
  const size_t step = std::min(size, bytes_.size());
  std::memcpy(out, bytes_.data(), step);
  bytes_.remove_prefix(step);
  return step;
}

Result<size_t> RdbFileSource::Read(char* out, size_t size) {
  ASSIGN_OR_RETURN(const size_t read, file_.ReadAt(offset_, out, size));
  offset_ += read;
  return read;
}

Status RdbVisitor::OnAux(std::string_view name, std::string_view value) {
  static_cast<void>(name);
  static_cast<void>(value);
  return {};
}

Status RdbVisitor::OnSection(std::string_view name, std::string_view bytes) {
  static_cast<void>(name);
  static_cast<void>(bytes);
  return {};
}

Status RdbVisitor::OnSelectDb(uint32_t db) {
  static_cast<void>(db);
  return {};
}

Status RdbVisitor::OnResizeDb(uint64_t keys, uint64_t expires) {
  static_cast<void>(keys);
  static_cast<void>(expires);
  return {};
}

Status RdbVisitor::OnFunction(std::string_view code) {
  static_cast<void>(code);
  return {};
}

Status ReadRdb(RdbSource& source, const RdbLimits& limits, RdbVisitor& visitor) {
  const auto all = RdbParser(&source, limits, &visitor).Step(SIZE_MAX);
  return all ? Status() : std::unexpected(all.error());
}

RdbStepper::RdbStepper(RdbSource* source, const RdbLimits& limits, RdbVisitor* visitor)
    : parser_(std::make_unique<RdbParser>(source, limits, visitor)) {}

RdbStepper::~RdbStepper() = default;

Result<bool> RdbStepper::Step(size_t items) { return parser_->Step(items); }

Status ReadRdbPayload(std::string_view payload, const RdbLimits& limits, RdbVisitor& visitor,
                      bool* envelope) {
  constexpr size_t kTailBytes = sizeof(uint16_t) + sizeof(uint64_t);
  *envelope = true;
  if (payload.size() <= kTailBytes) return Fail(Errc::kCorruption, "DUMP: too short");
  const std::string_view value = payload.substr(0, payload.size() - kTailBytes);
  Reader tail(payload.substr(value.size()));
  const uint16_t version = tail.U16();
  if (version > kRdbVersionMax) return Fail(Errc::kCorruption, "DUMP: a newer version");
  const uint64_t crc = tail.U64();
  if (crc != Crc64(payload.substr(0, payload.size() - sizeof crc)))
    return Fail(Errc::kCorruption, "DUMP: wrong checksum");
  *envelope = false;
  RdbStringSource source(value);
  return RdbParser(&source, limits, &visitor).ReadAlone();
}

Status VerifyRdb(File& file) {
  ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  if (size < kMagicBytes + kRdbFooterBytes) return Fail(Errc::kCorruption, "RDB: too short");
  const uint64_t covered = size - sizeof(uint64_t);
  uint64_t crc = 0;
  std::string bytes;
  char last = 0;
  for (uint64_t at = 0; at < covered; at += bytes.size()) {
    bytes.resize(std::min<uint64_t>(kStringStepBytes, covered - at));
    ASSIGN_OR_RETURN(const size_t read, file.ReadAt(at, bytes.data(), bytes.size()));
    if (read != bytes.size()) return Fail(Errc::kCorruption, "RDB: cut short");
    if (at == 0 && !bytes.starts_with("REDIS")) return Fail(Errc::kCorruption, "not an RDB file");
    crc = Crc64(bytes, crc);
    last = bytes.back();
  }
  char footer[sizeof(uint64_t)];
  ASSIGN_OR_RETURN(const size_t read, file.ReadAt(covered, footer, sizeof footer));
  Reader in(std::string_view(footer, read));
  if (last != static_cast<char>(RdbOpcode::kEof) || in.U64() != crc || !in.ok()) {
    return Fail(Errc::kCorruption, "RDB: wrong checksum");
  }
  return {};
}

}  // namespace clustron::persist
