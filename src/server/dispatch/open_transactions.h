// Transactions that are open on this node, and what nodes ask each other about them: see
// commands/transaction/open_txns.h. THREAD: core loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cluster/node/node.h"
#include "commands/core/ports.h"
#include "commands/transaction/open_txns.h"
#include "state/executor.h"

namespace clustron::server {

class OpenTransactions final : public commands::TransactionsPort, public cluster::NodeCallHandler {
 public:
  // All outlive it.
  OpenTransactions(const Clock& clock, cluster::Node& node, state::Executor& executor)
      : clock_(clock), node_(node), executor_(executor) {}

  // The words that the command which ran last has set for its item.
  std::vector<std::string> TakeItem() { return std::exchange(item_, {}); }

  // --- cluster::NodeCallHandler
  // Answered when this node has applied what the asker had.
  void Called(cluster::NodeId from, uint64_t call, std::string_view body) override;
  void Answered(cluster::NodeId from, uint64_t call, std::string_view body) override;

  // With each turn: answers what waited.
  void ServeWaiting();
  // Forgets what is past its time.
  void Sweep();

  // --- commands::TransactionsPort
  commands::OpenTxns& open() override { return open_; }
  size_t count() const override { return open_.all().size(); }
  int64_t NowMs() const override { return clock_.MonotonicNs() / 1'000'000; }
  uint32_t node() const override { return node_.session().node; }
  uint64_t NextNumber() override;
  void SetItem(std::vector<std::string> words) override { item_ = std::move(words); }
  std::unique_ptr<commands::LateReply> Ask(uint32_t node,
                                           const commands::TxnRequest& request) override;

 private:
  // What a session waits for; it may be gone when the answer comes.
  struct Asked {
    cluster::NodeId of = 0;
    std::optional<std::string> answer = {};
  };
  class Answer;
  struct Waiting {
    cluster::NodeId from;
    uint64_t call;
    cluster::Slot slot;
    int64_t until_ms;
    std::string body;
  };

  void Serve(cluster::NodeId from, uint64_t call, std::string_view body);
  std::string HandOver(const commands::TxnRequest& request);
  std::string Run(const commands::TxnRequest& request);

  const Clock& clock_;
  cluster::Node& node_;
  state::Executor& executor_;
  commands::OpenTxns open_;
  uint32_t opened_ = 0;
  std::vector<std::string> item_;
  std::map<uint64_t, std::weak_ptr<Asked>> asked_;
  std::vector<Waiting> waiting_;
};

}  // namespace clustron::server
