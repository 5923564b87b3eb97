// SPDX-License-Identifier: Apache-2.0
// A DMA channel that translates by ATS: what it moves, how it asks for pages, and that it forgets what was unmapped.
#include <cstring>
#include <functional>

#include "card/wait.hpp"
#include "cosim/world.hpp"
#include "riscv/page_request_queue.hpp"

namespace aperture::test {
namespace {

constexpr std::uint32_t kDevice = 0x21;
constexpr std::uint64_t kSource = 0x4000'0000, kDestination = 0x8000'0000;
constexpr std::uint64_t kCycles = 10'000'000;
using riscv::PageRequest;
using riscv::command::PageResponse;

class AtsChannel : public CardTest {
 protected:
  ~AtsChannel() override {
    channels.clear();
    ioas.reset();
    device_.reset();
  }

  /// A channel in ATS mode; its device may use ATS and page requests as given.
  bool prepare(bool ats = true, bool page_requests = true) {
    if (!bring_up({.capabilities = regs::iommu::capabilities_f::ats.mask()})) return false;
    auto made =
        iommu->make_device({.name = "ats", .device_id = kDevice, .ats = ats, .page_requests = ats && page_requests});
    EXPECT_TRUE(made) << (made ? "" : text(made.error()));
    if (!made) return false;
    device_ = std::move(*made);
    ioas = space(*device_);
    dma = &channel(0, {.device_id = kDevice, .ats = true});
    return true;
  }

  dma::Ticket submit_copy(std::uint64_t length, std::uint64_t source = kSource,
                          std::uint64_t destination = kDestination) {
    auto ticket = dma->submit(
        {.op = regs::DmaOp::kCopy, .source = Iova{source}, .destination = Iova{destination}, .length = length});
    EXPECT_TRUE(ticket) << (ticket ? "" : text(ticket.error()));
    return ticket.value_or(0);
  }
  void answer(const PageRequest& request, PageResponse code) {
    EXPECT_TRUE(iommu->commands().push(riscv::respond(request, code)));
    iommu->commands().ring();
  }
  /// Until the job has ended; `serve` gets each page request. Fails if there are more than 100.
  dma::Completion finish(dma::Ticket ticket, const std::function<void(const PageRequest&)>& serve) {
    for (unsigned i = 0; i < 100; ++i) {
      auto done = dma->wait(ticket, kCycles);
      if (done) return *done;
      EXPECT_EQ(done.error().code, Code::kCardIdle) << text(done.error());
      const auto drained = iommu->page_requests().drain();
      EXPECT_FALSE(drained.requests.empty()) << "the channel waits for nothing: " << text(done.error());
      if (drained.requests.empty()) return {};
      for (const PageRequest& request : drained.requests) serve(request);
    }
    ADD_FAILURE() << "page requests without end";
    return {};
  }
  static void no_request(const PageRequest& request) { ADD_FAILURE() << to_text(request); }

  std::unique_ptr<ioas::Device> device_;
  std::unique_ptr<ioas::Ioas> ioas;
  dma::Channel* dma = nullptr;
};

TEST_F(AtsChannel, CopiesAnyAlignmentThroughTranslatedAccesses) {
  if (!prepare()) return;
  const Memory from(16 * kPageSize, random);
  Memory to(16 * kPageSize, random);
  map(*ioas, from, kSource, ioas::Prot::kRead);
  map(*ioas, to, kDestination);
  for (const auto& [source, destination, length] :
       std::vector<std::array<std::uint64_t, 3>>{{0, 0, 16 * kPageSize}, {5, 4091, 3 * kPageSize}, {4093, 7, 5000}}) {
    good(dma->copy(Iova{kSource + source}, Iova{kDestination + destination}, length));
    EXPECT_EQ(std::memcmp(from.data() + source, to.data() + destination, length), 0) << source << " " << destination;
  }
  EXPECT_TRUE(faults().empty());
}

TEST_F(AtsChannel, AsksForPagesThatAreMissingAndGoesOn) {
  if (!prepare()) return;
  const Memory from(4 * kPageSize, random);
  Memory to(4 * kPageSize, random);
  map(*ioas, from, kSource, ioas::Prot::kRead);
  std::vector<std::uint64_t> asked;
  const auto ticket = submit_copy(4 * kPageSize);
  const auto done = finish(ticket, [&](const PageRequest& request) {
    asked.push_back(request.page.value);
    EXPECT_EQ(request.device_id, kDevice);
    EXPECT_TRUE(request.write && request.last && !request.read);
    EXPECT_TRUE(ioas->map(to.data() + (request.page.value - kDestination), kPageSize, ioas::Prot::kReadWrite,
                          Iova{request.page.value}));
    answer(request, PageResponse::kSuccess);
  });
  EXPECT_TRUE(done.ok()) << regs::to_string(done.status);
  EXPECT_EQ(done.bytes, 4 * kPageSize);
  EXPECT_EQ(std::memcmp(from.data(), to.data(), 4 * kPageSize), 0);
  ASSERT_EQ(asked.size(), 4U);
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(asked[i], kDestination + i * kPageSize);
  EXPECT_TRUE(faults().empty());
}

TEST_F(AtsChannel, APageThatSoftwareRefusesEndsTheDescriptorThere) {
  if (!prepare()) return;
  const Memory from(4 * kPageSize, random);
  Memory to(2 * kPageSize, random);
  map(*ioas, from, kSource, ioas::Prot::kRead);
  map(*ioas, to, kDestination);
  for (const PageResponse code : {PageResponse::kFailure, PageResponse::kInvalidRequest}) {
    const auto done = finish(submit_copy(4 * kPageSize), [&](const PageRequest& request) { answer(request, code); });
    EXPECT_EQ(done.status, regs::DmaStatus::kPageRefused);
    EXPECT_EQ(done.address, kDestination + 2 * kPageSize);
    EXPECT_EQ(done.bytes, 2 * kPageSize);
  }
  EXPECT_EQ(std::memcmp(from.data(), to.data(), 2 * kPageSize), 0);
}

TEST_F(AtsChannel, GivesUpWhenPagesDoNotComeInSpiteOfSuccess) {
  if (!prepare()) return;
  Memory to(kPageSize, random);
  map(*ioas, to, kDestination);
  unsigned requests = 0;
  const auto done = finish(submit_copy(64), [&](const PageRequest& request) {
    ++requests;
    answer(request, PageResponse::kSuccess);
  });
  EXPECT_EQ(done.status, regs::DmaStatus::kPageRefused);
  EXPECT_EQ(done.address, kSource);
  EXPECT_GT(requests, 1U);
}

TEST_F(AtsChannel, ADeviceThatMayNotUseAtsIsRefusedWithARecord) {
  if (!prepare(false)) return;
  Memory to(kPageSize, random);
  map(*ioas, to, kDestination);
  const auto done = finish(submit_copy(64, kDestination, kDestination + 512), no_request);
  EXPECT_EQ(done.status, regs::DmaStatus::kTranslationRefused);
  const auto found = faults();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].cause, regs::Cause::kTypeDisallowed);
  EXPECT_EQ(found[0].ttyp, regs::Ttyp::kAts);
}

TEST_F(AtsChannel, WithoutPageRequestsAMissingPageIsRefusedByTheIommuItself) {
  if (!prepare(true, false)) return;
  Memory to(kPageSize, random);
  map(*ioas, to, kDestination);
  const auto done = finish(submit_copy(64), no_request);
  EXPECT_EQ(done.status, regs::DmaStatus::kPageRefused);
  const auto found = faults();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].ttyp, regs::Ttyp::kMessage);
}

TEST_F(AtsChannel, AWriteToAReadOnlyPageAsksForIt) {
  if (!prepare()) return;
  Memory page(kPageSize, random);
  const auto before = page.copy();
  map(*ioas, page, kSource, ioas::Prot::kRead);
  const auto done = finish(submit_copy(64, kSource, kSource + 512), [&](const PageRequest& request) {
    EXPECT_TRUE(request.write);
    answer(request, PageResponse::kFailure);
  });
  EXPECT_EQ(done.status, regs::DmaStatus::kPageRefused);
  EXPECT_EQ(std::memcmp(before.data(), page.data(), kPageSize), 0);
}

TEST_F(AtsChannel, ForgetsWhatWasUnmapped) {
  if (!prepare()) return;
  Memory from(kPageSize, random), to(kPageSize, random);
  map(*ioas, from, kSource);
  map(*ioas, to, kDestination);
  good(dma->copy(Iova{kSource}, Iova{kDestination}, kPageSize));
  ASSERT_TRUE(ioas->unmap(Iova{kDestination}, kPageSize));
  const auto before = to.copy();
  std::memset(from.data(), 0x5a, kPageSize);
  unsigned requests = 0;
  const auto done = finish(submit_copy(kPageSize), [&](const PageRequest& request) {
    ++requests;
    EXPECT_EQ(request.page.value, kDestination);
    answer(request, PageResponse::kFailure);
  });
  EXPECT_EQ(done.status, regs::DmaStatus::kPageRefused);
  EXPECT_EQ(requests, 1U);
  EXPECT_EQ(std::memcmp(before.data(), to.data(), kPageSize), 0);
}

TEST_F(AtsChannel, ADeviceForWhichNothingAsksKeepsNothingWaiting) {
  if (!prepare()) return;
  Memory memory(kPageSize, random);
  map(*ioas, memory, kSource);
  good(dma->crc(Iova{kSource}, kPageSize));
  const auto quick = [&](const auto& change) {
    const std::uint64_t before = card::cycles(*card);
    EXPECT_TRUE(change());
    EXPECT_LT(card::cycles(*card) - before, 100'000U);
    EXPECT_FALSE(iommu->lost());
  };
  ASSERT_TRUE(dma->stop());
  quick([&] { return ioas->unmap(Iova{kSource}, kPageSize).has_value(); });
  quick([&] { return ioas::Ioas::detach(*platform, *device_).has_value(); });
  ASSERT_TRUE(ioas->attach(*device_));
  map(*ioas, memory, kSource);
  ASSERT_TRUE(dma->start());
  EXPECT_EQ(good(dma->crc(Iova{kSource}, kPageSize)).crc, memory.crc(0, kPageSize));
}

TEST_F(AtsChannel, WritesNothingMoreOnceAnUnmapReturns) {
  if (!prepare()) return;
  const Memory from(64 * kPageSize, random);
  Memory to(64 * kPageSize, random);
  map(*ioas, from, kSource, ioas::Prot::kRead);
  map(*ioas, to, kDestination);
  const auto ticket = submit_copy(64 * kPageSize);
  ASSERT_TRUE(card::wait(*card, {.who = "test", .what = "some bytes"},
                         [&] { return dma->counter(regs::dma::bytes_written) > 3 * kPageSize; }));
  ASSERT_TRUE(ioas->unmap(Iova{kDestination}, 64 * kPageSize));
  const auto before = to.copy();
  const auto done = finish(ticket, [&](const PageRequest& request) { answer(request, PageResponse::kFailure); });
  EXPECT_EQ(done.status, regs::DmaStatus::kPageRefused);
  EXPECT_LT(done.bytes, 64 * kPageSize);
  EXPECT_EQ(std::memcmp(before.data(), to.data(), to.size()), 0);
}

TEST_F(AtsChannel, AStoppedChannelWaitsForNoResponse) {
  if (!prepare()) return;
  submit_copy(64);
  ASSERT_TRUE(iommu->page_requests().wait(kCycles));
  EXPECT_TRUE(dma->stop());
  // The answer that comes too late belongs to nobody.
  for (const PageRequest& request : iommu->page_requests().drain().requests) answer(request, PageResponse::kSuccess);
  ASSERT_TRUE(iommu->commands().fence());
  Memory page(kPageSize, random);
  map(*ioas, page, kSource);
  ASSERT_TRUE(dma->start());
  const auto done = finish(submit_copy(64, kSource, kSource + 2048), no_request);
  EXPECT_TRUE(done.ok()) << regs::to_string(done.status);
  EXPECT_EQ(std::memcmp(page.data(), page.data() + 2048, 64), 0);
}

TEST_F(AtsChannel, AnotherAddressSpaceIsSeenAtOnce) {
  if (!prepare()) return;
  Memory one(kPageSize, random), two(kPageSize, random);
  map(*ioas, one, kSource);
  const auto first = good(dma->crc(Iova{kSource}, kPageSize));
  EXPECT_EQ(first.crc, one.crc(0, kPageSize));
  auto other = std::make_unique<ioas::Ioas>(*platform);
  map(*other, two, kSource);
  ASSERT_TRUE(other->attach(*device_));
  const auto second = good(dma->crc(Iova{kSource}, kPageSize));
  EXPECT_EQ(second.crc, two.crc(0, kPageSize));
  ioas = std::move(other);
}

}  // namespace
}  // namespace aperture::test
