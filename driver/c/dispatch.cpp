// SPDX-License-Identifier: Apache-2.0
// The frame of every request: its number, the rule of sizes, errno.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>

#include "c/requests.hpp"

namespace aperture::c {
namespace {

/// Bytes that the caller's structure has and ours has not.
int check_tail(std::uint64_t address, std::size_t length) {
  std::array<char, 256> bytes;
  while (length != 0) {
    const std::size_t count = std::min(length, bytes.size());
    if (!read_caller(bytes.data(), address, count)) return refuse(EFAULT, "the structure cannot be read");
    if (std::any_of(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count), [](char c) { return c != 0; })) {
      return refuse(E2BIG, "the structure has a field that is not known here, and it is not 0");
    }
    address += count;
    length -= count;
  }
  return 0;
}

template <typename Request>
int take(Call& call) {
  Request request{};
  const std::size_t known = std::min<std::size_t>(sizeof request, call.user_size);
  if (call.user_size > sizeof request) {
    if (const int bad = check_tail(call.argument + sizeof request, call.user_size - sizeof request)) return bad;
  }
  if (!read_caller(&request, call.argument, known)) return refuse(EFAULT, "the structure cannot be read");
  return serve(call, request);
}

int take_unsupported(Call&) { return refuse(EOPNOTSUPP, "this request of iommufd is not served"); }

struct Operation {
  unsigned long request;
  std::size_t least;  ///< size of the structure in its first version
  int (*take)(Call& call);
};

template <typename Request>
constexpr Operation operation(unsigned long number, std::size_t least = sizeof(Request)) {
  return {number, least, take<Request>};
}
constexpr Operation unsupported(unsigned number) { return {_IO(IOMMUFD_TYPE, number), 0, take_unsupported}; }

constexpr Operation kOperations[] = {
    operation<iommu_destroy>(IOMMU_DESTROY),
    operation<iommu_ioas_alloc>(IOMMU_IOAS_ALLOC),
    operation<iommu_ioas_allow_iovas>(IOMMU_IOAS_ALLOW_IOVAS),
    operation<iommu_ioas_copy>(IOMMU_IOAS_COPY),
    operation<iommu_ioas_iova_ranges>(IOMMU_IOAS_IOVA_RANGES),
    operation<iommu_ioas_map>(IOMMU_IOAS_MAP),
    operation<iommu_ioas_unmap>(IOMMU_IOAS_UNMAP),
    operation<iommu_option>(IOMMU_OPTION),
    unsupported(0x88),  // VFIO_IOAS
    operation<iommu_hwpt_alloc>(IOMMU_HWPT_ALLOC, offsetof(iommu_hwpt_alloc, data_type)),
    unsupported(0x8a),  // GET_HW_INFO
    operation<iommu_hwpt_set_dirty_tracking>(IOMMU_HWPT_SET_DIRTY_TRACKING),
    operation<iommu_hwpt_get_dirty_bitmap>(IOMMU_HWPT_GET_DIRTY_BITMAP),
    unsupported(0x8d),  // HWPT_INVALIDATE
    unsupported(0x8e),  // FAULT_QUEUE_ALLOC
    operation<iommu_ioas_map_file>(IOMMU_IOAS_MAP_FILE),
    unsupported(0x90),  // VIOMMU_ALLOC
    unsupported(0x91),  // VDEVICE_ALLOC
    unsupported(0x92),  // IOAS_CHANGE_PROCESS
    unsupported(0x93),  // VEVENTQ_ALLOC
    unsupported(0x94),  // HW_QUEUE_ALLOC
    unsupported(0x95),  // NOIOMMU_GET_PA
    operation<aperture_device_alloc>(APERTURE_DEVICE_ALLOC),
    operation<aperture_device_attach>(APERTURE_DEVICE_ATTACH),
    operation<aperture_device_detach>(APERTURE_DEVICE_DETACH),
    operation<aperture_device_dma>(APERTURE_DEVICE_DMA),
};

int dispatch(aperture_context* context, unsigned long request, std::uint64_t argument) {
  if (context == nullptr) return refuse(EBADF, "there is no context");
  const auto* const operation = std::ranges::find(kOperations, request, &Operation::request);
  if (operation == std::end(kOperations)) return refuse(ENOTTY, "no such request");
  Call call{*context, argument, 0};
  if (!read_caller(&call.user_size, argument, sizeof call.user_size)) {
    return refuse(EFAULT, "the structure cannot be read");
  }
  if (call.user_size < operation->least) {
    return refuse(EINVAL, "size is " + std::to_string(call.user_size) + ", the structure has at least " +
                              std::to_string(operation->least));
  }
  return operation->take(call);
}

}  // namespace

int Call::respond(const void* structure, std::size_t size) const {
  if (write_caller(argument, structure, std::min<std::size_t>(size, user_size))) return 0;
  return refuse(EFAULT, "the structure cannot be written");
}

int no_object(const char* kind, std::uint32_t id) {
  return refuse(ENOENT, std::string("there is no ") + kind + " with the id " + std::to_string(id));
}

int unknown_bits(const char* what) { return refuse(EOPNOTSUPP, std::string(what) + " has a value that is not known"); }

}  // namespace aperture::c

using namespace aperture::c;

aperture_context* aperture_open() {
  try {
    return new aperture_context;
  } catch (const std::bad_alloc&) {
    errno = ENOMEM;
    return nullptr;
  }
}

void aperture_close(aperture_context* context) { delete context; }

int aperture_ioctl(aperture_context* context, unsigned long request, void* argument) {
  int number = 0;
  try {
    forget_reason();
    number = dispatch(context, request, reinterpret_cast<std::uintptr_t>(argument));
  } catch (const std::bad_alloc&) {
    number = ENOMEM;
  }
  if (number == 0) return 0;
  errno = number;
  return -1;
}

size_t aperture_explain(char* text, size_t size) {
  const std::string& why = reason();
  if (size != 0) {
    const std::size_t count = std::min(size - 1, why.size());
    std::memcpy(text, why.data(), count);
    text[count] = 0;
  }
  return why.size();
}
