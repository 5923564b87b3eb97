// SPDX-License-Identifier: Apache-2.0
// Devices, their page tables, and what ends an object.
#include <algorithm>
#include <cerrno>
#include <span>

#include "c/requests.hpp"
#include "ioas/range_set.hpp"

namespace aperture::c {
namespace {

constexpr ioas::Cause kCauses[] = {ioas::Cause::kReserved, ioas::Cause::kMsi,      ioas::Cause::kAperture,
                                   ioas::Cause::kSignGap,  ioas::Cause::kPageMode, ioas::Cause::kOutputWidth};

int read_reserved(const aperture_device_alloc& request, std::vector<ioas::DeviceReservation>& out) {
  for (std::uint32_t i = 0; i < request.num_reserved; ++i) {
    aperture_reserved_range entry{};
    if (!read_caller(&entry, request.reserved + i * sizeof entry, sizeof entry)) {
      return refuse(EFAULT, "reserved range " + std::to_string(i) + " cannot be read");
    }
    if (entry.__reserved != 0) return unknown_bits("a reserved field of a range");
    if (entry.cause >= std::size(kCauses)) return unknown_bits("the cause of a range");
    if (entry.start > entry.last)
      return refuse(EINVAL, "reserved range " + std::to_string(i) + " ends before it begins");
    out.push_back({{{entry.start}, {entry.last}}, kCauses[entry.cause]});
  }
  return 0;
}

void purge_retired(aperture_context& context) {
  context.retired.remove_if([&](const auto& device) { return !context.objects.made_any(*device); });
}

}  // namespace

int serve(Call& call, aperture_device_alloc& request) {
  if (request.flags != 0) return unknown_bits("flags");
  if (request.dma_bits > 64) return refuse(EINVAL, "no device has more than 64 address bits");
  std::vector<IovaRange> apertures;
  if (const int bad = read_ranges(request.apertures, request.num_apertures, false, apertures)) return bad;
  if (!std::ranges::is_sorted(apertures)) return refuse(EINVAL, "the apertures are not ascending");
  ioas::MemoryDeviceOptions options;
  if (const int bad = read_reserved(request, options.reservations)) return bad;
  if (apertures.empty()) apertures.push_back(ioas::kAll);
  options.dma_bits = request.dma_bits == 0 ? 64 : request.dma_bits;
  const std::uint64_t page_sizes = request.page_sizes == 0 ? kPageSize : request.page_sizes;
  options.formats.push_back({"memory", 1, 1, std::move(apertures), page_sizes});
  const std::lock_guard lock(call.context.mutex);
  purge_retired(call.context);
  Objects& objects = call.context.objects;
  const std::uint32_t id = objects.add(DeviceObject{});
  objects.remove(id);
  auto device =
      std::make_shared<ioas::MemoryDevice>("device " + std::to_string(id), id, call.context.pins, std::move(options));
  request.out_device_id = objects.add(DeviceObject{device.get(), device});
  const int told = call.respond(&request, sizeof request);
  if (told != 0) objects.remove(request.out_device_id);
  return told;
}

int serve(Call& call, aperture_device_attach& request) {
  if (request.flags != 0) return unknown_bits("flags");
  const std::lock_guard lock(call.context.mutex);
  Objects& objects = call.context.objects;
  objects.follow_domains();
  const auto* device = objects.find<DeviceObject>(request.device_id);
  if (device == nullptr) return no_object("device", request.device_id);
  if (!objects.has(request.pt_id)) return no_object("IOAS or HWPT", request.pt_id);
  std::shared_ptr<ioas::Ioas> space;
  ioas::Outcome<ioas::Attached> attached;
  if (const auto* hwpt = objects.find<HwptObject>(request.pt_id)) {
    space = hwpt->ioas;
    attached = space->attach_to(hwpt->domain, *device->device);
  } else if (const auto* object = objects.find<IoasObject>(request.pt_id)) {
    space = object->ioas;
    attached = space->attach(*device->device);
  } else {
    return refuse(EINVAL, "object " + std::to_string(request.pt_id) + " is neither an IOAS nor an HWPT");
  }
  objects.follow_domains();
  if (!attached) return refuse(attached.error());
  request.pt_id = objects.find_domain(*space, attached->domain).value_or(request.pt_id);
  return call.respond(&request, sizeof request);
}

int serve(Call& call, aperture_device_detach& request) {
  if (request.flags != 0) return unknown_bits("flags");
  const std::lock_guard lock(call.context.mutex);
  const auto* device = call.context.objects.find<DeviceObject>(request.device_id);
  if (device == nullptr) return no_object("device", request.device_id);
  const auto detached = ioas::Ioas::detach(call.context.platform, *device->device);
  call.context.objects.follow_domains();
  return detached ? 0 : refuse(detached.error());
}

int serve(Call& call, aperture_device_dma& request) {
  if ((request.flags & ~std::uint32_t{APERTURE_DMA_WRITE}) != 0) return unknown_bits("flags");
  if (request.__reserved != 0) return unknown_bits("a reserved field");
  if (request.length == 0) return refuse(EINVAL, "the length is 0");
  if (request.iova > ioas::kMax - (request.length - 1)) return refuse(EOVERFLOW, "the IOVAs pass the end of the space");
  std::shared_ptr<ioas::MemoryDevice> device;
  {
    const std::lock_guard lock(call.context.mutex);
    const auto* object = call.context.objects.find<DeviceObject>(request.device_id);
    if (object == nullptr) return no_object("device", request.device_id);
    device = object->own;
  }
  if (!device) return refuse(EOPNOTSUPP, "the device is no device in memory");
  const bool writes = (request.flags & APERTURE_DMA_WRITE) != 0;
  if (!accessible(request.user_va, request.length, !writes)) return refuse(EFAULT, "user_va cannot be accessed");
  auto* const memory = reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(request.user_va));
  const std::span<std::byte> bytes(memory, static_cast<std::size_t>(request.length));
  ioas::MemoryFault fault;
  const auto done =
      writes ? device->dma_write({request.iova}, bytes, fault) : device->dma_read({request.iova}, bytes, fault);
  if (done) return 0;
  request.length = fault.iova.value - request.iova;
  request.iova = fault.iova.value;
  if (const int told = call.respond(&request, sizeof request)) return told;
  return refuse(done.error());
}

int serve(Call& call, iommu_hwpt_alloc& request) {
  if (request.__reserved != 0 || request.__reserved2 != 0) return unknown_bits("a reserved field");
  if ((request.data_type == IOMMU_HWPT_DATA_NONE) != (request.data_len == 0)) {
    return refuse(EINVAL, "data_type and data_len do not belong together");
  }
  const std::lock_guard lock(call.context.mutex);
  Objects& objects = call.context.objects;
  objects.follow_domains();
  const auto* device = objects.find<DeviceObject>(request.dev_id);
  if (device == nullptr) return no_object("device", request.dev_id);
  if (objects.find<HwptObject>(request.pt_id) != nullptr) {
    if (request.data_len == 0) return refuse(EOPNOTSUPP, "a nested HWPT needs data");
    return refuse(EINVAL, "HWPT " + std::to_string(request.pt_id) + " is no nesting parent");
  }
  const auto* object = objects.find<IoasObject>(request.pt_id);
  if (object == nullptr) return refuse(EINVAL, "object " + std::to_string(request.pt_id) + " is no IOAS");
  if ((request.flags & ~std::uint32_t{IOMMU_HWPT_ALLOC_DIRTY_TRACKING}) != 0) return unknown_bits("flags");
  if (request.data_type != IOMMU_HWPT_DATA_NONE) return unknown_bits("data_type");
  const std::shared_ptr<ioas::Ioas> space = object->ioas;
  const auto made = space->make_domain(*device->device, (request.flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING) != 0);
  if (!made) return refuse(made.error());
  objects.follow_domains();
  request.out_hwpt_id = objects.find_domain(*space, *made).value_or(0);
  const int told = call.respond(&request, sizeof request);
  if (told != 0) {
    (void)space->drop_domain(*made);
    objects.follow_domains();
  }
  return told;
}

int serve(Call& call, iommu_hwpt_set_dirty_tracking& request) {
  if ((request.flags & ~std::uint32_t{IOMMU_HWPT_DIRTY_TRACKING_ENABLE}) != 0) return unknown_bits("flags");
  if (request.__reserved != 0) return unknown_bits("a reserved field");
  const std::lock_guard lock(call.context.mutex);
  call.context.objects.follow_domains();
  const auto* hwpt = call.context.objects.find<HwptObject>(request.hwpt_id);
  if (hwpt == nullptr) return no_object("HWPT", request.hwpt_id);
  const bool enable = (request.flags & IOMMU_HWPT_DIRTY_TRACKING_ENABLE) != 0;
  const auto set = hwpt->ioas->set_dirty_tracking(enable, hwpt->domain);
  return set ? 0 : refuse(set.error());
}

int serve(Call& call, iommu_hwpt_get_dirty_bitmap& request) {
  if ((request.flags & ~std::uint32_t{IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR}) != 0) return unknown_bits("flags");
  if (request.__reserved != 0) return unknown_bits("a reserved field");
  const std::lock_guard lock(call.context.mutex);
  call.context.objects.follow_domains();
  const auto* hwpt = call.context.objects.find<HwptObject>(request.hwpt_id);
  if (hwpt == nullptr) return no_object("HWPT", request.hwpt_id);
  if (!hwpt->can_track) return refuse(EOPNOTSUPP, "the HWPT was not made for dirty tracking");
  if (request.page_size == 0 || request.length == 0) return refuse(EINVAL, "the page size or the length is 0");
  // Before anything is cleared: the bitmap has room.
  const std::uint64_t bits = (request.length - 1) / request.page_size + 1;
  const std::uint64_t bytes = (bits + 63) / 64 * sizeof(std::uint64_t);
  const auto dirty = [&](bool clear) {
    return hwpt->ioas->dirty({request.iova}, request.length, request.page_size, clear, hwpt->domain);
  };
  if (const auto probe = dirty(false); !probe) return refuse(probe.error());
  if (!accessible(request.data, bytes, true)) return refuse(EFAULT, "the bitmap cannot be written");
  const auto pages = dirty((request.flags & IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR) == 0);
  if (!pages) return refuse(pages.error());
  auto* const bitmap = reinterpret_cast<std::uint64_t*>(static_cast<std::uintptr_t>(request.data));
  for (const IovaRange& range : *pages) {
    const std::uint64_t last = (range.last.value - request.iova) / request.page_size;
    for (std::uint64_t bit = (range.first.value - request.iova) / request.page_size; bit <= last; ++bit) {
      bitmap[bit / 64] |= std::uint64_t{1} << (bit % 64);
    }
  }
  return 0;
}

int serve(Call& call, iommu_destroy& request) {
  std::shared_ptr<ioas::Ioas> gone;  // goes when no lock is held any more
  const std::lock_guard lock(call.context.mutex);
  Objects& objects = call.context.objects;
  objects.follow_domains();
  if (const auto* space = objects.find<IoasObject>(request.id)) {
    if (!space->ioas->domains().empty()) return refuse(EBUSY, "the IOAS has page tables");
    gone = space->ioas;
  } else if (const auto* hwpt = objects.find<HwptObject>(request.id)) {
    const auto dropped = hwpt->ioas->drop_domain(hwpt->domain);
    if (!dropped) return refuse(dropped.error());
  } else if (const auto* device = objects.find<DeviceObject>(request.id)) {
    if (!device->own) return refuse(EBUSY, device->device->name() + " is bound by the program");
    if (Objects::attached(call.context.platform, *device->device)) {
      return refuse(EBUSY, device->device->name() + " is attached");
    }
    call.context.retired.push_back(device->own);
  } else {
    return no_object("object", request.id);
  }
  objects.remove(request.id);
  return 0;
}

}  // namespace aperture::c
