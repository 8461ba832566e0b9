#include "cluster/wire/frame_mac.h"

#include <openssl/evp.h>

#include <cstring>

#include "base/check.h"

namespace clustron::cluster {

namespace {

constexpr size_t kKeyBytes = 32;
constexpr size_t kNonceSize = 12;  // what GCM takes without hashing it first

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

void FrameMac::Free::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }

FrameMac::FrameMac(std::string_view key, Role sender)
    : context_(EVP_CIPHER_CTX_new()), sender_(sender) {
  CHECK(key.size() == kKeyBytes);
  CHECK(context_ != nullptr);
  CHECK(EVP_EncryptInit_ex(context_.get(), EVP_aes_256_gcm(), nullptr, Bytes(key), nullptr) == 1);
}

void FrameMac::TagNext(std::string_view frame, char* tag) {
  unsigned char nonce[kNonceSize] = {static_cast<unsigned char>(sender_)};
  const uint64_t number = frames_++;
  std::memcpy(nonce + kNonceSize - sizeof number, &number, sizeof number);
  evp_cipher_ctx_st* context = context_.get();
  int size = 0;
  CHECK(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce) == 1);
  CHECK(EVP_EncryptUpdate(context, nullptr, &size, Bytes(frame), static_cast<int>(frame.size())) ==
        1);
  unsigned char nothing[1];
  CHECK(EVP_EncryptFinal_ex(context, nothing, &size) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, kTagBytes, tag) == 1);
}

}  // namespace clustron::cluster
