// What clients are told of planned work, if they asked for it (CLIENT MAINT_NOTIFICATIONS ON,
// RESP3): pushes as the libraries of Redis Enterprise's clients read them.
//
//   MOVING seq seconds host:port     this node stops within that time: go there. Null in place of
//                                    an address for those who asked for `none`: they connect again
//                                    to what they are configured with
//   FAILING_OVER seq seconds shards  leadership is being handed over: commands may take longer
//   FAILED_OVER seq shards           there is a leader again, or the time is over
//
// Seconds and numbers are integers, shards a text with the one shard that there is; redis-py,
// node-redis, go-redis, Lettuce and Jedis parse that. An address has one colon, since they split it
// there.
//
// INVARIANT: FAILED_OVER goes exactly to those who were told FAILING_OVER, before they are told to
// move: node-redis counts them, dies of one too many, and keeps its relaxed time-outs for ever with
// one too few. THREAD: core loop. Borrows the client table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clustron::server {

class Client;
class ClientTable;

class Maintenance {
 public:
  // At least this long a hand-over is not taken for failed; it is told as FAILING_OVER's time.
  static constexpr int64_t kHandOverS = 5;

  explicit Maintenance(const ClientTable& clients) : clients_(clients) {}

  // The number of an event that begins now. They rise, over restarts and from node to node as far
  // as clocks agree.
  uint64_t NextSeq(int64_t wall_ms);

  // --- This node stops -------------------------------------------------------------------------

  // Tells everybody who asked and was not told yet. Call again while it lasts: others may come. No
  // endpoints: nobody is told, except who wants none. A client always gets the same one of a list,
  // and so do all from its address.
  void TellMoving(uint64_t seq, int64_t seconds, const std::vector<std::string>& endpoints);
  // Clients that were told and have not gone yet.
  size_t Movers() const;
  // The stop was called off.
  void ForgetMoving();

  // --- Leadership moves ------------------------------------------------------------------------

  void BeginHandOver(uint64_t seq, int64_t now_ms);
  void EndHandOver();
  // Ends one that takes too long. Call about ten times a second.
  void Step(int64_t now_ms);

 private:
  void TellFailedOver(Client& client);

  const ClientTable& clients_;
  uint64_t last_seq_ = 0;
  uint64_t hand_over_seq_ = 0;  // 0: none is going on
  int64_t hand_over_until_ms_ = 0;
};

}  // namespace clustron::server
