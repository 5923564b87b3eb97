// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <type_traits>
#include <vector>

#include "c/iommufd_structures.h"
// Ours first, so that all fields are there on every machine.
#include "c/aperture_iommufd.h"
#include "ioas/host_memory.hpp"

namespace aperture::test {

constexpr std::uint32_t kRead = IOMMU_IOAS_MAP_READABLE;
constexpr std::uint32_t kWrite = IOMMU_IOAS_MAP_WRITEABLE;
constexpr std::uint32_t kFixed = IOMMU_IOAS_MAP_FIXED_IOVA;
constexpr std::uint64_t kTop = ~std::uint64_t{0};

inline std::uint64_t address(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

/// A context, and its requests with little to write. Each gives the errno, 0 for success.
class CContext : public testing::Test {
 protected:
  ~CContext() override { aperture_close(context); }

  int call(unsigned long request, void* argument) {
    errno = 0;
    const int result = aperture_ioctl(context, request, argument);
    EXPECT_EQ(result, errno == 0 ? 0 : -1);
    return errno;
  }
  template <typename Request>
  requires std::is_class_v<std::remove_reference_t<Request>>
  int call(unsigned long number, Request&& request) {
    request.size = sizeof request;
    return call(number, static_cast<void*>(&request));
  }

  std::uint32_t new_ioas() {
    iommu_ioas_alloc request{};
    EXPECT_EQ(call(IOMMU_IOAS_ALLOC, request), 0);
    return request.out_ioas_id;
  }
  std::uint32_t new_device(unsigned dma_bits = 64, std::initializer_list<aperture_reserved_range> reserved = {}) {
    aperture_device_alloc request{};
    request.dma_bits = dma_bits;
    request.reserved = address(reserved.begin());
    request.num_reserved = static_cast<std::uint32_t>(reserved.size());
    EXPECT_EQ(call(APERTURE_DEVICE_ALLOC, request), 0);
    return request.out_device_id;
  }
  int map(std::uint32_t ioas, const void* memory, std::uint64_t length, std::uint64_t& iova,
          std::uint32_t flags = kRead | kWrite) {
    iommu_ioas_map request{};
    request.flags = flags;
    request.ioas_id = ioas;
    request.user_va = address(memory);
    request.length = length;
    request.iova = iova;
    const int result = call(IOMMU_IOAS_MAP, request);
    iova = request.iova;
    return result;
  }
  int map_at(std::uint32_t ioas, const void* memory, std::uint64_t length, std::uint64_t iova,
             std::uint32_t flags = kRead | kWrite) {
    return map(ioas, memory, length, iova, flags | kFixed);
  }
  int unmap(std::uint32_t ioas, std::uint64_t iova, std::uint64_t& length) {
    iommu_ioas_unmap request{};
    request.ioas_id = ioas;
    request.iova = iova;
    request.length = length;
    const int result = call(IOMMU_IOAS_UNMAP, request);
    length = request.length;
    return result;
  }
  int attach(std::uint32_t device, std::uint32_t& pt) {
    aperture_device_attach request{};
    request.device_id = device;
    request.pt_id = pt;
    const int result = call(APERTURE_DEVICE_ATTACH, request);
    pt = request.pt_id;
    return result;
  }
  /// To an IOAS; the page table's id is of no interest.
  int attach_to(std::uint32_t device, std::uint32_t ioas) { return attach(device, ioas); }
  int detach(std::uint32_t device) {
    aperture_device_detach request{};
    request.device_id = device;
    return call(APERTURE_DEVICE_DETACH, request);
  }
  int destroy(std::uint32_t id) {
    iommu_destroy request{};
    request.id = id;
    return call(IOMMU_DESTROY, request);
  }
  int dma(std::uint32_t device, std::uint64_t iova, void* memory, std::uint64_t length, bool write) {
    aperture_device_dma request{};
    request.flags = write ? APERTURE_DMA_WRITE : 0;
    request.device_id = device;
    request.iova = iova;
    request.length = length;
    request.user_va = address(memory);
    return call(APERTURE_DEVICE_DMA, request);
  }
  std::vector<iommu_iova_range> ranges(std::uint32_t ioas, std::uint64_t& alignment) {
    std::vector<iommu_iova_range> list(16);
    iommu_ioas_iova_ranges request{};
    request.ioas_id = ioas;
    request.num_iovas = static_cast<std::uint32_t>(list.size());
    request.allowed_iovas = address(list.data());
    EXPECT_EQ(call(IOMMU_IOAS_IOVA_RANGES, request), 0);
    list.resize(request.num_iovas);
    alignment = request.out_iova_alignment;
    return list;
  }
  int allow(std::uint32_t ioas, const std::vector<iommu_iova_range>& list) {
    iommu_ioas_allow_iovas request{};
    request.ioas_id = ioas;
    request.num_iovas = static_cast<std::uint32_t>(list.size());
    request.allowed_iovas = address(list.data());
    return call(IOMMU_IOAS_ALLOW_IOVAS, request);
  }
  int huge_pages(std::uint32_t ioas, std::uint64_t value) {
    iommu_option request{};
    request.option_id = IOMMU_OPTION_HUGE_PAGES;
    request.op = IOMMU_OPTION_OP_SET;
    request.object_id = ioas;
    request.val64 = value;
    return call(IOMMU_OPTION, request);
  }

  aperture_context* context{aperture_open()};
  ioas::test::Memory memory{64 * 4096};
};

}  // namespace aperture::test
