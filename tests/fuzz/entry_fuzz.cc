// Log entries and items: malformed ones are refused, and what is understood is written back with
// the same meaning.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "cluster/log/entry.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clustron;
  using namespace clustron::cluster;
  Reader reader({reinterpret_cast<const char*>(data), size});
  EntryHeader entry;
  if (!ReadEntryHeader(&reader, &entry)) return 0;
  std::string again;
  AppendEntryHeader(entry, &again);
  CHECK(again.size() == kEntryHeaderBytes);

  ItemHeader header;
  std::vector<std::string_view> args;
  while (reader.remaining() > 0) {
    Reader peek = reader;
    ItemHeader peeked;
    std::string_view bytes;
    const bool peekable = PeekItem(&peek, &peeked, &bytes);
    if (!ReadItem(&reader, &header, &args)) return 0;
    CHECK(peekable);
    CHECK(peek.remaining() == reader.remaining());
    CHECK(peeked.sequence == header.sequence);

    std::string written;
    AppendItem(header, args, &written);
    Reader second(written);
    ItemHeader header2;
    std::vector<std::string_view> args2;
    CHECK(ReadItem(&second, &header2, &args2));
    CHECK(second.Done());
    CHECK(args2 == args);
    CHECK(header2.kind == header.kind);
    CHECK(header2.flags == header.flags);
    CHECK(header2.command_id == header.command_id);
    CHECK(header2.db == header.db);
    CHECK(header2.resp_version == header.resp_version);
    CHECK(header2.session == header.session);
    CHECK(header2.sequence == header.sequence);
    CHECK(header2.user == header.user);
  }
  return 0;
}
