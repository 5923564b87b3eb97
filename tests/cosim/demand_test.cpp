// SPDX-License-Identifier: Apache-2.0
// Pages mapped when a device asks for them.
#include <cstring>
#include <thread>

#include "cosim/world.hpp"
#include "riscv/demand_pages.hpp"

namespace aperture::test {
namespace {

constexpr std::uint32_t kDevice = 0x51;
constexpr std::uint64_t kBase = 0x4000'0000;
namespace caps = regs::iommu::capabilities_f;
using riscv::PageRequest;
using riscv::command::PageResponse;
using Group = std::span<const PageRequest>;

class Demand : public CardTest {
 protected:
  ~Demand() override {
    if (iommu) iommu->page_request_handlers().set(kDevice, {}, nullptr);
    channels.clear();
    space_.reset();
    device_.reset();
  }
  bool prepare(const Needs& more = {}, const riscv::IommuOptions& options = {}) {
    Needs needs = more;
    needs.capabilities |= caps::ats.mask();
    if (!bring_up(needs, options)) return false;
    auto made = iommu->make_device({.name = "nic", .device_id = kDevice, .ats = true, .page_requests = true});
    EXPECT_TRUE(made) << (made ? "" : text(made.error()));
    if (!made) return false;
    device_ = std::move(*made);
    space_ = space(*device_);
    return true;
  }
  dma::Channel& open_channel(unsigned index = 0) { return channel(index, {.device_id = kDevice, .ats = true}); }
  void handle(riscv::PageRequestHandlers::Handler handler) {
    iommu->page_request_handlers().set(kDevice, {}, std::move(handler));
  }
  riscv::PageRequestHandlers::Handler from(Memory& memory, riscv::DemandOptions options = {}) {
    return riscv::demand_pages(*space_, {memory.data(), memory.size()}, options);
  }

  std::unique_ptr<ioas::Device> device_;
  std::unique_ptr<ioas::Ioas> space_;
};

TEST_F(Demand, PagesComeFromTheMemoryAtTheirPlace) {
  if (!prepare()) return;
  Memory memory(8 * kPageSize, random);
  handle(from(memory, {.base = Iova{kBase}}));
  dma::Channel& dma = open_channel();
  const auto before = memory.copy();
  good(dma.copy(Iova{kBase + kPageSize}, Iova{kBase + 5 * kPageSize}, 2 * kPageSize));
  EXPECT_EQ(std::memcmp(memory.data() + 5 * kPageSize, before.data() + kPageSize, 2 * kPageSize), 0);
  EXPECT_EQ(space_->map_count(), 4U);
  EXPECT_TRUE(faults().empty());
}

TEST_F(Demand, WithoutAPlaceEachPageGetsTheNext) {
  if (!prepare()) return;
  Memory memory(3 * kPageSize, random);
  handle(from(memory));
  dma::Channel& dma = open_channel();
  good(dma.fill(Iova{0x7000}, 8, 0x1111'1111'1111'1111));
  good(dma.fill(Iova{kBase}, 8, 0x2222'2222'2222'2222));
  EXPECT_EQ(memory.data()[0], std::byte{0x11});
  EXPECT_EQ(memory.data()[kPageSize], std::byte{0x22});
  // What was unmapped comes back with its content.
  ASSERT_TRUE(space_->unmap(Iova{0x7000}, kPageSize));
  EXPECT_EQ(good(dma.crc(Iova{0x7000}, kPageSize)).crc, memory.crc(0, kPageSize));
  good(dma.fill(Iova{0x9000}, 8, 0));
  EXPECT_EQ(dma.fill(Iova{0xb000}, 8, 0)->status, regs::DmaStatus::kPageRefused);
}

TEST_F(Demand, OutsideOfTheMemoryPagesAreRefused) {
  if (!prepare()) return;
  Memory memory(2 * kPageSize, random);
  handle(from(memory, {.base = Iova{kBase}}));
  dma::Channel& dma = open_channel();
  const auto done = dma.fill(Iova{kBase}, 3 * kPageSize, 7);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status, regs::DmaStatus::kPageRefused);
  EXPECT_EQ(done->address, kBase + 2 * kPageSize);
  EXPECT_EQ(done->bytes, 2 * kPageSize);
}

TEST_F(Demand, MoreAccessThanTheMemoryGivesIsRefused) {
  if (!prepare()) return;
  Memory memory(kPageSize, random);
  const auto before = memory.copy();
  handle(from(memory, {.base = Iova{kBase}, .prot = ioas::Prot::kRead}));
  dma::Channel& dma = open_channel();
  EXPECT_EQ(good(dma.crc(Iova{kBase}, kPageSize)).crc, memory.crc(0, kPageSize));
  EXPECT_EQ(dma.fill(Iova{kBase}, 64, 0)->status, regs::DmaStatus::kPageRefused);
  EXPECT_EQ(std::memcmp(before.data(), memory.data(), memory.size()), 0);
}

TEST_F(Demand, ADeviceThatNobodyAnswersForIsRefused) {
  if (!prepare()) return;
  Memory memory(kPageSize, random);
  iommu->page_request_handlers().set(kDevice + 1, {}, from(memory));
  EXPECT_EQ(open_channel().fill(Iova{kBase}, 64, 0)->status, regs::DmaStatus::kPageRefused);
  iommu->page_request_handlers().set(kDevice + 1, {}, nullptr);
}

TEST_F(Demand, AHandlerMayMapUnmapAndWait) {
  if (!prepare({.channels = 2})) return;
  Memory memory(4 * kPageSize, random), other(kPageSize, random);
  map(*space_, other, 0x20'0000);
  dma::Channel& helper = open_channel(1);
  unsigned calls = 0;
  handle([&](Group group) {
    ++calls;
    EXPECT_TRUE(iommu->mutex().try_lock());
    iommu->mutex().unlock();
    bool free = false;
    // Another thread can have the card meanwhile.
    std::thread([&] {
      free = iommu->mutex().try_lock();
      if (free) iommu->mutex().unlock();
    }).join();
    EXPECT_TRUE(free);
    EXPECT_EQ(good(helper.crc(Iova{0x20'0000}, kPageSize)).crc, other.crc(0, kPageSize));
    const auto mapped = space_->map(memory.data(), kPageSize, ioas::Prot::kReadWrite, group.front().page);
    return mapped ? PageResponse::kSuccess : PageResponse::kFailure;
  });
  good(open_channel().fill(Iova{kBase}, 64, 0x0909'0909'0909'0909));
  EXPECT_EQ(calls, 1U);
  EXPECT_EQ(memory.data()[63], std::byte{9});
}

TEST_F(Demand, AQueueThatOverflowedRecovers) {
  constexpr unsigned kChannels = 4;
  if (!prepare({.channels = kChannels}, {.page_request_log2 = 1})) return;
  Memory memory(kChannels * kPageSize, random);
  handle(from(memory, {.base = Iova{kBase}}));
  std::vector<dma::Ticket> tickets;
  for (unsigned i = 0; i < kChannels; ++i) {
    const auto ticket = open_channel(i).submit({.op = regs::DmaOp::kFill,
                                                .destination = Iova{kBase + i * kPageSize},
                                                .length = kPageSize,
                                                .pattern = std::uint64_t{0x0101'0101'0101'0101} * (i + 1)});
    ASSERT_TRUE(ticket);
    tickets.push_back(*ticket);
  }
  settle();  // a queue of two entries holds one: the others' requests were lost
  EXPECT_NE(regs::iommu::pqcsr_f::pqof.get(card->mmio().read32(card::Bar::kIommu, regs::iommu::pqcsr.offset)), 0U);
  // Those whose requests were lost have asked in vain, and may have given up: they try again.
  for (unsigned i = 0; i < kChannels; ++i) {
    auto done = channels[i]->wait(tickets[i]);
    ASSERT_TRUE(done) << text(done.error());
    if (done->status == regs::DmaStatus::kPageRefused)
      done = channels[i]->fill(Iova{kBase + i * kPageSize}, kPageSize, std::uint64_t{0x0101'0101'0101'0101} * (i + 1));
    good(done);
  }
  for (unsigned i = 0; i < kChannels; ++i)
    EXPECT_EQ(memory.data()[i * kPageSize + 17], static_cast<std::byte>(i + 1)) << i;
}

TEST_F(Demand, ProcessesHaveHandlersOfTheirOwn) {
  if (!prepare({.capabilities = caps::pd8.mask(), .channels = 2})) return;
  Memory own(kPageSize, random), five(kPageSize, random);
  handle(from(own, {.base = Iova{kBase}}));
  ioas::Ioas process(*platform);
  const auto attached = process.attach(*device_, 5);
  ASSERT_TRUE(attached) << attached.error().what;
  std::optional<std::uint32_t> asked;
  auto pages = riscv::demand_pages(process, {five.data(), five.size()}, {.base = Iova{kBase}});
  iommu->page_request_handlers().set(kDevice, 5, [&](Group group) {
    asked = group.front().process_id;
    return pages(group);
  });
  good(open_channel().fill(Iova{kBase}, 8, 0x0101'0101'0101'0101));
  good(channel(1, {.device_id = kDevice, .process_id = 5, .ats = true}).fill(Iova{kBase}, 8, 0x0505'0505'0505'0505));
  EXPECT_EQ(asked, 5U);
  EXPECT_EQ(own.data()[0], std::byte{1});
  EXPECT_EQ(five.data()[0], std::byte{5});
  iommu->page_request_handlers().set(kDevice, 5, nullptr);
  channels.clear();
}

}  // namespace
}  // namespace aperture::test
