// Authenticates the frames of one direction of a link: a GMAC (AES-256-GCM with nothing to encrypt)
// whose nonce is the direction and the frame's number. So a frame that was changed, left out,
// repeated, moved or sent back to its sender does not verify. It hides nothing.
//
// THREAD: any, one at a time. Not copied; may be moved.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "cluster/wire/peer_hello.h"

struct evp_cipher_ctx_st;

namespace clustron::cluster {

class FrameMac {
 public:
  static constexpr size_t kTagBytes = 16;

  // `key`: 32 bytes, of this link alone. `sender`: whose frames these are.
  FrameMac(std::string_view key, Role sender);

  // The tag of the sender's next frame: kTagBytes bytes.
  void TagNext(std::string_view frame, char* tag);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
  Role sender_;
  uint64_t frames_ = 0;
};

}  // namespace clustron::cluster
