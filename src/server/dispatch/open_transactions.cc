#include "server/dispatch/open_transactions.h"

#include <algorithm>
#include <utility>

#include "base/coding.h"
#include "base/reach.h"
#include "commands/core/errors.h"
#include "commands/core/registry.h"
#include "commands/transaction/commit_call.h"
#include "resp/reply_writer.h"

namespace clustron::server {

using commands::TxnRequest;

namespace {

constexpr int64_t kWaitMs = 2000;
constexpr size_t kWaitingMax = 10'000;
// The first byte of an answer.
constexpr char kReply = 'r';    // RESP follows
constexpr char kWords = 'w';    // an item's words follow
constexpr char kNotHere = 'n';  // the transaction isn't open here

// A question: slot (8), kind, database, RESP version (1 each), user, id, words.
std::string EncodeRequest(cluster::Slot slot, const TxnRequest& request) {
  std::string body;
  Writer w(&body);
  w.U64(slot);
  w.U8(static_cast<uint8_t>(request.kind));
  w.U8(static_cast<uint8_t>(request.db));
  w.U8(static_cast<uint8_t>(request.resp_version));
  w.Bytes(request.user);
  w.Bytes(request.id);
  for (std::string_view word : request.command) w.Bytes(word);
  return body;
}

// False: malformed; nothing is answered. `words` is what request->command views.
bool DecodeRequest(std::string_view body, TxnRequest* request,
                   std::vector<std::string_view>* words) {
  Reader reader(body);
  reader.U64();
  const uint8_t kind = reader.U8();
  request->kind = static_cast<TxnRequest::Kind>(kind);
  request->db = reader.U8();
  request->resp_version = reader.U8();
  request->user = reader.Bytes();
  request->id = reader.Bytes();
  while (reader.ok() && !reader.Done()) words->push_back(reader.Bytes());
  request->command = *words;
  return reader.ok() && kind < static_cast<uint8_t>(TxnRequest::Kind::kEnd) &&
         request->db < store::kDatabases &&
         (request->resp_version == 2 || request->resp_version == 3);
}

}  // namespace

// The session's side of a question.
class OpenTransactions::Answer final : public commands::LateReply {
 public:
  Answer(const cluster::Node& node, const TxnRequest& request, std::shared_ptr<Asked> asked)
      : node_(node),
        kind_(request.kind),
        stages_(request.stages),
        id_(request.id),
        asked_(std::move(asked)) {}

  bool Poll(bool expired, resp::ReplyWriter& reply) override {
    if (asked_->answer) {
      Take(*asked_->answer, reply);
      return true;
    }
    if (!expired && node_.parts().calls.node.InReach(asked_->of)) return false;
    REACH("no answer of who holds a transaction");
    if (kind_ == TxnRequest::Kind::kHandOver) {
      SetItem(commands::ClosingWords(id_));
    } else {
      reply.Error(stages_ ? commands::kErrUncertain : commands::kErrClusterDown);
    }
    return true;
  }
  std::vector<std::string> TakeItem() override { return std::exchange(item_, {}); }

 private:
  void SetItem(std::vector<std::string> words) {
    item_ = std::move(words);
    item_.insert(item_.begin(), "TXN");
  }
  void Take(std::string_view answer, resp::ReplyWriter& reply) {
    const char how = answer.empty() ? kNotHere : answer.front();
    if (kind_ != TxnRequest::Kind::kHandOver) {
      if (how == kReply && answer.size() > 1)
        return reply.Raw(answer.substr(1), answer[1] == '-' ? 1 : 0);
      return reply.Error(commands::kErrClusterDown);
    }
    std::vector<std::string> words;
    if (how == kWords) {
      Reader reader(answer.substr(1));
      while (reader.ok() && !reader.Done()) words.emplace_back(reader.Bytes());
      if (!reader.ok()) words.clear();
    }
    SetItem(words.empty() ? commands::ClosingWords(id_) : std::move(words));
  }

  const cluster::Node& node_;
  const TxnRequest::Kind kind_;
  const bool stages_;
  const std::string id_;
  const std::shared_ptr<Asked> asked_;
  std::vector<std::string> item_;
};

uint64_t OpenTransactions::NextNumber() { return uint64_t{node_.session().boot} << 32 | ++opened_; }

std::unique_ptr<commands::LateReply> OpenTransactions::Ask(uint32_t node,
                                                           const TxnRequest& request) {
  cluster::NodeCalls& calls = node_.parts().calls.node;
  if (!calls.InReach(node)) return nullptr;
  // A read sees at the holder what it would see here.
  const bool reads = request.kind == TxnRequest::Kind::kDo && !request.stages;
  const cluster::Slot slot = reads ? executor_.applied_slot() : 0;
  const auto asked = std::make_shared<Asked>(Asked{.of = node});
  asked_[calls.Call(node, EncodeRequest(slot, request))] = asked;
  return std::make_unique<Answer>(node_, request, asked);
}

void OpenTransactions::Answered(cluster::NodeId from, uint64_t call, std::string_view body) {
  const auto at = asked_.find(call);
  if (at == asked_.end()) return;
  const std::shared_ptr<Asked> asked = at->second.lock();
  if (asked != nullptr && asked->of != from) return;
  if (asked != nullptr) asked->answer = body;
  asked_.erase(at);
}

void OpenTransactions::Called(cluster::NodeId from, uint64_t call, std::string_view body) {
  const cluster::Slot slot = Reader(body).U64();
  if (slot <= executor_.applied_slot()) return Serve(from, call, body);
  REACH("read in a transaction waits until its node has come so far");
  if (waiting_.size() < kWaitingMax)
    waiting_.push_back({from, call, slot, NowMs() + kWaitMs, std::string(body)});
}

void OpenTransactions::ServeWaiting() {
  if (waiting_.empty()) return;
  std::vector<Waiting> waiting = std::exchange(waiting_, {});
  for (Waiting& one : waiting) {
    if (one.slot <= executor_.applied_slot()) {
      Serve(one.from, one.call, one.body);
    } else if (NowMs() < one.until_ms) {
      waiting_.push_back(std::move(one));
    }
  }
}

void OpenTransactions::Sweep() {
  open_.Sweep(NowMs());
  std::erase_if(asked_, [](const auto& one) { return one.second.expired(); });
}

void OpenTransactions::Serve(cluster::NodeId from, uint64_t call, std::string_view body) {
  TxnRequest request;
  std::vector<std::string_view> words;
  if (!DecodeRequest(body, &request, &words)) return;
  const bool hands_over = request.kind == TxnRequest::Kind::kHandOver;
  node_.parts().calls.node.Answer(from, call, hands_over ? HandOver(request) : Run(request));
}

// From here on the transaction is the asker's: if the answer is lost it can't be applied any more.
std::string OpenTransactions::HandOver(const TxnRequest& request) {
  const commands::OpenTxn* txn = open_.Find(request.user, request.id, NowMs());
  if (txn == nullptr) return {kNotHere};
  std::string answer = {kWords};
  Writer w(&answer);
  for (const std::string& word : txn->Words()) w.Bytes(word);
  open_.Close(request.user, request.id);
  return answer;
}

std::string OpenTransactions::Run(const TxnRequest& request) {
  std::vector<std::string_view> args = {
      "TXN", request.kind == TxnRequest::Kind::kDo ? "DO" : "ROLLBACK", request.id};
  args.insert(args.end(), request.command.begin(), request.command.end());
  resp::ReplyChunks reply;
  const commands::CommandSpec* container;
  const commands::CommandSpec* spec = commands::Registry::Get().Resolve(args, &container);
  if (spec == nullptr || !spec->Accepts(args.size())) return {kNotHere};
  if (node_.restoring()) {
    resp::ReplyWriter(&reply, request.resp_version).Error(commands::kErrLoading);
  } else {
    executor_.RunHere(*spec, args, {request.db, request.resp_version, request.user}, &reply);
  }
  return kReply + reply.TakeAll();
}

}  // namespace clustron::server
