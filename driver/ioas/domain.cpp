// SPDX-License-Identifier: Apache-2.0
#include "ioas/domain.hpp"

namespace aperture::ioas {

Result<> Domain::read_dirty(IovaRange, bool, std::vector<IovaRange>&) {
  return fail(Code::kUnsupported, EOPNOTSUPP, "this domain cannot track which pages are written");
}

}  // namespace aperture::ioas
