#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/crc64.h"
#include "base/rng.h"
#include "persist/lzf.h"
#include "persist/packed_reader.h"
#include "persist/rdb_reader.h"
#include "persist/rdb_writer.h"

namespace clustron::persist {
namespace {

// Everything that a file holds, as text in its order.
class Lines : public RdbVisitor {
 public:
  Status OnAux(std::string_view name, std::string_view value) override {
    return Add("aux " + std::string(name) + "=" + std::string(value));
  }
  Status OnSection(std::string_view name, std::string_view bytes) override {
    return Add("section " + std::string(name) + "=" + std::string(bytes));
  }
  Status OnSelectDb(uint32_t db) override { return Add("db " + std::to_string(db)); }
  Status OnResizeDb(uint64_t keys, uint64_t expires) override {
    return Add("resize " + std::to_string(keys) + " " + std::to_string(expires));
  }
  Status OnBegin(const RdbKey& key, RdbKind kind, uint64_t elements) override {
    kind_ = kind;
    field_ = kind == RdbKind::kString ? Key(key) + "=" : "";
    if (kind == RdbKind::kString) return {};
    return Add(Key(key) + (kind == RdbKind::kHash ? " hash " : " list ") +
               std::to_string(elements));
  }
  Status OnPart(std::string_view part) override {
    if (kind_ == RdbKind::kList) return Add(" " + std::string(part));
    if (field_.empty()) {
      field_ = " " + std::string(part) + "=";
      return {};
    }
    return Add(std::exchange(field_, {}) + std::string(part));
  }
  Status OnEnd() override { return kind_ == RdbKind::kString ? Status() : Add("end"); }

  std::vector<std::string> lines;

 private:
  RdbKind kind_ = RdbKind::kString;
  std::string field_;
  static std::string Key(const RdbKey& key) {
    std::string text = std::to_string(key.db) + ":" + key.key;
    if (key.expire_at_ms >= 0) text += "@" + std::to_string(key.expire_at_ms);
    return text;
  }
  Status Add(std::string line) {
    lines.push_back(std::move(line));
    return {};
  }
};

// Hands out the bytes in pieces of any size.
class Dripping : public RdbSource {
 public:
  Dripping(std::string_view bytes, Rng rng) : bytes_(bytes), rng_(rng) {}
  Result<size_t> Read(char* out, size_t size) override {
    const size_t step = bytes_.empty() ? 0 : 1 + rng_.Below(std::min(size, bytes_.size()));
    bytes_.copy(out, step);
    bytes_.remove_prefix(step);
    return step;
  }

 private:
  std::string_view bytes_;
  Rng rng_;
};

std::string Sample() {
  RdbWriter rdb;
  rdb.Begin();
  rdb.Aux("redis-ver", "7.2.0");
  rdb.Section("meta", std::string("\0slot 17\xff", 9));
  rdb.SelectDb(0);
  rdb.ResizeDb(4, 1);
  rdb.String("plain", "value");
  rdb.ExpireAtMs(4102444800123);
  rdb.String("dies", "soon");
  rdb.String("number", "-2147483648");
  rdb.String("byte", "12");
  rdb.String("word", "-3000");
  rdb.String("almost", "012");
  rdb.String("big", std::string(70000, 'x'));
  rdb.String("mid", std::string(300, 'y'));
  rdb.String("", "");
  rdb.SelectDb(9);
  rdb.Begin(RdbKind::kHash, "h", 2);
  rdb.Part("f");
  rdb.Part("1");
  rdb.Part("g");
  rdb.Part(std::string("bi\0nary", 7));
  rdb.Section("keys", "behind them");
  rdb.End();
  return rdb.Take();
}

Status ReadAll(std::string_view bytes, Lines* lines) {
  RdbStringSource source(bytes);
  return ReadRdb(source, RdbLimits(), *lines);
}

// An RDB file around one value of the given type.
std::string Wrap(uint8_t type, std::string_view key, std::string_view value) {
  RdbWriter strings;
  strings.String(key, value);
  std::string bytes = "REDIS0010" + strings.Take();
  bytes[9] = static_cast<char>(type);
  bytes += '\xff';
  const uint64_t crc = Crc64(bytes);
  bytes.append(reinterpret_cast<const char*>(&crc), sizeof crc);
  return bytes;
}

}  // namespace

TEST_CASE("rdb: what was written is read back, in its order") {
  Lines lines;
  REQUIRE(ReadAll(Sample(), &lines));
  const std::vector<std::string> expected = {
      "aux redis-ver=7.2.0",
      std::string("section meta=\0slot 17\xff", 22),
      "db 0",
      "resize 4 1",
      "0:plain=value",
      "0:dies@4102444800123=soon",
      "0:number=-2147483648",
      "0:byte=12",
      "0:word=-3000",
      "0:almost=012",
      "0:big=" + std::string(70000, 'x'),
      "0:mid=" + std::string(300, 'y'),
      "0:=",
      "db 9",
      "9:h hash 2",
      " f=1",
      std::string(" g=bi\0nary", 10),
      "end",
      "section keys=behind them",
  };
  CHECK(lines.lines == expected);
}

TEST_CASE("rdb: lengths and integers at the bounds of their encodings") {
  std::vector<std::string> values;
  for (const size_t size : {63, 64, 16'383, 16'384, 16'385}) values.emplace_back(size, 'x');
  for (const int64_t bound : {int64_t{1} << 7, int64_t{1} << 15, int64_t{1} << 31}) {
    for (const int64_t value : {bound - 1, bound, -bound, -bound - 1})
      values.push_back(std::to_string(value));
  }
  values.insert(values.end(), {"99999999999", "-9999999999", "-0", "+1", "1 "});
  RdbWriter rdb;
  rdb.Begin();
  for (const std::string& value : values) rdb.String(value, value);
  rdb.End();
  Lines lines;
  REQUIRE(ReadAll(rdb.Take(), &lines).has_value());
  REQUIRE(lines.lines.size() == values.size());
  for (size_t i = 0; i < values.size(); i++)
    CHECK(lines.lines[i] == "0:" + values[i] + "=" + values[i]);
}

TEST_CASE("rdb: an end in seconds is one of its key alone") {
  std::string file = "REDIS0003";
  file += std::string("\xfd\x10\x27\0\0", 5);  // 10,000 s
  file += std::string("\0\1k\1v", 5);
  file += std::string("\0\1l\1v", 5);
  file += "\xff";
  Lines lines;
  REQUIRE(ReadAll(file, &lines).has_value());
  CHECK(lines.lines == std::vector<std::string>{"0:k@10000000=v", "0:l=v"});
}

TEST_CASE("rdb: a string written in pieces is the same as one written whole") {
  const std::string value(100'000, 'p');
  RdbWriter whole;
  whole.Begin();
  whole.String("key", value);
  whole.End();
  RdbWriter pieces;
  pieces.Begin();
  pieces.StringBegin("key", value.size());
  std::string taken;
  for (size_t at = 0; at < value.size(); at += 33'333) {
    pieces.StringBytes(std::string_view(value).substr(at, 33'333));
    taken += pieces.Take();
  }
  pieces.End();
  CHECK(taken + pieces.Take() == whole.Take());
}

TEST_CASE("rdb: pieces taken early and read in drips make no difference") {
  const uint64_t seed = 7;
  CAPTURE(seed);
  const std::string whole = Sample();
  Lines expected;
  REQUIRE(ReadAll(whole, &expected));
  for (uint64_t i = 0; i < 20; ++i) {
    Lines lines;
    Dripping source(whole, Rng(seed + i));
    REQUIRE(ReadRdb(source, RdbLimits(), lines));
    CHECK(lines.lines == expected.lines);
  }
  RdbWriter rdb;
  std::string pieces;
  rdb.Begin();
  pieces += rdb.Take();
  rdb.SelectDb(3);
  rdb.String("a", "b");
  pieces += rdb.Take();
  rdb.End();
  CHECK(rdb.total_bytes() == pieces.size() + 9);
  pieces += rdb.Take();
  Lines lines;
  REQUIRE(ReadAll(pieces, &lines));
  CHECK(lines.lines == std::vector<std::string>{"db 3", "3:a=b"});
}

TEST_CASE("rdb: read in steps of any size it is the same, and an error is one") {
  Lines expected;
  REQUIRE(ReadAll(Sample(), &expected));
  for (size_t items : {1u, 2u, 3u, 1000u}) {
    CAPTURE(items);
    Lines lines;
    const std::string bytes = Sample();
    RdbStringSource source(bytes);
    RdbStepper stepper(&source, RdbLimits(), &lines);
    int steps = 1;
    for (;; ++steps) {
      const auto done = stepper.Step(items);
      REQUIRE(done.has_value());
      if (*done) break;
    }
    CHECK(lines.lines == expected.lines);
    CHECK((steps == 1) == (items == 1000));
  }
  Lines lines;
  std::string bytes = Sample();
  bytes.back() = static_cast<char>(bytes.back() ^ 1);  // of the checksum
  RdbStringSource source(bytes);
  RdbStepper stepper(&source, RdbLimits(), &lines);
  Result<bool> done = false;
  while (done && !*done) done = stepper.Step(1);
  CHECK(!done);
}

TEST_CASE("rdb: a long section comes back as its pieces") {
  RdbWriter rdb;
  rdb.Begin();
  std::string bytes(RdbWriter::kSectionChunkBytes * 2 + 5, 'a');
  bytes.back() = 'z';
  rdb.Section("big", bytes);
  rdb.Section("empty", "");
  rdb.End();
  class Joiner : public Lines {
   public:
    Status OnSection(std::string_view name, std::string_view piece) override {
      joined[std::string(name)] += piece;
      ++count;
      return {};
    }
    std::map<std::string, std::string> joined;
    int count = 0;
  } joiner;
  RdbStringSource source("");
  const std::string file = rdb.Take();
  source = RdbStringSource(file);
  REQUIRE(ReadRdb(source, RdbLimits(), joiner));
  CHECK(joiner.count == 4);
  CHECK(joiner.joined["big"] == bytes);
  CHECK(joiner.joined.contains("empty"));
}

TEST_CASE("rdb: every changed byte and every shortened file is refused") {
  RdbWriter rdb;
  rdb.Begin();
  rdb.SelectDb(0);
  rdb.String("key", "value");
  rdb.Begin(RdbKind::kHash, "h", 1);
  rdb.Part("f");
  rdb.Part("v");
  rdb.End();
  const std::string whole = rdb.Take();
  RdbLimits limits;
  limits.require_checksum = true;
  for (size_t at = 0; at < whole.size(); ++at) {
    CAPTURE(at);
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      Lines lines;
      RdbStringSource source(bytes);
      CHECK(!ReadRdb(source, limits, lines));
    }
    Lines lines;
    RdbStringSource source(std::string_view(whole).substr(0, at));
    CHECK(!ReadRdb(source, limits, lines));
  }
}

TEST_CASE("rdb: a switched off checksum is taken unless forbidden") {
  std::string bytes = Wrap(0, "k", "v");
  bytes.replace(bytes.size() - 8, 8, 8, '\0');
  Lines lines;
  CHECK(ReadAll(bytes, &lines));
  RdbLimits limits;
  limits.require_checksum = true;
  RdbStringSource source(bytes);
  CHECK(!ReadRdb(source, limits, lines));
}

TEST_CASE("rdb: rubbish is refused without a crash or much memory") {
  const uint64_t seed = 11;
  CAPTURE(seed);
  Rng rng(seed);
  const std::string whole = Sample();
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = whole.substr(0, 250);
    const uint64_t changes = 1 + rng.Below(6);
    for (uint64_t i = 0; i < changes; ++i) {
      bytes[9 + rng.Below(bytes.size() - 9)] = static_cast<char>(rng.Next());
    }
    Lines lines;
    CHECK(!ReadAll(bytes, &lines));
  }
  Lines lines;
  // A string of 2^62 bytes, and one that is said to expand without end.
  CHECK(!ReadAll("REDIS0010" + std::string("\0\x01k\x81\x40\0\0\0\0\0\0\0", 12), &lines));
  CHECK(!ReadAll("REDIS0010" + std::string("\0\x01k\xc3\x01\x80\x10\0\0\0a", 11), &lines));
}

TEST_CASE("rdb: lists are read in all forms that Redis has written") {
  const auto file = [](uint8_t type, const std::string& value) {
    std::string bytes =
        "REDIS0010" + std::string(1, static_cast<char>(type)) + "\1k" + value + '\xff';
    const uint64_t crc = Crc64(bytes);
    bytes.append(reinterpret_cast<const char*>(&crc), sizeof crc);
    return bytes;
  };
  const auto text = [](const std::string& bytes) {
    return std::string(1, static_cast<char>(bytes.size())) + bytes;
  };
  const std::string listpack =
      text(std::string("\x0c\0\0\0\x02\0\x81"
                       "a\x02\x01\x01\xff",
                       12));
  const std::string ziplist =
      text(std::string("\x10\0\0\0\x0d\0\0\0\x02\0\0\x01"
                       "a\x03\xf2\xff",
                       16));
  const std::vector<std::string> two = {"0:k list 2", " a", " 1", "end"};
  struct {
    uint8_t type;
    std::string value;
    std::vector<std::string> lines;
  } const forms[] = {
      {1, "\2" + text("a") + text("1"), two},
      {10, ziplist, two},
      {14, "\1" + ziplist, two},
      {18, "\1\2" + listpack, two},
      {18,
       "\3\2" + listpack + "\1" + text("plain") + "\2" + listpack,
       {"0:k list 5", " a", " 1", " plain", " a", " 1", "end"}},
  };
  for (const auto& form : forms) {
    CAPTURE(form.type);
    Lines lines;
    REQUIRE(ReadAll(file(form.type, form.value), &lines));
    CHECK(lines.lines == form.lines);
  }
  for (const auto& [type, value] : std::vector<std::pair<uint8_t, std::string>>{
           {1, std::string(1, '\0')},                // empty
           {14, std::string(1, '\0')},               // no node
           {18, "\1\3" + listpack},                  // another kind of node
           {18, "\1\2" + text("no listpack")},       //
           {14, "\1" + listpack},                    // the other packed form
           {18, "\1\2" + listpack.substr(0, 9)}}) {  // cut short
    CAPTURE(type);
    Lines lines;
    CHECK(!ReadAll(file(type, value), &lines));
  }
}

TEST_CASE("rdb: limits and unknown types are named") {
  Lines lines;
  const Status set = ReadAll(Wrap(20, "s", "x"), &lines);
  REQUIRE(!set);
  CHECK(set.error().code == Errc::kMismatch);
  CHECK(set.error().detail == "RDB: a set (type 20) is not supported yet");
  RdbLimits limits;
  limits.string_bytes_max = 10;
  const std::string bytes = Wrap(0, "k", "eleven bytes");
  RdbStringSource source(bytes);
  const Status status = ReadRdb(source, limits, lines);
  REQUIRE(!status);
  CHECK(status.error().code == Errc::kLimit);
  const Status newer = ReadAll("REDIS0099", &lines);
  REQUIRE(!newer);
  CHECK(newer.error().code == Errc::kMismatch);
}

TEST_CASE("rdb: hashes that Redis packed as listpack and ziplist are read") {
  // Bytes as redis-server 7.0 and 6.2 write them.
  const std::string listpack(
      "\x26\x00\x00\x00\x08\x00"  // 38 bytes, 8 elements
      "\x81"
      "f"
      "\x02"
      "\x05\x01"  // f 5
      "\x81"
      "g"
      "\x02"
      "\xdf\xff\x02"  // g -1
      "\x81"
      "h"
      "\x02"
      "\xf1\x10\x27\x03"  // h 10000
      "\x82"
      "ij"
      "\x03"
      "\x83"
      "xyz"
      "\x04"  // ij xyz
      "\xff",
      6 + 5 + 6 + 7 + 9 + 1);
  std::string fixed = listpack;
  fixed[0] = static_cast<char>(fixed.size());
  Lines lines;
  REQUIRE(ReadAll(Wrap(16, "lp", fixed), &lines));
  CHECK(lines.lines ==
        std::vector<std::string>{"0:lp hash 4", " f=5", " g=-1", " h=10000", " ij=xyz", "end"});
  std::string ziplist(
      "\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00"
      "\x00\x01"
      "a"
      "\x03\xf2"  // a 1
      "\x02\x01"
      "b"
      "\x03\xfe\x9c"  // b -100
      "\x03\x01"
      "c"
      "\x03\xc0\xe8\x03"  // c 1000
      "\xff",
      10 + 5 + 6 + 7 + 1);
  ziplist[0] = static_cast<char>(ziplist.size());
  Lines zip;
  REQUIRE(ReadAll(Wrap(13, "zl", ziplist), &zip));
  CHECK(zip.lines == std::vector<std::string>{"0:zl hash 3", " a=1", " b=-100", " c=1000", "end"});
}

TEST_CASE("rdb: damaged packed hashes never read outside") {
  const uint64_t seed = 3;
  CAPTURE(seed);
  Rng rng(seed);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(11 + rng.Below(40), '\0');
    for (char& c : bytes) c = static_cast<char>(rng.Next());
    bytes[0] = static_cast<char>(bytes.size());
    bytes[1] = bytes[2] = bytes[3] = 0;
    bytes.back() = '\xff';
    for (const auto format : {PackedReader::Format::kListpack, PackedReader::Format::kZiplist}) {
      PackedReader reader(format, bytes);
      std::string_view element;
      uint64_t sum = 0;
      while (reader.Next(&element)) {
        for (const char c : element) sum += static_cast<uint8_t>(c);
      }
      CHECK(sum <= 0xff * 64 * 64);
    }
  }
}

TEST_CASE("lzf: literals, near and far copies, and nonsense") {
  std::string out;
  CHECK(LzfDecompress(std::string("\x02"
                                  "abc",
                                  4),
                      3, &out));
  CHECK(out == "abc");
  // "a", then 9 + 7 + 2 bytes from one back.
  CHECK(LzfDecompress(std::string("\x00"
                                  "a"
                                  "\xe0\x09\x00",
                                  5),
                      19, &out));
  CHECK(out == std::string(19, 'a'));
  CHECK(LzfDecompress(std::string("\x02"
                                  "abc"
                                  "\x20\x02",
                                  6),
                      6, &out));
  CHECK(out == "abcabc");
  CHECK(!LzfDecompress(std::string("\x02"
                                   "abc",
                                   4),
                       4, &out));
  CHECK(!LzfDecompress(std::string("\x05"
                                   "abc",
                                   4),
                       6, &out));
  CHECK(!LzfDecompress(std::string("\x20\x00", 2), 3, &out));
  CHECK(!LzfDecompress(std::string("\x00"
                                   "a"
                                   "\xe0",
                                   3),
                       9, &out));
}

// Slow (starts processes): unit-tests -ns -tc="rdb: redis-server*"
TEST_CASE("rdb: redis-server reads ours and we read its" * doctest::skip()) {
  if (std::system("command -v redis-check-rdb >/dev/null") != 0) {
    MESSAGE("skipped: redis-tools is not installed");
    return;
  }
  const std::filesystem::path dir =
      std::filesystem::temp_directory_path() / ("clustron-rdb-" + std::to_string(::getpid()));
  std::filesystem::create_directories(dir);
  const std::string sample = Sample();
  std::ofstream(dir / "dump.rdb", std::ios::binary)
      .write(sample.data(), static_cast<long>(sample.size()));
  const std::string at = "cd " + dir.string() + " && ";
  CHECK(std::system((at + "redis-check-rdb dump.rdb >check.txt").c_str()) == 0);
  const std::string cli = "redis-cli -s " + (dir / "s").string() + " ";
  // Both programs are one binary, that goes by its name.
  CHECK(std::system((at +
                     "ln -s $(command -v redis-check-rdb) redis-server && "
                     "./redis-server --port 0 --unixsocket s --save '' --daemonize yes "
                     "--pidfile pid >/dev/null && "
                     "for i in 1 2 3 4 5 6 7 8 9 10; do " +
                     cli + "ping >/dev/null 2>&1 && break; sleep 0.1; done; " + cli +
                     "get plain >plain; " + cli + "pexpiretime dies >dies; " + cli +
                     "strlen big >big; " + cli + "-n 9 hget h f >h; " + cli +
                     "hset packed n 5 t text m -70000 >/dev/null; " + cli +
                     "set long $(head -c 400 /dev/zero | tr '\\0' q) >/dev/null; " + cli +
                     "save >/dev/null; " + cli + "shutdown nosave")
                        .c_str()) == 0);
  const auto line = [&](const char* file) {
    std::ifstream in(dir / file);
    std::string text;
    std::getline(in, text);
    return text;
  };
  CHECK(line("plain") == "value");
  CHECK(line("dies") == "4102444800123");
  CHECK(line("big") == "70000");
  CHECK(line("h") == "1");
  std::ifstream in(dir / "dump.rdb", std::ios::binary);
  const std::string back((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  Lines lines;
  const Status status = ReadAll(back, &lines);
  CHECK_MESSAGE(status.has_value(), (status ? "" : status.error().detail));
  const auto has = [&](const std::string& wanted) {
    return std::find(lines.lines.begin(), lines.lines.end(), wanted) != lines.lines.end();
  };
  CHECK(has("0:long=" + std::string(400, 'q')));  // compressed
  CHECK(has("0:packed hash 3"));                  // a listpack
  CHECK(has(" m=-70000"));
  CHECK(has("0:big=" + std::string(70000, 'x')));
  std::filesystem::remove_all(dir);
}

}  // namespace clustron::persist
