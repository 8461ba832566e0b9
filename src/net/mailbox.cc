#include "net/mailbox.h"

#include <utility>

namespace clustron::net {

Mailbox::Mailbox(Loop& loop) : wake_(loop, [this] { Deliver(); }) {}

void Mailbox::Post(std::function<void()> letter) {
  bool first;
  {
    std::lock_guard lock(mutex_);
    first = letters_.empty();
    letters_.push_back(std::move(letter));
  }
  // The one that filled the box rings; the others travel along.
  if (first) wake_.Send();
}

void Mailbox::Deliver() {
  std::vector<std::function<void()>> letters;
  {
    std::lock_guard lock(mutex_);
    std::swap(letters, letters_);
  }
  for (std::function<void()>& letter : letters) letter();
}

}  // namespace clustron::net
