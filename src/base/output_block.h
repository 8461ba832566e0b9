// A block of output on its way to a socket: bytes of its own, or a reference to bytes that somebody
// else holds too. So a value of 500 MB is sent to ten clients without a copy of it.
//
// SharedBytes  one counted reference. The bytes don't change while it exists: their holder copies
//              what it wants to change.
// OutputBlock  what a queue of output consists of.
//
// THREAD: that of the holder of the bytes; the store's are the core loop's.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace clustron {

class SharedBytes {
 public:
  SharedBytes() = default;
  // Takes over one reference, which `release(holder)` gives back.
  SharedBytes(std::string_view bytes, void* holder, void (*release)(void* holder))
      : bytes_(bytes), holder_(holder), release_(release) {}
  SharedBytes(SharedBytes&& other) noexcept { swap(other); }
  SharedBytes& operator=(SharedBytes&& other) noexcept {
    SharedBytes(std::move(other)).swap(*this);
    return *this;
  }
  ~SharedBytes() {
    if (release_ != nullptr) release_(holder_);
  }

  std::string_view view() const { return bytes_; }
  // False: it was default-constructed or moved from.
  explicit operator bool() const { return release_ != nullptr; }

 private:
  void swap(SharedBytes& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(holder_, other.holder_);
    std::swap(release_, other.release_);
  }

  std::string_view bytes_;
  void* holder_ = nullptr;
  void (*release_)(void*) = nullptr;
};

class OutputBlock {
 public:
  explicit OutputBlock(std::string own) : own_(std::move(own)) {}
  explicit OutputBlock(SharedBytes shared) : shared_(std::move(shared)) {}

  std::string_view view() const { return shared_ ? shared_.view() : std::string_view(own_); }
  size_t size() const { return view().size(); }
  bool shared() const { return bool{shared_}; }
  // REQUIRES: !shared().
  std::string& own() { return own_; }
  // The bytes as a string: copied if they are shared. Leaves the block empty.
  std::string Take() {
    std::string bytes = shared_ ? std::string(shared_.view()) : std::move(own_);
    *this = OutputBlock(std::string());
    return bytes;
  }

 private:
  std::string own_;
  SharedBytes shared_;
};

}  // namespace clustron
