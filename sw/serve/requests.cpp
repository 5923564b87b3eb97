// SPDX-License-Identifier: Apache-2.0
// What a session replies to each command.
#include <fmt/format.h>

#include <cstring>

#include "card/vfio_user/version.hpp"
#include "serve/client_session.hpp"

namespace aperture::sw::serve {

namespace vu = card::vfio_user;

namespace {

template <typename T>
Result<vu::Message> reply_with(const vu::Message& request, const T& value) {
  vu::Message reply = make_reply(request);
  reply.append(value);
  return reply;
}

std::unexpected<Error> small(std::uint32_t argsz, vu::Command command) {
  return fail(Code::kInvalid, EINVAL, fmt::format("{} with argsz {}", vu::name(command), argsz));
}

}  // namespace

std::uint64_t ClientSession::region_size(std::uint32_t region) const {
  if (region == VFIO_PCI_CONFIG_REGION_INDEX) return ConfigSpace::kSize;
  return region <= VFIO_PCI_BAR5_REGION_INDEX ? function_.layout().bar_size(region) : 0;
}

Result<> ClientSession::check(const vu::RegionAccess& access, vu::Command command) const {
  const std::uint64_t size = region_size(access.region);
  const bool config = access.region == VFIO_PCI_CONFIG_REGION_INDEX;
  if (access.count == 0 || access.count > size || access.offset > size - access.count)
    return fail(Code::kInvalid, EINVAL,
                fmt::format("{} of {} bytes at {:#x} of region {}, which has {}", vu::name(command), access.count,
                            access.offset, access.region, size));
  if (!config && ((access.count != 4 && access.count != 8) || access.offset % access.count != 0))
    return fail(Code::kInvalid, EINVAL,
                fmt::format("{} of {} bytes at {:#x} of BAR {}: 4 or 8 aligned bytes are an access", vu::name(command),
                            access.count, access.offset, access.region));
  return {};
}

ClientSession::Reply ClientSession::version(const Message& request) {
  if (versioned_) return fail(Code::kInvalid, EINVAL, "a second VERSION");
  const auto theirs = vu::parse_version(request);
  if (!theirs) return std::unexpected(theirs.error());
  memory_.set_limit(theirs->max_data_xfer_size);
  versioned_ = true;
  Message reply = make_reply(request);
  // A client may have room for no more than it sent.
  append_version(reply, request.payload.size());
  return reply;
}

ClientSession::Reply ClientSession::dma_map(Message& request) {
  const auto map = vu::decode<vu::DmaMap>(request);
  if (!map) return std::unexpected(map.error());
  if (request.fds.size() > 1)
    return fail(Code::kInvalid, EINVAL, fmt::format("DMA_MAP with {} descriptors", request.fds.size()));
  FileDescriptor file = request.fds.empty() ? FileDescriptor() : std::move(request.fds.front());
  if (const auto done = memory_.maps().map(*map, std::move(file)); !done) return std::unexpected(done.error());
  return make_reply(request);
}

ClientSession::Reply ClientSession::dma_unmap(const Message& request) {
  const auto unmap = vu::decode<vu::DmaUnmap>(request);
  if (!unmap) return std::unexpected(unmap.error());
  if (const auto done = memory_.maps().unmap(*unmap); !done) return std::unexpected(done.error());
  return reply_with(request, *unmap);
}

ClientSession::Reply ClientSession::device_info(const Message& request) {
  auto info = vu::decode<vu::DeviceInfo>(request);
  if (!info) return std::unexpected(info.error());
  if (info->argsz < sizeof *info) return small(info->argsz, request.command());
  return reply_with(request, vu::DeviceInfo{sizeof *info, VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI,
                                            VFIO_PCI_NUM_REGIONS, VFIO_PCI_NUM_IRQS});
}

ClientSession::Reply ClientSession::region_info(const Message& request) {
  auto info = vu::decode<vu::RegionInfo>(request);
  if (!info) return std::unexpected(info.error());
  if (info->argsz < sizeof *info) return small(info->argsz, request.command());
  if (info->index >= VFIO_PCI_NUM_REGIONS)
    return fail(Code::kInvalid, EINVAL, fmt::format("there is no region {}", info->index));
  const std::uint64_t size = region_size(info->index);
  vu::RegionInfo reply{};
  reply.argsz = sizeof reply;
  reply.flags = size == 0 ? 0 : VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
  reply.index = info->index;
  reply.size = size;
  return reply_with(request, reply);
}

ClientSession::Reply ClientSession::irq_info(const Message& request) {
  auto info = vu::decode<vu::IrqInfo>(request);
  if (!info) return std::unexpected(info.error());
  if (info->argsz < sizeof *info) return small(info->argsz, request.command());
  if (info->index >= VFIO_PCI_NUM_IRQS)
    return fail(Code::kInvalid, EINVAL, fmt::format("there is no interrupt index {}", info->index));
  const bool msix = info->index == VFIO_PCI_MSIX_IRQ_INDEX;
  return reply_with(request, vu::IrqInfo{sizeof *info, msix ? VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE : 0U,
                                         info->index, msix ? function_.layout().vectors : 0});
}

ClientSession::Reply ClientSession::set_irqs(Message& request) {
  const auto split = vu::decode_with_data<vu::IrqSet>(request);
  if (!split) return std::unexpected(split.error());
  const vu::IrqSet& set = split->head;
  if (set.argsz < sizeof set) return small(set.argsz, request.command());
  if (set.index >= VFIO_PCI_NUM_IRQS)
    return fail(Code::kInvalid, EINVAL, fmt::format("there is no interrupt index {}", set.index));
  if (set.index != VFIO_PCI_MSIX_IRQ_INDEX) {
    // Ending the use of what is not there is what clients do to be sure.
    if (set.start == 0 && set.count == 0 && request.fds.empty()) return make_reply(request);
    return fail(Code::kInvalid, EINVAL, fmt::format("there are no interrupts of index {}", set.index));
  }
  if (const auto done = msix_.set(set, split->data, std::move(request.fds)); !done)
    return std::unexpected(done.error());
  return make_reply(request);
}

ClientSession::Reply ClientSession::region_read(const Message& request) {
  const auto access = vu::decode<vu::RegionAccess>(request);
  if (!access) return std::unexpected(access.error());
  if (const auto ok = check(*access, request.command()); !ok) return std::unexpected(ok.error());
  Message reply = make_reply(request);
  reply.append(*access);
  if (access->region == VFIO_PCI_CONFIG_REGION_INDEX) {
    std::vector<std::byte> bytes(access->count);
    config_.read(access->offset, bytes);
    reply.append(std::span(bytes));
    return reply;
  }
  std::uint64_t value = ~std::uint64_t{0};
  if (config_.memory_enabled()) {
    if (!function_.layout().is_register(access->region, access->offset)) {
      value = msix_.read(access->offset, access->count);
    } else {
      value = function_.read(access->region, access->offset, access->count);
      // What the function did before its answer comes before it: memory written, messages sent.
      after_function();
    }
  }
  reply.append(std::as_bytes(std::span(&value, 1)).first(access->count));
  return reply;
}

ClientSession::Reply ClientSession::region_write(const Message& request) {
  const auto split = vu::decode_with_data<vu::RegionAccess>(request);
  if (!split) return std::unexpected(split.error());
  const vu::RegionAccess& access = split->head;
  if (const auto ok = check(access, request.command()); !ok) return std::unexpected(ok.error());
  if (split->data.size() != access.count)
    return fail(Code::kInvalid, EINVAL,
                fmt::format("REGION_WRITE of {} bytes with {}", access.count, split->data.size()));
  if (access.region == VFIO_PCI_CONFIG_REGION_INDEX) {
    if (config_.write(access.offset, split->data)) {
      ++summary_.function_level_resets;
      reset_function();
    }
    settle_config();
  } else if (config_.memory_enabled()) {
    std::uint64_t value = 0;
    std::memcpy(&value, split->data.data(), access.count);
    if (!function_.layout().is_register(access.region, access.offset)) {
      msix_.write(access.offset, access.count, value);
    } else {
      function_.write(access.region, access.offset, access.count, value);
      after_function();
    }
  }
  return reply_with(request, access);
}

ClientSession::Reply ClientSession::device_reset(const Message& request) {
  if (!request.payload.empty()) return std::unexpected(vu::wrong_length(request, 0));
  ++summary_.device_resets;
  reset_function();
  return make_reply(request);
}

}  // namespace aperture::sw::serve
