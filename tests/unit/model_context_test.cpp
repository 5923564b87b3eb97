// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "Data Structures": device and process directories, and the process to translate an IOVA up to
// the page tables.
#include "unit/model_bench.hpp"

namespace aperture::tb::test {
namespace {

class ModelContext : public ModelTest {
 protected:
  ModelContext() { enable_fault_queue(); }
  /// The cause of the fault that an access of `dc` meets; 0 for none.
  unsigned cause_of(const Dc& dc) {
    put(kDevice, dc);
    const bool ok = read(0x1000).ok;
    const auto found = records();
    EXPECT_EQ(found.size(), ok ? 0U : 1U);
    return found.empty() ? 0 : found.front().cause;
  }
  void restart(std::uint64_t without_capabilities = 0) {
    without(without_capabilities);
    enable_fault_queue();
  }
};

TEST_F(ModelContext, OffDisallowsEverything) {
  EXPECT_FALSE(read(0x1234).ok);
  const Record r = record();
  EXPECT_EQ(r.cause, 256U);
  EXPECT_EQ(r.ttyp, 2U);
  EXPECT_EQ(r.did, kDevice);
  EXPECT_EQ(r.iotval, 0x1234U);
  EXPECT_EQ(r.iotval2, 0U);
}

TEST_F(ModelContext, BarePassesUntranslatedAndDisallowsTranslatedAccesses) {
  write64(16, 1);
  poke(0x5000, 0x1122334455667788);
  const AccessResult ok = read(0x5000);
  EXPECT_TRUE(ok.ok);
  EXPECT_EQ(ok.pa, 0x5000U);
  EXPECT_EQ(ok.data[0], std::byte{0x88});
  EXPECT_FALSE(access({.device_id = kDevice, .write = true, .type = AccessType::kTranslated, .iova = 0}).ok);
  const Record r = record();
  EXPECT_EQ(r.cause, 260U);
  EXPECT_EQ(r.ttyp, 7U);
}

TEST_F(ModelContext, DeviceIdsWiderThanTheModeAreDisallowed) {
  use_ddt(2);
  EXPECT_FALSE(access({.device_id = 64, .iova = 0}).ok);  // DDI[1] of the extended format
  EXPECT_EQ(record().cause, 260U);
  write64(16, 0);
  use_ddt(3);
  EXPECT_FALSE(access({.device_id = 1 << 15, .iova = 0}).ok);
  EXPECT_EQ(record().cause, 260U);
  EXPECT_FALSE(access({.device_id = (1 << 15) - 1, .iova = 0}).ok);
  EXPECT_EQ(record().cause, 258U);
}

TEST_F(ModelContext, TheBaseFormatHas32BytesAndSevenBitsBelow) {
  restart(bit(22));  // MSI_FLAT
  put(127, {});
  use_ddt(2);
  EXPECT_TRUE(access({.device_id = 127, .iova = 0x1000}).ok);
  EXPECT_FALSE(access({.device_id = 128, .iova = 0x1000}).ok);
  EXPECT_EQ(record().cause, 260U);
}

TEST_F(ModelContext, ThreeLevelsAreWalkedByDeviceId) {
  // Extended format: DDI[2] = 23:15, DDI[1] = 14:6, DDI[0] = 5:0.
  const std::uint32_t device = 3U << 15 | 7U << 6 | 9;
  const std::uint64_t second = table(), third = table();
  poke(kDdt + 3 * 8, second >> 12 << 10 | 1);
  poke(second + 7 * 8, third >> 12 << 10 | 1);
  poke(third + 9 * 64, 1);
  use_ddt(4);
  EXPECT_TRUE(access({.device_id = device, .iova = 0x1000}).ok);
  EXPECT_FALSE(access({.device_id = device + 1, .iova = 0x1000}).ok);
  EXPECT_EQ(record().cause, 258U);
}

TEST_F(ModelContext, NonLeafEntriesAreJudged) {
  use_ddt(3);
  EXPECT_FALSE(read(0).ok);
  EXPECT_EQ(record().cause, 258U);
  poke(kDdt, bit(9) | 1);
  EXPECT_FALSE(read(0).ok);
  EXPECT_EQ(record().cause, 259U);
  poke(kDdt, bit(54) | 1);
  EXPECT_FALSE(read(0).ok);
  EXPECT_EQ(record().cause, 259U);
}

TEST_F(ModelContext, DdtAccessFaultsAndCorruption) {
  configure({});
  model.set_fault(kDdt + kDevice * 64 + 56, 1, MemoryFault::kError);
  EXPECT_FALSE(read(0).ok);
  EXPECT_EQ(record().cause, 257U);
  model.set_fault(kDdt + kDevice * 64 + 56, 1, MemoryFault::kPoison);
  EXPECT_FALSE(read(0).ok);
  EXPECT_EQ(record().cause, 268U);
}

TEST_F(ModelContext, StructuresBeyondThePhysicalAddressSpaceAreAccessFaults) {
  straps.capabilities = (straps.capabilities & ~(std::uint64_t{63} << 32)) | std::uint64_t{40} << 32;
  restart();
  write64(16, bit(40) >> 12 << 10 | 2);
  EXPECT_FALSE(read(0).ok);
  EXPECT_EQ(record().cause, 257U);
}

TEST_F(ModelContext, AnEmptyContextTranslatesNothing) {
  configure({});
  EXPECT_EQ(cause_of({}), 0U);
  EXPECT_EQ(read(0xfff0'0000'1000).pa, 0xfff0'0000'1000U);
}

TEST_F(ModelContext, ReservedBitsOfADeviceContextAreMisconfigured) {
  use_ddt();
  for (unsigned i = 12; i < 64; ++i) {
    const bool custom = i >= 24 && i < 32;
    EXPECT_EQ(cause_of({.tc = bit(i)}), custom ? 0U : 259U) << "tc " << i;
  }
  EXPECT_EQ(cause_of({.ta = bit(11)}), 259U);
  EXPECT_EQ(cause_of({.ta = bit(32)}), 259U);
  EXPECT_EQ(cause_of({.fsc = bit(44)}), 259U);
  EXPECT_EQ(cause_of({.msiptp = bit(59)}), 259U);
  EXPECT_EQ(cause_of({.msi_addr_mask = bit(52)}), 259U);
  EXPECT_EQ(cause_of({.msi_addr_pattern = bit(63)}), 259U);
  EXPECT_EQ(cause_of({.reserved = 1}), 259U);
}

TEST_F(ModelContext, AtsAndPriBitsMustFitEachOther) {
  use_ddt();
  EXPECT_EQ(cause_of({.tc = kEnPri}), 259U);
  EXPECT_EQ(cause_of({.tc = kEnAts | kPrpr}), 259U);
  EXPECT_EQ(cause_of({.tc = kEnAts | kEnPri | kPrpr}), 0U);
  EXPECT_EQ(cause_of({.tc = kT2gpa, .iohgatp = pointer(8, 0x40000)}), 259U);
  EXPECT_EQ(cause_of({.tc = kEnAts | kT2gpa}), 259U) << "T2GPA without a second stage";
  restart(bit(25));  // ATS
  use_ddt();
  EXPECT_EQ(cause_of({.tc = kEnAts}), 259U);
}

TEST_F(ModelContext, OnlyModesOfTheCapabilitiesAreAccepted) {
  use_ddt();
  EXPECT_EQ(cause_of({.fsc = pointer(1, 0)}), 259U);
  EXPECT_EQ(cause_of({.fsc = pointer(11, 0)}), 259U);
  EXPECT_EQ(cause_of({.fsc = pointer(14, 0)}), 259U);
  EXPECT_EQ(cause_of({.fsc = pointer(10, 0)}), 13U);
  EXPECT_EQ(cause_of({.tc = kPdtv, .fsc = pointer(4, 0)}), 259U);
  EXPECT_EQ(cause_of({.tc = kPdtv, .fsc = pointer(3, 0)}), 0U);
  EXPECT_EQ(cause_of({.iohgatp = pointer(7, 0)}), 259U);
  restart(bit(11) | bit(19) | bit(40));  // Sv57, Sv57x4, PD20
  use_ddt();
  EXPECT_EQ(cause_of({.fsc = pointer(10, 0)}), 259U);
  EXPECT_EQ(cause_of({.iohgatp = pointer(10, 0)}), 259U);
  EXPECT_EQ(cause_of({.tc = kPdtv, .fsc = pointer(3, 0)}), 259U);
}

TEST_F(ModelContext, TheSecondStageRootIsAlignedTo16KiB) {
  use_ddt();
  EXPECT_EQ(cause_of({.iohgatp = pointer(8, 0x41000)}), 259U);
  EXPECT_EQ(cause_of({.iohgatp = pointer(0, 0x41000)}), 0U);
}

TEST_F(ModelContext, DpeNeedsADirectory) {
  use_ddt();
  EXPECT_EQ(cause_of({.tc = kDpe}), 259U);
}

TEST_F(ModelContext, HardwareUpdatesNeedTheirCapability) {
  restart(bit(24));  // AMO_HWAD
  use_ddt();
  EXPECT_EQ(cause_of({.tc = kSade}), 259U);
  EXPECT_EQ(cause_of({.tc = kGade}), 259U);
}

TEST_F(ModelContext, SbeAndSxlFollowWhatFctlCanBe) {
  use_ddt();
  EXPECT_EQ(cause_of({.tc = kSbe | kSxl}), 0U);
  straps.fctl_be_writable = false;
  straps.fctl_gxl_writable = false;
  restart();
  use_ddt();
  EXPECT_EQ(cause_of({.tc = kSbe}), 259U);
  EXPECT_EQ(cause_of({.tc = kSxl}), 259U);
  straps.fctl = 4;
  restart();
  use_ddt();
  EXPECT_EQ(cause_of({}), 259U) << "SXL must be 1 with GXL";
  EXPECT_EQ(cause_of({.tc = kSxl}), 0U);
}

TEST_F(ModelContext, MsiTranslationNeedsASecondStage) {
  use_ddt();
  EXPECT_EQ(cause_of({.msiptp = pointer(1, 0)}), 259U);
  EXPECT_EQ(cause_of({.iohgatp = pointer(8, 0x40000), .msiptp = pointer(2, 0)}), 259U);
}

TEST_F(ModelContext, QosIdsMustNotBeWiderThanTheCards) {
  straps.rcid_bits = 4;
  straps.mcid_bits = 5;
  restart();
  use_ddt();
  EXPECT_EQ(cause_of({.ta = std::uint64_t{15} << 40 | std::uint64_t{31} << 52}), 0U);
  EXPECT_EQ(cause_of({.ta = std::uint64_t{16} << 40}), 259U);
  EXPECT_EQ(cause_of({.ta = std::uint64_t{32} << 52}), 259U);
  restart(bit(41));
  use_ddt();
  EXPECT_EQ(cause_of({.ta = bit(40)}), 259U) << "reserved without QOSID";
}

TEST_F(ModelContext, TranslatedAccessesNeedAts) {
  configure({});
  const DeviceAccess translated{.device_id = kDevice, .type = AccessType::kTranslated, .iova = 0x7000};
  EXPECT_FALSE(access(translated).ok);
  EXPECT_EQ(record().cause, 260U);
  put(kDevice, {.tc = kEnAts, .fsc = pointer(8, 0x50000)});
  const AccessResult result = access(translated);
  EXPECT_TRUE(result.ok);
  EXPECT_EQ(result.pa, 0x7000U) << "the first stage is not for translated addresses";
}

TEST_F(ModelContext, AProcessIdNeedsADirectoryWideEnough) {
  configure({});
  EXPECT_FALSE(access({.device_id = kDevice, .process_id = 1, .iova = 0}).ok);
  const Record r = record();
  EXPECT_EQ(r.cause, 260U);
  EXPECT_TRUE(r.pv);
  EXPECT_EQ(r.pid, 1U);
  put(kDevice, {.tc = kPdtv, .fsc = pointer(1, 0x60000)});
  EXPECT_FALSE(access({.device_id = kDevice, .process_id = 256, .iova = 0}).ok);
  EXPECT_EQ(record().cause, 260U);
  put(kDevice, {.tc = kPdtv, .fsc = pointer(2, 0x60000)});
  EXPECT_FALSE(access({.device_id = kDevice, .process_id = 1 << 17, .iova = 0}).ok);
  EXPECT_EQ(record().cause, 260U);
}

TEST_F(ModelContext, DtfSilencesWhatTheTableSays) {
  configure({.tc = kDtf});
  EXPECT_FALSE(access({.device_id = kDevice, .process_id = 1, .iova = 0}).ok);
  EXPECT_TRUE(records().empty());
  put(kDevice, {.tc = kDtf | bit(12)});
  EXPECT_FALSE(read(0).ok);
  EXPECT_EQ(record().cause, 259U) << "found before the context counts as located";
}

class ModelProcess : public ModelContext {
 protected:
  ModelProcess() {
    pdt = table();
    root = table();
    map(root, 3, 0x1000, 0x9000, kUserPage);
    map(root, 3, 0x2000, 0xa000, kUserPage & ~U);
    configure({.tc = kPdtv, .fsc = pointer(1, pdt)});
  }
  void put_pc(std::uint32_t pid, std::uint64_t ta, std::uint64_t fsc) {
    poke(pdt + pid * 16, ta | 1);
    poke(pdt + pid * 16 + 8, fsc);
  }
  bool ok(std::uint64_t iova, bool privileged, bool exec = false) {
    return access({.device_id = kDevice, .process_id = 2, .privileged = privileged, .exec = exec, .iova = iova}).ok;
  }
  std::uint64_t pdt = 0, root = 0;
};

TEST_F(ModelProcess, TheProcessIdSelectsTheFirstStage) {
  put_pc(2, 0, pointer(8, root));
  const AccessResult result = access({.device_id = kDevice, .process_id = 2, .iova = 0x1008});
  EXPECT_TRUE(result.ok);
  EXPECT_EQ(result.pa, 0x9008U);
}

TEST_F(ModelProcess, WithoutProcessIdTheFirstStageIsBareUnlessDpe) {
  put_pc(0, 0, pointer(8, root));
  EXPECT_EQ(read(0x1000).pa, 0x1000U);
  put(kDevice, {.tc = kPdtv | kDpe, .fsc = pointer(1, pdt)});
  EXPECT_EQ(read(0x1000).pa, 0x9000U);
}

TEST_F(ModelProcess, ThreeLevelsAreWalkedByProcessId) {
  const std::uint64_t top = table(), middle = table();
  poke(top + 5 * 8, middle >> 12 << 10 | 1);
  poke(middle + 6 * 8, pdt >> 12 << 10 | 1);
  put_pc(7, 0, pointer(8, root));
  put(kDevice, {.tc = kPdtv, .fsc = pointer(3, top)});
  EXPECT_EQ(access({.device_id = kDevice, .process_id = 5 << 17 | 6 << 8 | 7, .iova = 0x1000}).pa, 0x9000U);
}

TEST_F(ModelProcess, EntriesOfTheDirectoryAreJudged) {
  EXPECT_FALSE(ok(0x1000, false));
  EXPECT_EQ(record().cause, 266U);
  put_pc(2, bit(3), 0);
  EXPECT_FALSE(ok(0x1000, false));
  EXPECT_EQ(record().cause, 267U);
  put_pc(2, 0, bit(44));
  EXPECT_FALSE(ok(0x1000, false));
  EXPECT_EQ(record().cause, 267U);
  put_pc(2, 0, pointer(11, root));
  EXPECT_FALSE(ok(0x1000, false));
  EXPECT_EQ(record().cause, 267U);
  model.set_fault(pdt + 32, 8, MemoryFault::kError);
  EXPECT_FALSE(ok(0x1000, false));
  EXPECT_EQ(record().cause, 265U);
  model.set_fault(pdt + 32, 8, MemoryFault::kPoison);
  EXPECT_FALSE(ok(0x1000, false));
  EXPECT_EQ(record().cause, 269U);
}

TEST_F(ModelProcess, SupervisorAccessNeedsEns) {
  put_pc(2, 0, pointer(8, root));
  EXPECT_FALSE(ok(0x2000, true));
  const Record r = record();
  EXPECT_EQ(r.cause, 260U);
  EXPECT_TRUE(r.priv);
  put_pc(2, bit(1), pointer(8, root));
  EXPECT_TRUE(ok(0x2000, true));
}

TEST_F(ModelProcess, SumLetsSupervisorsReadUserPagesButNotExecuteThem) {
  put_pc(2, bit(1), pointer(8, root));
  EXPECT_FALSE(ok(0x1000, true));
  EXPECT_EQ(record().cause, 13U);
  put_pc(2, bit(1) | bit(2), pointer(8, root));
  EXPECT_TRUE(ok(0x1000, true));
  EXPECT_FALSE(ok(0x1000, true, true));
  EXPECT_EQ(record().cause, 12U);
}

TEST_F(ModelProcess, PrivilegeWithoutAProcessIdIsUser) {
  put(kDevice, {.tc = kPdtv | kDpe, .fsc = pointer(1, pdt)});
  put_pc(0, bit(1), pointer(8, root));
  EXPECT_FALSE(access({.device_id = kDevice, .privileged = true, .iova = 0x2000}).ok);
  EXPECT_FALSE(record().priv);
  EXPECT_TRUE(access({.device_id = kDevice, .privileged = true, .iova = 0x1000}).ok);
}

}  // namespace
}  // namespace aperture::tb::test
