// SPDX-License-Identifier: Apache-2.0
#include "ioas/mirror.hpp"

#include <algorithm>

#include "ioas/change.hpp"

namespace aperture::ioas {

Outcome<> Mirror::join(Ioas& member) {
  auto done = Change::apply(platform_, ProjectEdit{&space_, kAll, &member, {0}});
  if (!done) return std::unexpected(std::move(done.error()));
  return {};
}

Outcome<> Mirror::leave(Ioas& member) {
  const std::vector<Follower> followers = platform_.followers(space_);
  const auto found = std::ranges::find(followers, &member, &Follower::ioas);
  auto done = Change::apply(platform_, UnprojectEdit{found == followers.end() ? 0 : found->projection, true});
  if (!done) return std::unexpected(std::move(done.error()));
  return {};
}

std::vector<Ioas*> Mirror::members() const {
  std::vector<Ioas*> out;
  for (const Follower& follower : platform_.followers(space_)) out.push_back(follower.ioas);
  return out;
}

}  // namespace aperture::ioas
