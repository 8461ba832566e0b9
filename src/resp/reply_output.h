// Where replies go. A ReplyWriter appends to the output's tail; what the tail has no room for goes
// through Overflow, so a reply of 500 MB is never one block of memory.
//
//   ReplyChunks  a client's output: full chunks and references to big values' pieces, and the tail
//                that is being filled
//   ReplyPrefix  where nobody waits: the first bytes, the length of the rest
//
// Positions count bytes from the output's beginning. They hold until it is taken or cleared, which
// is never done while a reply is being written. THREAD: any, one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/output_block.h"
#include "base/ring.h"

namespace clustron::resp {

class ReplyOutput {
 public:
  ReplyOutput(const ReplyOutput&) = delete;
  ReplyOutput& operator=(const ReplyOutput&) = delete;
  virtual ~ReplyOutput() = default;

  uint64_t size() const { return elsewhere_ + tail_.size(); }
  bool empty() const { return size() == 0; }
  // Bytes may be appended to the tail directly while it stays within tail_max(), which may change
  // with every Append that it has no room for.
  std::string* tail() { return &tail_; }
  size_t tail_max() const { return tail_max_; }
  void Append(std::string_view bytes) {
    if (tail_.size() + bytes.size() > tail_max_) return Overflow(bytes);
    tail_.append(bytes);
  }
  // The same, without a copy where the output keeps references.
  virtual void AppendShared(SharedBytes bytes) { Append(bytes.view()); }
  // Of what is appended now, only the number of bytes counts.
  virtual bool discards() const = 0;
  // REQUIRES: discards().
  void Skip(uint64_t bytes) { elsewhere_ += bytes; }

  // REQUIRES: at <= size().
  virtual void Insert(uint64_t at, std::string_view bytes) = 0;
  virtual void Truncate(uint64_t at) = 0;
  // The line of the error that a writer appended last.
  std::string last_error;

  // What stands from there on, as far as it lies in one piece and was kept. What was appended in
  // one call lies in one piece.
  virtual std::string_view View(uint64_t at) const = 0;

 protected:
  explicit ReplyOutput(size_t tail_max) : tail_max_(tail_max) {}
  virtual void Overflow(std::string_view bytes) = 0;

  std::string tail_;
  size_t tail_max_;
  uint64_t elsewhere_ = 0;  // bytes that are not in the tail
};

// Keeps what stands at the beginning and the length of the whole.
class ReplyPrefix final : public ReplyOutput {
 public:
  explicit ReplyPrefix(size_t kept_max) : ReplyOutput(kept_max) {}

  void Clear() {
    tail_.clear();
    elsewhere_ = 0;
  }
  // All of it, or its first bytes.
  const std::string& kept() const { return tail_; }
  bool whole() const { return elsewhere_ == 0; }
  // Gives what was kept away.
  std::string Take();

  bool discards() const override { return tail_.size() == tail_max_; }
  void Insert(uint64_t at, std::string_view bytes) override;
  void Truncate(uint64_t at) override;
  std::string_view View(uint64_t at) const override;

  // Used by ReplyWriter: captures nest.
  ReplyPrefix* outer = nullptr;
  uint64_t begins_at = 0;

 private:
  void Overflow(std::string_view bytes) override;
};

class ReplyChunks final : public ReplyOutput {
 public:
  static constexpr size_t kChunkBytes = 256 * 1024;

  // Told when a chunk is full, in the middle of a reply: the place to look at limits.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OutputGrew() = 0;
  };
  explicit ReplyChunks(Listener* listener = nullptr)
      : ReplyOutput(kChunkBytes), listener_(listener) {}

  // The connection is over: forgets what is there and all that comes, but counts it.
  void Drop();
  bool dropped() const { return dropped_; }

  // For who sends it: the full chunks, then the tail.
  Ring<OutputBlock>& chunks() { return chunks_; }
  // Behind that: both are empty.
  void Taken() { elsewhere_ = 0; }
  // As one string: where it is known to be small.
  std::string TakeAll();
  // Bytes of memory held, those of values that it refers to included: they may be this client's
  // alone soon.
  size_t memory_bytes() const { return dropped_ ? 0 : static_cast<size_t>(size()); }

  void AppendShared(SharedBytes bytes) override;
  bool discards() const override { return dropped_; }
  void Insert(uint64_t at, std::string_view bytes) override;
  void Truncate(uint64_t at) override;
  std::string_view View(uint64_t at) const override;

 private:
  void Overflow(std::string_view bytes) override;
  void PushTail();

  Listener* listener_;
  Ring<OutputBlock> chunks_;
  bool dropped_ = false;
};

}  // namespace clustron::resp
