// SPDX-License-Identifier: Apache-2.0
#include "ioas/smallest_set.hpp"

#include <limits>

namespace aperture::ioas {
namespace {

using Set = std::vector<bool>;
using Accepted = std::function<bool(const Set&)>;

/// Tries every way to add `more` things of `free`, from index `from` on, to `set`.
bool add(Set& set, const std::vector<std::size_t>& free, std::size_t from, std::size_t more, const Accepted& accepted) {
  if (more == 0) return accepted(set);
  for (std::size_t i = from; i + more <= free.size(); ++i) {
    set[free[i]] = true;
    if (add(set, free, i + 1, more - 1, accepted)) return true;
    set[free[i]] = false;
  }
  return false;
}

}  // namespace

std::vector<bool> smallest_set(std::size_t count, const Accepted& accepted, std::size_t most_tries) {
  Set set(count, true);
  if (count == 0 || !accepted(set)) return {};
  // Whatever cannot stay even alone is in every answer; mostly that is all.
  std::vector<std::size_t> free;
  Set needed(count, false);
  for (std::size_t i = 0; i < count; ++i) {
    set[i] = false;
    needed[i] = !accepted(set);
    set[i] = true;
    if (!needed[i]) free.push_back(i);
  }
  if (free.size() < std::numeric_limits<std::size_t>::digits && std::size_t{1} << free.size() <= most_tries) {
    for (std::size_t more = 0; more <= free.size(); ++more) {
      if (add(needed, free, 0, more, accepted)) return needed;
    }
    return set;
  }
  if (accepted(needed)) return needed;
  for (std::size_t i = free.size(); i-- > 0;) {
    set[free[i]] = false;
    if (!accepted(set)) set[free[i]] = true;
  }
  return set;
}

}  // namespace aperture::ioas
