#include "persist/identity.h"

#include <doctest/doctest.h>

#include <string>

#include "base/coding.h"
#include "persist/mark_file.h"
#include "tests/sim/sim_fs.h"

namespace clustron::persist {
namespace {

using sim::SimFs;

Identity Sample() {
  return {.cluster_id = std::string(32, 'c'),
          .node_id = 3,
          .boot = 0,
          .format_version = kDataFormatVersion,
          .log_created = false,
          .extra = "formation"};
}

}  // namespace

TEST_CASE("identity: none in an empty directory, also with other people's files") {
  SimFs fs;
  auto loaded = IdentityFile::Load(fs, "/d");
  REQUIRE(loaded);
  CHECK(!*loaded);
  REQUIRE(fs.Open("/d/dump.rdb", OpenMode::kCreate));
  REQUIRE(fs.MakeDir("/d/wal"));  // empty: made, but never used
  loaded = IdentityFile::Load(fs, "/d");
  REQUIRE(loaded);
  CHECK(!*loaded);
  CHECK(IdentityFile::Boot(fs, "/d", 1).error().code == Errc::kNotFound);
}

TEST_CASE("identity: created once, counts boots, keeps what it is told") {
  SimFs fs;
  REQUIRE(IdentityFile::Create(fs, "/d", Sample()));
  CHECK(fs.AllSynced());
  const Status again = IdentityFile::Create(fs, "/d", Sample());
  REQUIRE(!again);
  CHECK(again.error().code == Errc::kExists);
  auto booted = IdentityFile::Boot(fs, "/d", 2);
  REQUIRE(booted);
  CHECK(booted->boot == 1);
  CHECK(booted->nonce == 2);
  booted->log_created = true;
  booted->set_back = true;
  booted->set_back_why = "a copy";
  booted->recovered_boot = 1;
  booted->loss_accepted = true;
  REQUIRE(IdentityFile::Update(fs, "/d", *booted));
  booted = IdentityFile::Boot(fs, "/d", 3);
  REQUIRE(booted);
  CHECK(booted->boot == 2);
  CHECK(booted->nonce == 3);
  CHECK(booted->log_created);
  CHECK(booted->set_back);
  CHECK(booted->set_back_why == "a copy");
  CHECK(booted->recovered_boot == 1);
  CHECK(booted->loss_accepted);
  CHECK(booted->extra == "formation");
}

TEST_CASE("identity: a boot number never comes twice, whatever is lost or damaged") {
  for (uint64_t op = 1; op <= 10; ++op) {
    for (const sim::CrashMode mode : sim::kCrashModes) {
      for (const char* copy : {"", "/d/identity.a", "/d/identity.b"}) {
        SimFs fs;
        REQUIRE(IdentityFile::Create(fs, "/d", Sample()));
        REQUIRE(IdentityFile::Boot(fs, "/d", 4));
        fs.StopAt(op);
        const auto booted = IdentityFile::Boot(fs, "/d", 5);
        Rng rng(op);
        fs.Crash(rng, mode);
        CAPTURE(op);
        CAPTURE(copy);
        if (*copy != '\0' && booted) fs.FlipBit(copy, 30, 2);
        const auto next = IdentityFile::Boot(fs, "/d", 6);
        REQUIRE(next);
        CHECK(next->boot > (booted ? booted->boot : 1));
      }
    }
  }
}

TEST_CASE("identity: traces of a node without a readable identity are not an empty directory") {
  for (const char* trace : {"/d/wal/0000000000000001.log", "/d/snapshots/00000000000000000001.rdb",
                            "/d/wal.a", "/d/reserve.b"}) {
    SimFs fs;
    REQUIRE(fs.MakeDir("/d/wal"));
    REQUIRE(fs.MakeDir("/d/snapshots"));
    REQUIRE(fs.Open(trace, OpenMode::kCreate));
    CAPTURE(trace);
    const auto loaded = IdentityFile::Load(fs, "/d");
    REQUIRE(!loaded);
    CHECK(loaded.error().code == Errc::kCorruption);
    CHECK(!IdentityFile::Create(fs, "/d", Sample()));
  }
  SimFs fs;
  REQUIRE(IdentityFile::Create(fs, "/d", Sample()));
  fs.FlipBit("/d/identity.a", 30, 0);
  CHECK(IdentityFile::Load(fs, "/d"));
  fs.FlipBit("/d/identity.b", 31, 0);
  const auto loaded = IdentityFile::Load(fs, "/d");
  REQUIRE(!loaded);
  CHECK(loaded.error().code == Errc::kCorruption);
}

TEST_CASE("identity: a directory of format 1 has no nonce and is not set back") {
  std::string bytes;
  Writer out(&bytes);
  out.U32(1);
  out.Bytes(std::string(32, 'c'));
  out.U32(3);
  out.U64(7);
  out.U8(1);
  out.Bytes("formation");
  SimFs fs;
  MarkFile file(&fs, "/d", "identity");
  REQUIRE(fs.MakeDir("/d"));
  REQUIRE(file.Load());
  REQUIRE(file.WriteBoth(bytes));
  auto loaded = IdentityFile::Load(fs, "/d");
  REQUIRE(loaded);
  REQUIRE(*loaded);
  CHECK((*loaded)->boot == 7);
  CHECK((*loaded)->nonce == 0);
  CHECK(!(*loaded)->set_back);
  const auto booted = IdentityFile::Boot(fs, "/d", 5);
  REQUIRE(booted);
  CHECK(booted->boot == 8);
  CHECK(booted->format_version == kDataFormatVersion);
  CHECK(booted->extra == "formation");
}

TEST_CASE("identity: a newer format is refused by name") {
  SimFs fs;
  Identity identity = Sample();
  identity.format_version = kDataFormatVersion + 1;
  REQUIRE(IdentityFile::Create(fs, "/d", identity));
  const auto loaded = IdentityFile::Load(fs, "/d");
  REQUIRE(!loaded);
  CHECK(loaded.error().code == Errc::kMismatch);
}

}  // namespace clustron::persist
