// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "ioas/platform.hpp"
#include "ioas/report.hpp"

namespace aperture::ioas {

/// A follower that takes part in what a leader maps and unmaps in a range, at an offset: a bus's IOAS that shows part
/// of a staging IOAS. What is mapped there already is replayed when the projection begins; a map that reaches across
/// the range's end is followed in part. A change of the leader that the follower cannot take is refused in both.
/// Followers may lead others, not in a circle. The follower has areas of its own beside those. Thread-safe.
class Projection {
 public:
  /// EINVAL: first > last, a circle; EOVERFLOW: it passes the end of the follower's space; else as copy.
  static Outcome<std::unique_ptr<Projection>> begin(Platform& platform, Ioas& from, IovaRange range, Ioas& to, Iova at);
  /// As end().
  ~Projection();
  Projection(const Projection&) = delete;
  Projection& operator=(const Projection&) = delete;

  /// The follower follows no more, and what it has of the leader's is unmapped there. Without effect when it is over,
  /// as it is once the leader or the follower is destroyed. EIO: it is over all the same.
  Outcome<> end();

 private:
  Projection(Platform& platform, std::uint64_t id) : platform_(platform), id_(id) {}
  Platform& platform_;
  std::uint64_t id_;
};

}  // namespace aperture::ioas
