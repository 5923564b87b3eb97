// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ioas/ioas.hpp"

namespace aperture::ioas {

/// The same maps in several IOASes: each call happens in all members or in none, and a refusal names the member
/// (Refusal::ioas). A member may have maps of its own beside the mirror's. A mirror is an IOAS without devices that its
/// members follow in full. Thread-safe. The members need not outlive it.
class Mirror {
 public:
  explicit Mirror(Platform& platform, IoasOptions options = {}) : platform_(platform), space_(platform, options) {}

  /// Adds a member and maps there what the mirror has. EEXIST: it is one; else as copy, and the member has no part of
  /// it.
  Outcome<> join(Ioas& member);
  /// The member goes, and the mirror's maps from it. ENOENT; EIO: it is gone all the same.
  Outcome<> leave(Ioas& member);
  std::vector<Ioas*> members() const;

  /// As those of Ioas, in every member. An automatic IOVA is the lowest that is free in all of them.
  Outcome<Iova> map(std::byte* memory, std::uint64_t length, Prot prot, std::optional<Iova> iova = {},
                    std::optional<FileSpan> file = {}) {
    return space_.map(memory, length, prot, iova, std::move(file));
  }
  Outcome<Iova> copy(Ioas& from, Iova from_iova, std::uint64_t length, Prot prot, std::optional<Iova> iova = {}) {
    return space_.copy(from, from_iova, length, prot, iova);
  }
  Outcome<std::uint64_t> unmap(Iova iova, std::uint64_t length) { return space_.unmap(iova, length); }

  /// What all members have of it; for edits of a change and for queries.
  Ioas& space() { return space_; }
  const Ioas& space() const { return space_; }

 private:
  Platform& platform_;
  Ioas space_;
};

}  // namespace aperture::ioas
