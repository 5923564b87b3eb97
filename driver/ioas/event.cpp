// SPDX-License-Identifier: Apache-2.0
#include "ioas/event.hpp"

#include <array>
#include <utility>

namespace aperture::ioas {

std::string_view name(Event::Kind kind) {
  static constexpr std::array<std::string_view, 8> kNames{"reserved",  "unreserved", "attached", "detached",
                                                          "alignment", "window",     "released", "frozen"};
  return kNames[static_cast<std::size_t>(kind)];
}

void Journal::add(Event&& event) noexcept {
  if (count_ == kSize) {
    forgotten_ = ring_[next_].generation;
  } else {
    ++count_;
  }
  ring_[next_] = std::move(event);
  next_ = (next_ + 1) % kSize;
}

std::vector<Event> Journal::since(std::uint64_t generation) const {
  std::vector<Event> out;
  for (std::size_t i = 0; i < count_; ++i) {
    const Event& event = ring_[(next_ + kSize - count_ + i) % kSize];
    if (event.generation > generation) out.push_back(event);
  }
  return out;
}

}  // namespace aperture::ioas
