// Output that the kernel has not taken yet: a list of blocks, so that nothing is moved to make room
// and large replies are handed over without a copy. Empty, it holds no memory worth speaking of.
//
// The bound is the owner's: it looks at size_bytes() after each Append (client-output-buffer-limit,
// the peers' queue) and drops the connection. THREAD: any, one at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/output_block.h"
#include "base/ring.h"

namespace clustron::net {

class SendQueue {
 public:
  // Smaller pieces are copied together into blocks of about this size.
  static constexpr size_t kBlockBytes = 16 * 1024;

  bool empty() const { return size_bytes_ == 0; }
  size_t size_bytes() const { return size_bytes_; }

  // What is behind the first `sent` bytes: copied if it is small, taken over if it is large;
  // `bytes` is empty afterwards.
  void Append(std::string&& bytes, size_t sent = 0);
  void Append(std::string_view bytes);
  // Shared bytes are never copied.
  void Append(OutputBlock&& block);

  enum class Outcome : unsigned char {
    kEmpty,    // all has left
    kBlocked,  // the kernel takes no more for now
    kFailed,   // errno says why; the connection is over
  };
  // Hands the kernel as much as it takes: one sendmsg(2), more only if there are more blocks than
  // one call carries.
  Outcome Send(int fd);
  // Forgets what was not sent.
  void Clear();

 private:
  void Drop(size_t bytes);

  Ring<OutputBlock> blocks_;
  size_t sent_bytes_ = 0;  // of the first block
  size_t size_bytes_ = 0;  // not sent yet, of all blocks
};

// One send(2) of `bytes`, never raising SIGPIPE. How many the kernel took, 0 if it takes none for
// now; -1: errno says why.
ptrdiff_t SendSome(int fd, std::string_view bytes);

}  // namespace clustron::net
