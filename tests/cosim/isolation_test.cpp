// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "cosim/world.hpp"

namespace aperture::test {
namespace {

constexpr std::uint32_t kDevice = 0x12, kOther = 0x345;
constexpr std::uint64_t kPlace = 0x10'0000, kElsewhere = 0x80'0000;
using regs::Cause;
using regs::DmaStatus;

class Isolation : public CardTest {
 protected:
  bool ready(const Needs& needs = {}, const dma::Identity& as = {.device_id = kDevice}) {
    if (!bring_up(needs)) return false;
    who = &device(kDevice);
    ioas = space(*who);
    dma = &channel(0, as);
    memory = std::make_unique<Memory>(4 * kPageSize, random);
    return true;
  }
  ~Isolation() override {
    channels.clear();
    other_space.reset();
    ioas.reset();
  }
  ioas::Device* who{};
  std::unique_ptr<Memory> memory;
  std::unique_ptr<ioas::Ioas> ioas, other_space;
  dma::Channel* dma{};
};

TEST_F(Isolation, AStrayWriteFaultsAndWritesNothing) {
  if (!ready()) return;
  map(*ioas, *memory, kPlace);
  const auto before = memory->copy();
  const auto done = dma->stray_write({kPlace + 4 * kPageSize + 0x18}, 0xbad);
  ASSERT_TRUE(done) << text(done.error());
  EXPECT_EQ(done->status, DmaStatus::kWriteError);
  expect_fault(Cause::kWritePageFault, kDevice, kPlace + 4 * kPageSize + 0x18, true);
  EXPECT_TRUE(memory->copy() == before);
}

TEST_F(Isolation, AStrayReadFaults) {
  if (!ready()) return;
  const auto done = dma->stray_read({0x7'7770});
  ASSERT_TRUE(done) << text(done.error());
  EXPECT_EQ(done->status, DmaStatus::kReadError);
  EXPECT_EQ(done->address, 0x7'7770U);
  expect_fault(Cause::kReadPageFault, kDevice, 0x7'7770, false);
}

TEST_F(Isolation, ADeviceWithoutAContextReachesNothing) {
  if (!ready({}, {.device_id = kOther})) return;
  map(*ioas, *memory, kPlace);
  EXPECT_EQ(dma->crc({kPlace}, 8)->status, DmaStatus::kReadError);
  expect_fault(Cause::kDdtNotValid, kOther, kPlace, false);
}

TEST_F(Isolation, ReadOnlyMemoryIsNotWritten) {
  if (!ready()) return;
  map(*ioas, *memory, kPlace, ioas::Prot::kRead);
  const auto before = memory->copy();
  good(dma->crc({kPlace}, memory->size()));
  EXPECT_EQ(dma->fill({kPlace + 0x40}, 64, 0)->status, DmaStatus::kWriteError);
  expect_fault(Cause::kWritePageFault, kDevice, kPlace + 0x40, true);
  EXPECT_TRUE(memory->copy() == before);
}

TEST_F(Isolation, TheBytesBeforeAFaultArriveAndTheRecordNamesThePage) {
  if (!ready()) return;
  const Memory target(kPageSize, random);
  map(*ioas, *memory, kPlace, ioas::Prot::kRead);
  map(*ioas, target, kElsewhere);
  const auto done = dma->copy({kPlace}, {kElsewhere + 0x800}, kPageSize);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status, DmaStatus::kWriteError);
  EXPECT_EQ(done->address & ~(kPageSize - 1), kElsewhere + kPageSize);
  EXPECT_EQ(std::memcmp(target.data() + 0x800, memory->data(), 0x800), 0);
  const auto found = faults();
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].iotval, kElsewhere + kPageSize);
}

TEST_F(Isolation, AfterUnmapTheOldAddressFaultsHoweverWarmTheCachesAre) {
  if (!ready()) return;
  map(*ioas, *memory, kPlace);
  good(dma->crc({kPlace}, memory->size()));
  good(dma->fill({kPlace}, memory->size(), 7));
  ASSERT_TRUE(ioas->unmap({kPlace}, memory->size()));
  const auto before = memory->copy();
  for (std::uint64_t page = 0; page < 4; ++page) {
    EXPECT_EQ(dma->stray_write({kPlace + page * kPageSize}, 9)->status, DmaStatus::kWriteError);
    expect_fault(Cause::kWritePageFault, kDevice, kPlace + page * kPageSize, true);
  }
  EXPECT_TRUE(memory->copy() == before);
}

TEST_F(Isolation, OnlyTheUnmappedAreaGoes) {
  if (!ready()) return;
  const Memory keeps(kPageSize, random);
  map(*ioas, *memory, kPlace);
  map(*ioas, keeps, kPlace + memory->size());
  good(dma->crc({kPlace}, memory->size() + kPageSize));
  ASSERT_TRUE(ioas->unmap({kPlace}, memory->size()));
  EXPECT_EQ(good(dma->crc({kPlace + memory->size()}, kPageSize)).crc, keeps.crc(0, kPageSize));
  EXPECT_EQ(dma->crc({kPlace}, 8)->status, DmaStatus::kReadError);
}

TEST_F(Isolation, TwoDevicesShareAnIoasUntilOneIsDetached) {
  if (!ready({.channels = 2})) return;
  ioas::Device& second = device(kOther);
  ASSERT_TRUE(ioas->attach(second));
  map(*ioas, *memory, kPlace);
  dma::Channel& two = channel(1, {.device_id = kOther});
  EXPECT_EQ(good(dma->crc({kPlace}, 5000)).crc, memory->crc(0, 5000));
  EXPECT_EQ(good(two.crc({kPlace}, 5000)).crc, memory->crc(0, 5000));
  ASSERT_TRUE(ioas::Ioas::detach(*platform, *who));
  EXPECT_EQ(dma->crc({kPlace}, 8)->status, DmaStatus::kReadError);
  expect_fault(Cause::kDdtNotValid, kDevice, kPlace, false);
  good(two.crc({kPlace}, 5000));
}

TEST_F(Isolation, TheSameAddressMeansDifferentPagesForTwoDevices) {
  if (!ready({.channels = 2})) return;
  other_space = space(device(kOther));
  const Memory theirs(kPageSize, random);
  map(*ioas, *memory, kPlace);
  map(*other_space, theirs, kPlace);
  dma::Channel& two = channel(1, {.device_id = kOther});
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(good(dma->crc({kPlace}, kPageSize)).crc, memory->crc(0, kPageSize));
    EXPECT_EQ(good(two.crc({kPlace}, kPageSize)).crc, theirs.crc(0, kPageSize));
  }
}

TEST_F(Isolation, TwoIoasesShareTheSamePages) {
  if (!ready({.channels = 2})) return;
  other_space = space(device(kOther));
  map(*ioas, *memory, kPlace);
  auto at = other_space->copy(*ioas, {kPlace}, memory->size(), ioas::Prot::kReadWrite, Iova{kElsewhere});
  ASSERT_TRUE(at);
  dma::Channel& two = channel(1, {.device_id = kOther});
  good(dma->fill({kPlace}, 100, 0x55));
  EXPECT_EQ(good(two.crc({kElsewhere}, memory->size())).crc, memory->crc(0, memory->size()));
  ASSERT_TRUE(ioas->unmap({kPlace}, memory->size()));
  good(two.crc({kElsewhere}, memory->size()));
}

TEST_F(Isolation, ADeviceWithFewAddressLinesReachesTheAddressThatItEmits) {
  if (!ready({}, {.device_id = kDevice, .address_mask = 0xffff'ffff})) return;
  map(*ioas, *memory, kPlace);
  EXPECT_EQ(good(dma->crc({0xab'0000'0000 + kPlace}, 64)).crc, memory->crc(0, 64));
}

TEST_F(Isolation, AProcessIdIsRefusedWhereNoProcessesAre) {
  if (!ready({}, {.device_id = kDevice, .process_id = 6})) return;
  map(*ioas, *memory, kPlace);
  EXPECT_EQ(dma->crc({kPlace}, 8)->status, DmaStatus::kReadError);
  const auto found = faults();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].cause, Cause::kTypeDisallowed);
  EXPECT_EQ(found[0].process_id, 6U);
}

TEST_F(Isolation, AWrongProcessIdIsSeenAsItIs) {
  if (!ready({}, {.device_id = kDevice, .process_id = 6, .wrong_process = true})) return;
  map(*ioas, *memory, kPlace);
  EXPECT_EQ(dma->crc({kPlace}, 8)->status, DmaStatus::kReadError);
  const auto found = faults();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].process_id, 7U);
}

TEST_F(Isolation, AnAccessThatClaimsToBeTranslatedIsRefused) {
  if (!ready({}, {.device_id = kDevice, .translated = true})) return;
  map(*ioas, *memory, kPlace);
  EXPECT_EQ(dma->crc({kPlace}, 8)->status, DmaStatus::kReadError);
  const auto found = faults();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].cause, Cause::kTypeDisallowed);
  EXPECT_EQ(found[0].ttyp, regs::Ttyp::kTranslatedRead);
}

TEST_F(Isolation, AWriteAfterStopMeetsTheUnmap) {
  if (!ready({}, {.device_id = kDevice, .write_after_stop = true})) return;
  map(*ioas, *memory, kPlace);
  good(dma->fill({kPlace}, 64, 1));
  ASSERT_TRUE(ioas->unmap({kPlace}, memory->size()));
  const auto before = memory->copy();
  ASSERT_TRUE(dma->stop());
  const auto found = faults();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].cause, Cause::kWritePageFault);
  EXPECT_TRUE(found[0].write());
  EXPECT_TRUE(memory->copy() == before);
}

TEST_F(Isolation, PagesTakenBackByUnmapAreNotTouchedByDmaInFlight) {
  if (!ready()) return;
  const Memory from(16 * kPageSize, random), to(16 * kPageSize, random);
  map(*ioas, from, kPlace, ioas::Prot::kRead);
  map(*ioas, to, kElsewhere);
  for (int round = 0; round < 5; ++round) {
    auto ticket =
        dma->submit({.op = regs::DmaOp::kCopy, .source = {kPlace}, .destination = {kElsewhere}, .length = from.size()});
    ASSERT_TRUE(ticket);
    card->interrupts().wait(0, 100 + random() % 2000);
    ASSERT_TRUE(ioas->unmap({kElsewhere}, to.size()));
    std::memset(to.data(), 0x5a, to.size());
    const auto mine = to.copy();
    ASSERT_TRUE(dma->wait(*ticket));
    EXPECT_TRUE(to.copy() == mine) << "round " << round;
    map(*ioas, to, kElsewhere);
    (void)faults();
  }
}

}  // namespace
}  // namespace aperture::test
