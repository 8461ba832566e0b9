// Bulk messages to a peer that wait for their turn on the link. Small ones are framed as they come;
// big ones stay whole, shared with whoever else holds them, and are cut into frames when they
// leave. In order. Pure: no sockets in here. THREAD: any, one at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/payload.h"
#include "base/ring.h"
#include "cluster/wire/peer_frame.h"

namespace clustron::cluster {

class BulkQueue {
 public:
  // For frames with this kind of check. REQUIRES: nothing waits.
  void SetCheck(Check check);
  // The message is `head` and `tail` behind it.
  void Add(std::string head, Payload tail);
  // Moves whole frames, not yet sealed, to the end of *out, until about `budget` bytes are taken or
  // none is left.
  void Take(size_t budget, std::string* out);
  // Of what waits; framing not counted for messages that are still whole.
  size_t bytes() const { return bytes_; }
  // The biggest message since the queue was last empty.
  size_t biggest() const { return biggest_; }
  void Clear();

 private:
  // Either frames, or one message.
  struct Part {
    bool whole = false;
    std::string frames;
    std::string head;
    Payload tail;
    size_t pos = 0;  // taken so far

    size_t size() const { return frames.size() + head.size() + tail.size(); }
  };
  size_t TakeFrames(Part& part, size_t budget, std::string* out) const;
  size_t CutFrames(Part& part, size_t budget, std::string* out) const;

  Check check_ = Check::kCrc;
  Ring<Part> parts_;
  size_t bytes_ = 0;
  size_t biggest_ = 0;
};

}  // namespace clustron::cluster
