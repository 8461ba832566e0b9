// Parts of the log store that its two halves (log_store.cc, log_store_open.cc) share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cluster/log/log_store.h"
#include "persist/mark_file.h"

namespace clustron::cluster {

// What tasks on the runner work on; outlives the store if a task does.
struct LogStore::Shared {
  Shared(persist::Fs* fs_in, const std::string& dir, const persist::WalOptions& options_in)
      : fs(*fs_in),
        options(options_in),
        spare(*fs_in, options_in.dir),
        writer(fs_in, options_in),
        mark(fs_in, dir, "wal"),
        reserve(fs_in, dir, "reserve"),
        lease(fs_in, dir, "lease") {}

  // All that take a `refusal` give up the spare file if the disk is full: *refusal is then the file
  // system's word. kNoSpace, if even that is not enough: nothing is harmed, to be tried again.

  // Writes the buffer.
  Status Write(std::string* refusal);
  // The one way to write the mark while the log is open. A mark is laid out before its turn comes:
  // what one that was written meanwhile knew more stands, be it the floor or what is durable.
  Status WriteMark(persist::WalBase next, std::string* refusal, bool in_both_copies = false);
  // Numbers up to the highest value that was asked for are reserved.
  Status WriteReserve(uint64_t value, std::string* refusal);
  Status WriteLease(int64_t lease_ns, std::string* refusal);
  // At a start: whatever was there before does not count.
  Status ReplaceMark(const persist::WalBase& next);

  persist::Fs& fs;
  const persist::WalOptions options;
  const SpareFile spare;
  persist::WalWriter writer;
  persist::WalBuffer buffer;
  persist::MarkFile mark;
  persist::WalBase written_mark;  // the last one of this process
  persist::MarkFile reserve;
  uint64_t reserved = 0;  // in this process
  persist::MarkFile lease;

 private:
  template <typename Step>
  Status WithRoom(std::string* refusal, const Step& step);
};

inline persist::WalBallot ToWal(const paxos::Ballot& ballot) {
  return {.round = ballot.round, .node = ballot.node};
}
inline paxos::Ballot FromWal(const persist::WalBallot& ballot) {
  return {.round = ballot.round, .node = ballot.node};
}

std::string EncodeMark(const LocalMark& mark);
std::optional<LocalMark> DecodeMark(std::string_view bytes);

std::string Encoded(const persist::WalBase& base);

}  // namespace clustron::cluster
