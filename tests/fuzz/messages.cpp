// SPDX-License-Identifier: Apache-2.0
// Any bytes as a message's header and payload: decoded as everything, checked against their own length.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

#include "card/vfio_user/version.hpp"

namespace vu = aperture::card::vfio_user;

namespace {

void require(bool ok) {
  if (!ok) std::abort();
}

template <typename T>
void check(const vu::Message& message) {
  const std::size_t size = message.payload.size();
  require(vu::decode<T>(message).has_value() == (size == sizeof(T)));
  const auto split = vu::decode_with_data<T>(message);
  require(split.has_value() == (size >= sizeof(T)));
  if (split) require(split->data.size() == size - sizeof(T));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vu::Message message;
  if (size < sizeof message.header) return 0;
  std::memcpy(&message.header, data, sizeof message.header);
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(sizeof message.header);
  message.payload.assign(bytes.begin(), bytes.end());
  if (vu::problem(message.header).empty())
    require(message.header.size >= sizeof(vu::Header) && message.header.size <= sizeof(vu::Header) + vu::kMaxPayload);
  require((message.error() != 0) == ((message.header.flags & vu::kError) != 0));
  require(vu::name(message.command()) != nullptr);
  check<vu::Version>(message);
  check<vu::DmaMap>(message);
  check<vu::DmaUnmap>(message);
  check<vu::DeviceInfo>(message);
  check<vu::RegionInfo>(message);
  check<vu::IrqInfo>(message);
  check<vu::IrqSet>(message);
  check<vu::RegionAccess>(message);
  check<vu::DmaAccess>(message);
  if (const auto said = vu::parse_version(message)) {
    require(said->max_msg_fds <= vu::kMaxFds);
    require(said->max_data_xfer_size >= 8 && said->max_data_xfer_size <= vu::kMaxTransfer);
  }
  return 0;
}
