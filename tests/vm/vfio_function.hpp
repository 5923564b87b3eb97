// SPDX-License-Identifier: Apache-2.0
#pragma once

// The card's function as a program sees it that knows nothing but Linux's VFIO (Documentation/driver-api/vfio.rst,
// linux/vfio.h): container, group, device, and their calls.

#include <linux/vfio.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aperture::test {

class VfioFunction {
 public:
  /// Opens the function that APERTURE_CARD names, and empties its group again at the end. Throws std::runtime_error.
  VfioFunction();
  ~VfioFunction();
  VfioFunction(const VfioFunction&) = delete;
  VfioFunction& operator=(const VfioFunction&) = delete;

  /// ioctl on the device: 0 or more, or -errno.
  int call(unsigned long request, void* argument) const;
  int call(unsigned long request) const { return call(request, nullptr); }
  /// ioctl on container and group, likewise.
  int container_call(unsigned long request, void* argument) const;
  int group_call(unsigned long request, void* argument) const;
  int container_extension(unsigned long extension) const;

  vfio_region_info region(unsigned index) const;
  vfio_irq_info irq(unsigned index) const;

  /// Bytes moved at `offset` of a region, or -errno.
  long read(unsigned index, std::uint64_t offset, void* to, std::size_t size) const;
  long write(unsigned index, std::uint64_t offset, const void* from, std::size_t size) const;
  /// Of config space, little-endian. Throws std::runtime_error.
  std::uint32_t config(std::uint64_t offset, unsigned size) const;
  void set_config(std::uint64_t offset, unsigned size, std::uint32_t value) const;
  /// Where a capability is; nothing: there is none. Throws std::runtime_error: the list does not end.
  std::optional<std::uint8_t> capability(std::uint8_t id) const;

  /// SET_IRQS with these words behind the header: 0, or -errno. `argsz` 0: what it has to be.
  int set_irqs(std::uint32_t index, std::uint32_t flags, std::uint32_t start, std::uint32_t count,
               const std::vector<std::int32_t>& words = {}, std::uint32_t argsz = 0) const;

  int device() const { return device_; }

 private:
  int container_{-1};
  int group_{-1};
  int device_{-1};
};

}  // namespace aperture::test
