// SPDX-License-Identifier: Apache-2.0
#pragma once

// Containers for bursts, which come and go every cycle: most have one beat, and none should cost an allocation.

#include <boost/container/deque.hpp>
#include <cstddef>
#include <utility>
#include <vector>

namespace aperture::tb {

/// A double-ended queue that allocates once for 64 elements.
template <typename T>
using Queue =
    boost::container::deque<T, void, typename boost::container::deque_options<boost::container::block_size<64>>::type>;

/// The beats of a burst, the first of which needs no allocation.
template <typename T>
class Beats {
 public:
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return i == 0 ? first_ : rest_[i - 1]; }
  const T& operator[](std::size_t i) const { return i == 0 ? first_ : rest_[i - 1]; }
  void push_back(const T& beat) {
    if (size_++ == 0) {
      first_ = beat;
    } else {
      rest_.push_back(beat);
    }
  }
  void resize(std::size_t size) {
    size_ = size;
    if (size > 1) rest_.resize(size - 1);
  }

 private:
  std::size_t size_ = 0;
  T first_{};
  std::vector<T> rest_;
};

}  // namespace aperture::tb
