// SPDX-License-Identifier: Apache-2.0
#include "ioas/projection.hpp"

#include "ioas/change.hpp"

namespace aperture::ioas {

Outcome<std::unique_ptr<Projection>> Projection::begin(Platform& platform, Ioas& from, IovaRange range, Ioas& to,
                                                       Iova at) {
  std::unique_ptr<Projection> projection(new Projection(platform, 0));
  auto done = Change::apply(platform, ProjectEdit{&from, range, &to, at});
  if (!done) return std::unexpected(std::move(done.error()));
  projection->id_ = done->projection;
  return projection;
}

Projection::~Projection() { (void)end(); }

Outcome<> Projection::end() {
  auto done = Change::apply(platform_, UnprojectEdit{id_});
  if (!done) return std::unexpected(std::move(done.error()));
  return {};
}

}  // namespace aperture::ioas
