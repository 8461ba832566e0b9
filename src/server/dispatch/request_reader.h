// From a client's bytes to requests: parses them in batches, fetches the memory of their keys, and
// has them dispatched. THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "server/config/config.h"
#include "server/dispatch/call_recorder.h"
#include "server/dispatch/dispatcher.h"
#include "server/dispatch/session_table.h"
#include "server/dispatch/turn.h"
#include "server/dispatch/write_gate.h"
#include "server/front/client_table.h"
#include "server/observe/stats.h"
#include "state/executor.h"

namespace clustron::server {

class RequestReader {
 public:
  // What it works with; all outlive it.
  struct Around {
    const Config& config;
    const ClientTable& clients;
    const state::Executor& executor;
    Stats& stats;
    CallRecorder& recorder;
    WriteGate& writes;
    SessionTable& sessions;
    Dispatcher& dispatcher;
  };
  explicit RequestReader(const Around& around) : around_(around) {}

  // Bytes that arrived; none: what stopped the parser may be over. Afterwards look at close_now():
  // a protocol error may have ended the session.
  void Feed(Session& session, std::string_view bytes);

 private:
  // Requests parsed ahead of their turn.
  static constexpr size_t kBatchMax = 16;
  struct Request {
    size_t first, count;  // in Batch::args
    size_t end;           // of its bytes in the input
    uint64_t key_hash;    // of its second word; 0: not known
  };
  struct Batch {
    std::vector<std::string_view> args;
    std::vector<Request> requests;
    size_t skip = 0;  // empty requests end here
    void Clear() {
      args.clear();
      requests.clear();
      skip = 0;
    }
    void Add(commands::Args words, size_t end) {
      requests.push_back({args.size(), words.size(), end, 0});
      for (std::string_view word : words) args.push_back(word);
    }
  };
  using Outcome = resp::RequestParser::Outcome;

  size_t ParseAll(Session& session, std::string_view bytes, Turn& turn);
  Outcome ParseBatch(Session& session, std::string_view bytes, size_t from);
  void Prefetch(const Session& session);
  bool DispatchBatch(Session& session, Turn& turn, size_t* used);
  void CheckQuery(Session& session);

  const Around around_;
  Batch batch_;  // reused
};

}  // namespace clustron::server
