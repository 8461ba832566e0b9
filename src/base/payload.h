// Bytes that nobody changes any more, kept alive by everybody who holds them: a whole string, or a
// part of a bigger one, such as a message from the network. Copies share. Null and empty mean the
// same. THREAD: any; copies may be let go by different threads.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace clustron {

class Payload {
 public:
  Payload() = default;
  Payload(std::nullptr_t) {}
  // A whole string.
  template <typename S>
    requires std::convertible_to<std::shared_ptr<S>, std::shared_ptr<const std::string>>
  Payload(std::shared_ptr<S> bytes)
      : view_(bytes == nullptr ? std::string_view() : std::string_view(*bytes)),
        owner_(std::move(bytes)) {}
  // A part of what `owner` keeps.
  Payload(std::shared_ptr<const void> owner, std::string_view part)
      : view_(part), owner_(std::move(owner)) {}

  std::string_view view() const { return view_; }
  size_t size() const { return view_.size(); }
  friend bool operator==(const Payload& bytes, std::nullptr_t) { return bytes.owner_ == nullptr; }
  void reset() { *this = {}; }

 private:
  std::string_view view_;
  std::shared_ptr<const void> owner_;
};

}  // namespace clustron
