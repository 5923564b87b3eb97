// SPDX-License-Identifier: Apache-2.0
#include "card/vfio_user/message.hpp"

#include <fmt/format.h>

namespace aperture::card::vfio_user {

const char* name(Command command) {
  switch (command) {
    case Command::kVersion:
      return "VERSION";
    case Command::kDmaMap:
      return "DMA_MAP";
    case Command::kDmaUnmap:
      return "DMA_UNMAP";
    case Command::kDeviceGetInfo:
      return "DEVICE_GET_INFO";
    case Command::kDeviceGetRegionInfo:
      return "DEVICE_GET_REGION_INFO";
    case Command::kDeviceGetRegionIoFds:
      return "DEVICE_GET_REGION_IO_FDS";
    case Command::kDeviceGetIrqInfo:
      return "DEVICE_GET_IRQ_INFO";
    case Command::kDeviceSetIrqs:
      return "DEVICE_SET_IRQS";
    case Command::kRegionRead:
      return "REGION_READ";
    case Command::kRegionWrite:
      return "REGION_WRITE";
    case Command::kDmaRead:
      return "DMA_READ";
    case Command::kDmaWrite:
      return "DMA_WRITE";
    case Command::kDeviceReset:
      return "DEVICE_RESET";
    case Command::kRegionWriteMulti:
      return "REGION_WRITE_MULTI";
    case Command::kDeviceFeature:
      return "DEVICE_FEATURE";
    case Command::kMigDataRead:
      return "MIG_DATA_READ";
    case Command::kMigDataWrite:
      return "MIG_DATA_WRITE";
  }
  return "unknown";
}

int Message::error() const {
  if ((header.flags & kError) == 0) return 0;
  // An error without a number, or with one that no errno has, is still an error.
  constexpr std::uint32_t kLastErrno = 4095;
  return header.error == 0 || header.error > kLastErrno ? EIO : static_cast<int>(header.error);
}

void Message::append(std::span<const std::byte> bytes) {
  payload.insert(payload.end(), bytes.begin(), bytes.end());
  header.size = static_cast<std::uint32_t>(sizeof(Header) + payload.size());
}

Message make_command(Command command, std::uint16_t id, std::uint32_t flags) {
  Message message;
  message.header = {id, static_cast<std::uint16_t>(command), sizeof(Header), kTypeCommand | flags, 0};
  return message;
}

Message make_reply(const Message& request) {
  Message message;
  message.header = {request.header.id, request.header.command, sizeof(Header), kTypeReply, 0};
  return message;
}

Message make_error(const Message& request, int number) {
  Message message = make_reply(request);
  message.header.flags |= kError;
  message.header.error = static_cast<std::uint32_t>(number);
  return message;
}

std::string problem(const Header& header) {
  const std::uint32_t type = header.flags & kTypeMask;
  if (header.size < sizeof(Header)) return fmt::format("a message of {} bytes, less than its header", header.size);
  if (header.size > sizeof(Header) + kMaxPayload) return fmt::format("a message of {} bytes", header.size);
  if (type != kTypeCommand && type != kTypeReply) return fmt::format("a message of type {}", type);
  if ((header.flags & ~kKnownFlags) != 0) return fmt::format("a message with flags {:#x}", header.flags);
  if (type == kTypeCommand && (header.flags & kError) != 0) return "a command that is marked as an error";
  return {};
}

Error wrong_length(const Message& message, std::size_t wanted) {
  return {Code::kInvalid, EINVAL,
          fmt::format("{} has {} bytes after its header where {} belong", name(message.command()),
                      message.payload.size(), wanted)};
}

}  // namespace aperture::card::vfio_user
