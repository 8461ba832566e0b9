#include "server/dispatch/request_reader.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "base/log.h"
#include "base/reach.h"

namespace clustron::server {

namespace {

// Output that is worth a look at its limit while requests of one read are run.
constexpr size_t kOutputLookBytes = 64 * 1024;

}  // namespace

void RequestReader::Feed(Session& session, std::string_view bytes) {
  around_.stats.input_bytes += bytes.size();
  around_.stats.reads++;
  Turn turn;
  const bool taken = session.input.Take(bytes, [&](std::string_view all) {
    around_.writes.CheckMemory();
    turn.now_ns = around_.recorder.StartTiming();
    return ParseAll(session, all, turn);
  });
  if (!taken) return;
  session.input.NoteBacklog(!session.input.empty() && !session.WantsInput(), turn.now_ns);
  CheckQuery(session);
  around_.sessions.LimitMemory(session);
}

void RequestReader::CheckQuery(Session& session) {
  if (session.input.empty() && !session.client.transaction().open()) return;
  if (!around_.clients.OverQueryLimit(session.client)) return;
  REACH("query buffer over its limit");
  Log(LogLevel::kWarning, "closed {}: more than {} without a whole request or EXEC",
      session.client.address().peer,
      around_.clients.Stranger(session.client) ? "64 KB before it has authenticated"
                                               : "client-query-buffer-limit");
  session.CloseNow();
}

// Returns how many bytes were used up.
//
// A pipeline is taken in batches: parsed ahead, the table's lines of all its keys fetched, then
// run. Memory latency is most of what a GET or SET costs in a store that doesn't fit the caches.
size_t RequestReader::ParseAll(Session& session, std::string_view bytes, Turn& turn) {
  size_t used = 0;
  while (session.WantsInput()) {
    const Outcome outcome = ParseBatch(session, bytes, used);
    Prefetch(session);
    if (!DispatchBatch(session, turn, &used)) {
      session.input.parser().Reset();
      return used;
    }
    used = std::max(used, batch_.skip);
    if (outcome == Outcome::kError) {
      around_.dispatcher.ReplyError(session, session.input.parser().error());
      session.CloseAfterReply();
      return bytes.size();
    }
    if (outcome == Outcome::kNeedMore) return used;
  }
  return used;
}

// Parses the next requests into batch_. Returns what the last of them came to.
RequestReader::Outcome RequestReader::ParseBatch(Session& session, std::string_view bytes,
                                                 size_t from) {
  batch_.Clear();
  // Before AUTH requests are small, and one at a time: the next may be behind it.
  const bool authenticated =
      session.client.authenticated() || around_.config.Text(Opt::kRequirePass).empty();
  resp::RequestParser& parser = session.input.parser();
  parser.set_authenticated(authenticated);
  Outcome outcome = Outcome::kNothing;
  size_t parsed = from;
  while (batch_.requests.size() < kBatchMax) {
    const std::string_view rest = bytes.substr(parsed);
    outcome = parser.Parse(rest);
    if (outcome == Outcome::kNeedMore || outcome == Outcome::kError) break;
    parsed += parser.consumed();
    if (outcome == Outcome::kNothing) {
      batch_.skip = parsed;
      continue;
    }
    batch_.Add(parser.args(), parsed);
    // The words of an inline request are the parser's own: run it before the next is parsed.
    if (rest[0] != '*' || !authenticated) break;
  }
  return outcome;
}

// Runs what is in batch_; *used follows. False: the rest stays unparsed.
bool RequestReader::DispatchBatch(Session& session, Turn& turn, size_t* used) {
  for (const Request& request : batch_.requests) {
    if (!session.WantsInput()) return false;
    turn.key_hash = request.key_hash;
    const bool stranger = !session.client.authenticated();
    around_.dispatcher.Dispatch(
        session, commands::Args(batch_.args).subspan(request.first, request.count), turn);
    if (session.client.held) return false;  // it stays unparsed
    CHECK(*used < request.end);
    *used = request.end;
    // One write can ask for any amount.
    if (session.out.memory_bytes() >= kOutputLookBytes || stranger)
      around_.sessions.CheckOutput(session);
  }
  return true;
}

// Each stage is a short loop of its own, so that what it asks for is under way at once; the next
// stage begins when the last of it has set out.
void RequestReader::Prefetch(const Session& session) {
  if (batch_.requests.size() < 2) return;
  const store::Store& store = around_.executor.store();
  const int db = session.client.modes().db;
  for (Request& request : batch_.requests)
    if (request.count >= 2) request.key_hash = store.Hash(batch_.args[request.first + 1]);
  for (const Request& request : batch_.requests)
    if (request.key_hash != 0) store.PrefetchBucket(db, request.key_hash);
  for (const Request& request : batch_.requests)
    if (request.key_hash != 0) store.PrefetchEntry(db, request.key_hash);
}

}  // namespace clustron::server
