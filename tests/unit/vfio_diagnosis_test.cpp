// SPDX-License-Identifier: Apache-2.0
// What is wrong with a machine, and the command that mends it.
#include <gtest/gtest.h>

#include "support/fake_kernel.hpp"
#include "vfio/function.hpp"
#include "vfio/uapi.hpp"

namespace aperture::vfio {
namespace {

using test::FakeKernel;

class VfioDiagnosis : public testing::Test {
 protected:
  Error refusal(std::optional<Backend> backend = {}) {
    const auto location = locate(kernel, "0000:01:00.0");
    if (!location) return location.error();
    auto function = System(kernel, backend).open(*location);
    EXPECT_FALSE(function);
    EXPECT_EQ(kernel.open_files(), 0U) << "a refused open leaves no file open";
    return function ? Error{} : function.error();
  }
  void expect(const Error& error, Code code, std::initializer_list<const char*> words) {
    EXPECT_EQ(error.code, code) << error.what;
    for (const char* word : words)
      EXPECT_NE(error.what.find(word), std::string::npos) << word << "\nin: " << error.what;
  }

  FakeKernel kernel;
  FakeKernel::Function& function = kernel.add("0000:01:00.0", 7);
};

TEST_F(VfioDiagnosis, NoSuchFunction) {
  kernel.files.erase("/sys/bus/pci/devices/0000:01:00.0/vendor");
  expect(refusal(), Code::kEnvironment, {"no PCI function 0000:01:00.0", "lspci -D"});
}

TEST_F(VfioDiagnosis, NoIommu) {
  kernel.links.erase("/sys/bus/pci/devices/0000:01:00.0/iommu_group");
  expect(refusal(), Code::kEnvironment, {"no IOMMU", "intel_iommu=on", "firmware"});
}

TEST_F(VfioDiagnosis, AnotherDriverHasTheFunction) {
  kernel.bind("0000:01:00.0", "e1000e");
  expect(refusal(), Code::kEnvironment,
         {"\"e1000e\"", "modprobe vfio-pci", "driverctl set-override 0000:01:00.0 vfio-pci",
          "echo vfio-pci > /sys/bus/pci/devices/0000:01:00.0/driver_override", "drivers_probe"});
}

TEST_F(VfioDiagnosis, NoDriverHasTheFunction) {
  kernel.bind("0000:01:00.0", "");
  expect(refusal(), Code::kEnvironment, {"bound to no driver", "driver_override"});
}

TEST_F(VfioDiagnosis, GroupIsNotViableBecauseOfANeighbour) {
  kernel.add("0000:01:00.1", 7);
  kernel.bind("0000:01:00.1", "snd_hda_intel");
  kernel.add("0000:01:00.2", 7);
  kernel.viable = false;
  const Error error = refusal(Backend::kType1);
  expect(error, Code::kEnvironment,
         {"group 7", "0000:01:00.1 (snd_hda_intel)", "driverctl set-override 0000:01:00.1 vfio-pci"});
  EXPECT_EQ(error.what.find("0000:01:00.2"), std::string::npos) << "it is bound to vfio-pci";
}

TEST_F(VfioDiagnosis, UnsafeInterrupts) {
  kernel.fail(uapi::kDeviceBindIommufd, EPERM);
  expect(refusal(Backend::kIommufd), Code::kPermission,
         {"interrupts are not isolated", "/sys/module/iommufd/parameters/allow_unsafe_interrupts"});
  kernel.fail(VFIO_SET_IOMMU, EPERM);
  expect(refusal(Backend::kType1), Code::kPermission,
         {"interrupts are not isolated", "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"});
}

TEST_F(VfioDiagnosis, NoPermissionOnTheNodes) {
  kernel.open_fails["/dev/iommu"] = EACCES;
  expect(refusal(), Code::kPermission, {"/dev/iommu", "chown"});
  kernel.open_fails["/dev/vfio/7"] = EACCES;
  expect(refusal(Backend::kType1), Code::kPermission, {"/dev/vfio/7", "chown $USER /dev/vfio/7"});
}

TEST_F(VfioDiagnosis, AnotherProcessHasTheGroup) {
  kernel.open_fails["/dev/vfio/7"] = EBUSY;
  expect(refusal(Backend::kType1), Code::kInUse, {"fuser -v /dev/vfio/7"});
}

TEST_F(VfioDiagnosis, ContainerModuleIsNotLoaded) {
  kernel.open_fails["/dev/vfio/vfio"] = ENOENT;
  expect(refusal(Backend::kType1), Code::kEnvironment, {"modprobe vfio_iommu_type1"});
  kernel.open_fails.clear();
  kernel.answers[VFIO_CHECK_EXTENSION].push_back(-ENOTTY);
  expect(refusal(Backend::kType1), Code::kEnvironment, {"modprobe vfio_iommu_type1"});
}

TEST_F(VfioDiagnosis, DeviceThatIsNotCoherentOrTaken) {
  kernel.fail(uapi::kDeviceBindIommufd, EINVAL);
  expect(refusal(Backend::kIommufd), Code::kEnvironment, {"cache-coherent"});
  kernel.fail(uapi::kDeviceBindIommufd, EBUSY);
  expect(refusal(Backend::kIommufd), Code::kInUse, {"group 7"});
}

TEST_F(VfioDiagnosis, ForcedIommufdOnAKernelWithoutIt) {
  kernel.iommufd = false;
  expect(refusal(Backend::kIommufd), Code::kEnvironment, {"CONFIG_IOMMUFD", "backend=type1"});
}

TEST_F(VfioDiagnosis, MapsOfAContainerAreUsedUp) {
  expect(map_refused(kernel, Backend::kType1, ENOSPC, 4096, 0x1000), Code::kNoSpace, {"dma_entry_limit"});
}

TEST_F(VfioDiagnosis, FunctionsOfOneGroupShareItsContainer) {
  kernel.add("0000:01:00.1", 7);
  System system(kernel, Backend::kType1);
  const auto first = system.open(*locate(kernel, "0000:01:00.0"));
  const auto second = system.open(*locate(kernel, "0000:01:00.1"));
  ASSERT_TRUE(first && second) << (second ? "" : second.error().what);
  EXPECT_EQ((*first)->container(), (*second)->container());
}

TEST_F(VfioDiagnosis, ReservedRegionsAreReadWithTheirTypes) {
  kernel.files["/sys/kernel/iommu_groups/7/reserved_regions"] =
      "0x00000000fee00000 0x00000000feefffff msi\n0x000000fd00000000 0x000000ffffffffff reserved\n";
  const auto regions = reserved_regions(kernel, 7);
  ASSERT_EQ(regions.size(), 2U);
  EXPECT_EQ(regions[0].range, (IovaRange{{0xfee0'0000}, {0xfeef'ffff}}));
  EXPECT_EQ(regions[0].type, "msi");
  EXPECT_EQ(regions[1].type, "reserved");
}

}  // namespace
}  // namespace aperture::vfio
