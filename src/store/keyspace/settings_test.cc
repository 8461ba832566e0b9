#include "store/keyspace/settings.h"

#include <doctest/doctest.h>

#include "store/keyspace/database_names.h"
#include "store/keyspace/event_flags.h"
#include "store/snapshot/snapshot_load.h"
#include "store/snapshot/snapshot_walk.h"

namespace clustron::store {

TEST_CASE("settings begin with defaults that are canonical") {
  const Settings settings;
  CHECK(settings.Get("maxmemory-policy").text == "noeviction");
  CHECK(settings.Number("hash-max-listpack-entries") == 512);
  for (const OptionSpec& spec : SettingSpecs()) {
    CHECK(settings.Get(spec.name).text == spec.default_value);
  }
}

TEST_CASE("a setting is found by its older name, in any case") {
  CHECK(FindSetting("HASH-max-ziplist-value") == FindSetting("hash-max-listpack-value"));
  CHECK(FindSetting("maxclients") == nullptr);
}

TEST_CASE("setting tells whether something changed, and refuses what is not valid") {
  Settings settings;
  const OptionSpec& entries = *FindSetting("hash-max-listpack-entries");
  CHECK(*settings.Set(entries, "7"));
  CHECK(!*settings.Set(entries, "7"));
  CHECK(!settings.Set(entries, "-1"));
  CHECK(settings.Number("hash-max-listpack-entries") == 7);
  const OptionSpec& events = *FindSetting("notify-keyspace-events");
  CHECK(*settings.Set(events, "KEA"));
  CHECK(!*settings.Set(events, "AEK"));
  CHECK(settings.Number("notify-keyspace-events") == *ParseEventFlags("KEA"));
}

TEST_CASE("names of databases are written by their numbers, and found as they are written") {
  CHECK(*CanonicalDatabaseNames("  3=c   0=a.b:c-d_1 15=Zz ") == "0=a.b:c-d_1 3=c 15=Zz");
  CHECK(*CanonicalDatabaseNames("") == "");
  CHECK(*CanonicalDatabaseNames(" ") == "");
  const std::string longest(64, 'x');
  CHECK(CanonicalDatabaseNames("1=" + longest).has_value());
  for (const std::string& bad :
       {std::string("a"), std::string("=a"), std::string("1="), std::string("16=a"),
        std::string("-1=a"), std::string("01=a"), std::string("1=7"), std::string("1=-7"),
        std::string("1=007"), std::string("1=a=b"), std::string("1=a 1=b"), std::string("1=a 2=a"),
        std::string("1=a\t2=b"), "1=" + longest + "x"}) {
    CAPTURE(bad);
    CHECK(!CanonicalDatabaseNames(bad));
  }
  Settings settings;
  CHECK(!HasDatabaseNames(settings));
  CHECK(!DatabaseNamed(settings, "a"));
  CHECK(*settings.Set(*FindSetting("database-names"), "0=a 12=ab"));
  CHECK(HasDatabaseNames(settings));
  CHECK(DatabaseNamed(settings, "a") == 0);
  CHECK(DatabaseNamed(settings, "ab") == 12);
  for (std::string_view none : {"", "b", "A", "0", "12=ab", "a 12=ab"})
    CHECK(!DatabaseNamed(settings, none));
}

TEST_CASE("settings survive encoding, whatever was there before") {
  Settings a, b;
  CHECK(*a.Set(*FindSetting("notify-keyspace-events"), "Kx"));
  CHECK(*b.Set(*FindSetting("hash-max-listpack-value"), "1kb"));
  CHECK(a.Digest() != b.Digest());
  std::string bytes;
  a.Encode(&bytes);
  Reader reader(bytes);
  CHECK(b.Decode(&reader));
  CHECK(reader.Done());
  CHECK(b.Get("notify-keyspace-events").text == "xK");
  CHECK(b.Number("hash-max-listpack-value") == 64);
  CHECK(a.Digest() == b.Digest());
}

TEST_CASE("settings cut short or unknown are refused") {
  Settings a;
  CHECK(*a.Set(*FindSetting("notify-keyspace-events"), "Kx"));
  std::string bytes;
  a.Encode(&bytes);
  for (size_t n = 0; n < bytes.size(); n++) {
    Reader reader(std::string_view(bytes).substr(0, n));
    CHECK(!Settings().Decode(&reader));
  }
  std::string unknown;
  Writer writer(&unknown);
  writer.Varint(1);
  writer.Bytes("from-the-future");
  writer.Bytes("1");
  Reader reader(unknown);
  CHECK(!Settings().Decode(&reader));
}

TEST_CASE("the store acts on a changed setting at once, and it is in the digest") {
  Store store(1);
  const uint64_t before = store.Digest();
  store.BeginItem();
  const OptionSpec& entries = *FindSetting("hash-max-listpack-entries");
  CHECK(*store.ChangeSetting(entries, "3"));
  CHECK(store.ItemRevision() != 0);
  CHECK(store.limits().hash.packed_fields_max == 3);
  CHECK(store.Digest() != before);

  store.BeginItem();
  CHECK(!*store.ChangeSetting(entries, "3"));
  CHECK(store.ItemRevision() == 0);
  CHECK(*store.ChangeSetting(entries, "9223372036854775807"));
  CHECK(store.limits().hash.packed_fields_max == 1 << 16);
}

TEST_CASE("settings are in snapshots") {
  struct NoKeys : SnapshotSink {
    void OnRows(std::string_view, std::string_view) override {}
    void OnKey(int, std::string_view, Type, const KeyMeta&, uint64_t) override {}
    void OnPart(std::string_view) override {}
  } sink;
  Store store(1);
  store.BeginItem();
  CHECK(*store.ChangeSetting(*FindSetting("hash-max-listpack-entries"), "4"));
  Store other(2);
  {
    SnapshotWalk walk(store, sink);
    CHECK(StoreLoader(other).LoadTables(walk.tables()));
  }
  CHECK(other.limits().hash.packed_fields_max == 4);
  CHECK(other.Digest() == store.Digest());
  const StoreLoader empties(other);
  CHECK(other.limits().hash.packed_fields_max == 512);
}

}  // namespace clustron::store
