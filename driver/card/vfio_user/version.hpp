// SPDX-License-Identifier: Apache-2.0
#pragma once

// The first message of each side: version numbers and, as JSON text, what the side can take.

#include <cstdint>

#include "base/error.hpp"
#include "card/vfio_user/message.hpp"

namespace aperture::card::vfio_user {

/// What a side can take. The defaults are the protocol's for a side that does not say.
struct Capabilities {
  std::uint64_t max_msg_fds = 1;                ///< descriptors in one message
  std::uint64_t max_data_xfer_size = 1U << 20;  ///< bytes of one access
};

/// What this library takes.
constexpr Capabilities kOwnCapabilities{kMaxFds, kMaxTransfer};

/// Appends version and capabilities. `limit`: bytes that the payload may have; capabilities that do not fit are left
/// out, as a client may have room only for what it sent itself.
void append_version(Message& message, std::size_t limit = kMaxPayload);

/// What the other side's message says. EINVAL: too short, text without its NUL, no JSON object, a capability of the
/// wrong type; EPROTONOSUPPORT: another major version. Unknown capabilities are left alone.
Result<Capabilities> parse_version(const Message& message);

}  // namespace aperture::card::vfio_user
