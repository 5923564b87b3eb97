// SPDX-License-Identifier: Apache-2.0
#pragma once

// Containers for bursts, which come and go every cycle: most have one beat, and none should cost an allocation.

#include <algorithm>
#include <boost/circular_buffer.hpp>
#include <cstddef>
#include <utility>
#include <vector>

namespace aperture::tb {

/// A queue that grows when it is full, and allocates only then.
template <typename T>
class Queue : private boost::circular_buffer<T> {
  using Base = boost::circular_buffer<T>;

 public:
  using typename Base::size_type;
  using Base::operator[], Base::at, Base::back, Base::begin, Base::clear, Base::empty, Base::end, Base::erase,
      Base::front, Base::pop_front, Base::size;

  void push_back(T element) {
    make_room();
    Base::push_back(std::move(element));
  }
  T& emplace_back() {
    push_back(T{});
    return back();
  }

 private:
  void make_room() {
    if (Base::full()) Base::set_capacity(std::max<size_type>(16, 2 * Base::capacity()));
  }
};

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
