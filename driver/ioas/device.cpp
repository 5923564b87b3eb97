// SPDX-License-Identifier: Apache-2.0
#include "ioas/device.hpp"

namespace aperture::ioas {

Result<std::unique_ptr<PreparedAttach>> Device::prepare_nest(std::shared_ptr<Domain>, const GuestTable&) {
  return fail(Code::kUnsupported, EOPNOTSUPP, name() + " cannot have a guest's table in front of its domain");
}

Result<> Device::guest_invalidate(std::span<const GuestInvalidation>) {
  return fail(Code::kUnsupported, EOPNOTSUPP, name() + " cannot have a guest's table in front of its domain");
}

}  // namespace aperture::ioas
