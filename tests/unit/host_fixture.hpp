// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "host/machine.hpp"
#include "ioas/host_memory.hpp"
#include "ioas/ioas.hpp"
#include "support/fake_kernel.hpp"

namespace aperture::host {

/// Devices behind the host's IOMMU, on a kernel in memory.
class HostDevice : public testing::Test {
 protected:
  void use(vfio::Backend backend) { machine = std::make_unique<Machine>(backend, kernel); }
  std::unique_ptr<Device> open(const std::string& address, unsigned group, const DeviceOptions& options = {}) {
    kernel.add(address, group);
    auto opened = machine->open(address, options);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().what);
    return opened ? std::move(*opened) : nullptr;
  }
  test::FakeKernel::Function& function(const Device& device) {
    return kernel.function(device.function().location().address);
  }
  /// What the device reads at `iova`; null: the access faults.
  const std::byte* reach(const Device& device, std::uint64_t iova) {
    return kernel.reach(function(device), iova, false);
  }
  bool reaches(const Device& device, std::uint64_t iova, const std::byte* memory) {
    return reach(device, iova) == memory;
  }

  test::FakeKernel kernel;
  std::unique_ptr<Machine> machine = std::make_unique<Machine>(std::nullopt, kernel);
  ioas::Platform platform;
  ioas::test::Memory memory{16 * kPageSize};
};

}  // namespace aperture::host
