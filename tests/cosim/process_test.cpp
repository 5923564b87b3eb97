// SPDX-License-Identifier: Apache-2.0
// Address spaces of processes: each process of a device reaches its own memory and nothing else.
#include <cstring>

#include "cosim/world.hpp"

namespace aperture::test {
namespace {

constexpr std::uint32_t kDevice = 0x31;
constexpr std::uint64_t kFrom = 0x10'0000, kTo = 0x80'0000;
namespace caps = regs::iommu::capabilities_f;

class Processes : public CardTest {
 protected:
  ~Processes() override {
    channels.clear();
    spaces.clear();
    device_.reset();
  }
  bool prepare(std::uint64_t capabilities = caps::pd8.mask(), unsigned channels_needed = 3, bool ats = false) {
    if (!bring_up({.capabilities = capabilities, .channels = channels_needed, .levels = 2})) return false;
    auto made = iommu->make_device({.name = "nic", .device_id = kDevice, .ats = ats, .page_requests = false});
    EXPECT_TRUE(made) << (made ? "" : text(made.error()));
    if (!made) return false;
    device_ = std::move(*made);
    return true;
  }
  /// An IOAS that the device, or a process of it, is attached to.
  ioas::Ioas& attached(ioas::ProcessId process) {
    spaces.push_back(std::make_unique<ioas::Ioas>(*platform));
    const auto done = spaces.back()->attach(*device_, process);
    EXPECT_TRUE(done) << (done ? "" : done.error().what);
    return *spaces.back();
  }
  dma::Channel& of(unsigned index, ioas::ProcessId process, bool ats = false) {
    return channel(index, {.device_id = kDevice, .process_id = process, .ats = ats});
  }
  void expect_process_fault(regs::Cause cause, std::uint32_t process, std::uint64_t iova) {
    const auto found = faults();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].cause, cause) << to_text(found[0]);
    EXPECT_EQ(found[0].device_id, kDevice);
    EXPECT_EQ(found[0].process_id, process) << to_text(found[0]);
    EXPECT_EQ(found[0].iotval, iova) << to_text(found[0]);
  }

  std::unique_ptr<ioas::Device> device_;
  std::vector<std::unique_ptr<ioas::Ioas>> spaces;
};

TEST_F(Processes, ReachTheirOwnMemoryAtTheSameAddress) {
  if (!prepare()) return;
  const Memory own(kPageSize, random), five(kPageSize, random), six(kPageSize, random);
  map(attached({}), own, kFrom, ioas::Prot::kRead);
  map(attached(5), five, kFrom, ioas::Prot::kRead);
  map(attached(6), six, kFrom, ioas::Prot::kRead);
  EXPECT_EQ(good(of(0, {}).crc({kFrom}, kPageSize)).crc, own.crc(0, kPageSize));
  EXPECT_EQ(good(of(1, 5).crc({kFrom}, kPageSize)).crc, five.crc(0, kPageSize));
  EXPECT_EQ(good(of(2, 6).crc({kFrom}, kPageSize)).crc, six.crc(0, kPageSize));
  EXPECT_TRUE(faults().empty());
}

TEST_F(Processes, AFaultSaysWhichProcessItWas) {
  if (!prepare()) return;
  attached(5);
  const auto missing = of(0, 5).crc({kFrom}, 64);
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, regs::DmaStatus::kReadError);
  expect_process_fault(regs::Cause::kReadPageFault, 5, kFrom);
  ASSERT_TRUE(of(1, 9).crc({kFrom}, 64));
  expect_process_fault(regs::Cause::kPdtNotValid, 9, kFrom);
}

TEST_F(Processes, AProcessIdThatIsNotItsOwnReachesNothing) {
  if (!prepare()) return;
  Memory four(kPageSize, random);
  map(attached(4), four, kTo);
  const auto before = four.copy();
  dma::Channel& liar = channel(0, {.device_id = kDevice, .process_id = 4, .wrong_process = true});
  const auto done = liar.fill({kTo}, 64, 0);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status, regs::DmaStatus::kWriteError);
  expect_process_fault(regs::Cause::kPdtNotValid, 5, kTo);
  EXPECT_EQ(std::memcmp(before.data(), four.data(), four.size()), 0);
}

TEST_F(Processes, ADeviceWithProcessesAloneHasNoAddressSpaceOfItsOwn) {
  if (!prepare()) return;
  const Memory memory(kPageSize, random);
  map(attached(5), memory, kFrom);
  const auto done = of(0, {}).crc({kFrom}, 64);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status, regs::DmaStatus::kReadError);
  EXPECT_EQ(good(of(1, 5).crc({kFrom}, kPageSize)).crc, memory.crc(0, kPageSize));
}

TEST_F(Processes, HaveIdsOfAllWidthsThatTheCardHas) {
  if (!prepare(caps::pd8.mask() | caps::pd17.mask() | caps::pd20.mask(), 4)) return;
  const Memory own(kPageSize, random), small(kPageSize, random), middle(kPageSize, random), large(kPageSize, random);
  map(attached({}), own, kFrom);
  dma::Channel& alone = of(0, {});
  const std::pair<std::uint32_t, const Memory*> all[] = {{0x7, &small}, {0x1'2345, &middle}, {0xf'ffff, &large}};
  unsigned next = 1;
  for (const auto& [id, memory] : all) {
    map(attached(id), *memory, kFrom);
    EXPECT_EQ(good(of(next++, id).crc({kFrom}, kPageSize)).crc, memory->crc(0, kPageSize)) << id;
    EXPECT_EQ(good(alone.crc({kFrom}, kPageSize)).crc, own.crc(0, kPageSize)) << id;
  }
  for (unsigned i = 0; i < 3; ++i)
    EXPECT_EQ(good(channels[i + 1]->crc({kFrom}, kPageSize)).crc, all[i].second->crc(0, kPageSize)) << i;
  EXPECT_TRUE(faults().empty());
}

TEST_F(Processes, ComeGoAndMoveUnderADeviceThatGoesOn) {
  if (!prepare(caps::pd8.mask() | caps::pd17.mask(), 2)) return;
  const Memory from(32 * kPageSize, random), to(32 * kPageSize, random), other(kPageSize, random);
  ioas::Ioas& own = attached({});
  ioas::Ioas& five = attached(5);
  spaces.push_back(std::make_unique<ioas::Ioas>(*platform));
  ioas::Ioas& second = *spaces.back();
  for (ioas::Ioas* space : {&own, &five, &second}) {
    map(*space, from, kFrom, ioas::Prot::kRead);
    map(*space, to, kTo);
  }
  const dma::Job copy{.op = regs::DmaOp::kCopy, .source = {kFrom}, .destination = {kTo}, .length = from.size()};
  dma::Channel& alone = of(0, {});
  dma::Channel& process = of(1, 5);
  int during = 0;
  for (unsigned copies = 1; during == 0; copies *= 4) {
    ASSERT_LT(copies, 1U << dma::ChannelOptions{}.log2) << "a ring full of copies was over before the first change";
    const auto one = alone.submit(std::vector(copies, copy));
    const auto two = process.submit(std::vector(copies, copy));
    ASSERT_TRUE(one && two);
    for (int round = 0; round < 10; ++round) {
      const auto moved = (round % 2 == 0 ? second : five).replace(*device_, 5);
      ASSERT_TRUE(moved) << moved.error().what;
      EXPECT_TRUE(moved->hitless);
      // A neighbour in the same directory page, and one that makes the directory grow.
      const auto guest = five.attach(*device_, round < 5 ? 6 : 0x1'0006);
      ASSERT_TRUE(guest) << guest.error().what;
      EXPECT_TRUE(guest->hitless);
      ASSERT_TRUE(ioas::Ioas::detach(*platform, *device_, round < 5 ? 6 : 0x1'0006));
      const auto state = alone.poll(*one + copies - 1);
      ASSERT_TRUE(state);
      if (!*state) ++during;
    }
    for (unsigned i = 0; i < copies; ++i) {
      EXPECT_EQ(good(alone.wait(*one + i)).crc, from.crc(0, from.size()));
      EXPECT_EQ(good(process.wait(*two + i)).crc, from.crc(0, from.size()));
    }
    const auto found = faults();
    EXPECT_TRUE(found.empty()) << to_text(found.front());
  }
}

TEST_F(Processes, ADetachedProcessFaultsWhileOthersGoOn) {
  if (!prepare()) return;
  const Memory five(kPageSize, random), six(kPageSize, random);
  map(attached(5), five, kFrom);
  map(attached(6), six, kFrom);
  dma::Channel& one = of(0, 5);
  dma::Channel& two = of(1, 6);
  good(one.crc({kFrom}, 64));
  ASSERT_TRUE(ioas::Ioas::detach(*platform, *device_, 5));
  const auto done = one.crc({kFrom}, 64);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status, regs::DmaStatus::kReadError);
  expect_process_fault(regs::Cause::kPdtNotValid, 5, kFrom);
  EXPECT_EQ(good(two.crc({kFrom}, kPageSize)).crc, six.crc(0, kPageSize));
}

TEST_F(Processes, AnUnmapReachesOnlyItsProcess) {
  if (!prepare()) return;
  const Memory memory(kPageSize, random);
  ioas::Ioas& five = attached(5);
  map(five, memory, kFrom);
  map(attached(6), memory, kFrom);
  dma::Channel& one = of(0, 5);
  dma::Channel& two = of(1, 6);
  good(one.crc({kFrom}, 64));
  good(two.crc({kFrom}, 64));
  ASSERT_TRUE(five.unmap({kFrom}, kPageSize));
  EXPECT_FALSE(one.crc({kFrom}, 64)->ok());
  EXPECT_TRUE(two.crc({kFrom}, 64)->ok());
}

TEST_F(Processes, WithAtsAProcessForgetsWhatWasUnmappedAndWhereItWas) {
  if (!prepare(caps::pd8.mask() | caps::ats.mask(), 2, true)) return;
  const Memory one(kPageSize, random), two(kPageSize, random);
  ioas::Ioas& first = attached(5);
  map(first, one, kFrom);
  dma::Channel& dma = of(0, 5, true);
  EXPECT_EQ(good(dma.crc({kFrom}, kPageSize)).crc, one.crc(0, kPageSize));
  spaces.push_back(std::make_unique<ioas::Ioas>(*platform));
  map(*spaces.back(), two, kFrom);
  ASSERT_TRUE(spaces.back()->replace(*device_, 5));
  EXPECT_EQ(good(dma.crc({kFrom}, kPageSize)).crc, two.crc(0, kPageSize));
  ASSERT_TRUE(spaces.back()->unmap({kFrom}, kPageSize));
  const auto gone = dma.crc({kFrom}, 64);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->status, regs::DmaStatus::kPageRefused);
}

TEST_F(Processes, AnIdBeyondTheCardsIsRefused) {
  if (!prepare()) return;
  ioas::Ioas space(*platform);
  EXPECT_EQ(space.attach(*device_, 0U).error().number, EINVAL);
  const bool wide = (iommu->capabilities() & caps::pd20.mask()) != 0;
  const auto beyond = space.attach(*device_, wide ? 0x10'0000 : 0x2'0000);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().number, EINVAL);
}

}  // namespace
}  // namespace aperture::test
