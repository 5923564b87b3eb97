// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "card/registers.hpp"
#include "cosim/world.hpp"

namespace aperture::test {
namespace {

constexpr std::uint32_t kDevice = 0x12;
constexpr std::uint64_t kFrom = 0x10'0000, kTo = 0x80'0000;

class Transfer : public CardTest {
 protected:
  bool ready(const Needs& needs = {}) {
    if (!bring_up(needs)) return false;
    who = &device(kDevice);
    ioas = space(*who);
    dma = &channel(0, {.device_id = kDevice});
    return true;
  }
  ~Transfer() override {
    channels.clear();
    ioas.reset();
  }
  ioas::Device* who{};
  std::unique_ptr<ioas::Ioas> ioas;
  dma::Channel* dma{};
};

TEST_F(Transfer, EveryAlignmentAndLengthArrivesWithItsCrcAndNothingBeside) {
  if (!ready()) return;
  const Memory from(5 * kPageSize, random);
  const Memory to(5 * kPageSize, random);
  map(*ioas, from, kFrom, ioas::Prot::kRead);
  map(*ioas, to, kTo);
  for (const std::uint64_t source : {0ULL, 1ULL, 7ULL, 63ULL, 4095ULL})
    for (const std::uint64_t target : {0ULL, 3ULL, 8ULL, 4090ULL})
      for (const std::uint64_t length : {1ULL, 2ULL, 7ULL, 8ULL, 63ULL, 65ULL, 4096ULL, 4097ULL, 9001ULL}) {
        std::vector<std::byte> expected = to.copy();
        std::memcpy(expected.data() + target, from.data() + source, length);
        const auto done = good(dma->copy({kFrom + source}, {kTo + target}, length));
        ASSERT_EQ(done.crc, from.crc(source, length)) << source << " " << target << " " << length;
        ASSERT_EQ(done.bytes, length);
        ASSERT_TRUE(to.copy() == expected) << source << " " << target << " " << length;
      }
  EXPECT_TRUE(faults().empty());
}

TEST_F(Transfer, AnEmptyCopyTouchesNothing) {
  if (!ready()) return;
  const auto done = good(dma->copy({kFrom}, {kTo}, 0));
  EXPECT_EQ(done.bytes, 0U);
  EXPECT_TRUE(faults().empty());
}

TEST_F(Transfer, EveryFormatTranslatesBothHalvesUpToTheirEnds) {
  if (!ready()) return;
  for (std::size_t format = 0; format < who->formats({}).size(); ++format) {
    SCOPED_TRACE(who->formats({})[format].name);
    auto domain = who->make_domain(format, {});
    ASSERT_TRUE(domain) << text(domain.error());
    const Memory memory(2 * kPageSize, random);
    auto pages = std::make_shared<ioas::Pages>(memory.data(), memory.size(), true);
    ASSERT_TRUE(pages->pin(iommu->pin_provider()));
    const std::uint64_t low = (*domain)->format().apertures.front().last.value - (kPageSize - 1);
    const std::uint64_t high = (*domain)->format().apertures.back().first.value;
    for (const auto& [iova, offset] : {std::pair{low, std::uint64_t{0}}, std::pair{high, kPageSize}}) {
      const ioas::Mapping mapping{{iova}, {pages, offset, kPageSize}, ioas::Prot::kReadWrite};
      ASSERT_TRUE((*domain)->prepare_map(mapping));
      (*domain)->commit_map(mapping);
    }
    ASSERT_TRUE(ioas::Ioas::detach(*platform, *who));
    ASSERT_TRUE((*who->prepare_attach(*domain, {}))->commit());
    good(dma->copy({low}, {high}, kPageSize));
    EXPECT_EQ(std::memcmp(memory.data(), memory.data() + kPageSize, kPageSize), 0);
    // One byte beyond either half is in the hole.
    EXPECT_EQ(dma->crc({low + kPageSize}, 1)->status, regs::DmaStatus::kReadError);
    EXPECT_EQ(dma->crc({high - 1}, 1)->status, regs::DmaStatus::kReadError);
    EXPECT_EQ(faults().size(), 2U);
    ASSERT_TRUE(who->detach({}));
    domain->reset();
    pages->unpin(iommu->pin_provider());
  }
}

TEST_F(Transfer, LargeLeavesReachTheRightBytes) {
  open({{"frame_run", "1024"}});
  if (!ready()) return;
  constexpr std::uint64_t k2M = 1ULL << 21;
  const Memory memory(2 * k2M, random, k2M);
  map(*ioas, memory, 0x4000'0000);
  const std::uint64_t offset = k2M - 0x1234;
  const auto done = good(dma->copy({0x4000'0000 + offset}, {0x4000'0000 + 0x10'0000}, 0x3456));
  EXPECT_EQ(done.crc, memory.crc(offset, 0x3456));
  EXPECT_EQ(std::memcmp(memory.data() + 0x10'0000, memory.data() + offset, 0x3456), 0);
}

TEST_F(Transfer, ARingFullOfJobsCompletesInOrder) {
  if (!ready()) return;
  const Memory memory(128 * kPageSize, random);
  map(*ioas, memory, kFrom);
  // The first takes long enough to keep the ring full while another is tried, also where the card does not wait for us.
  std::vector<dma::Job> jobs{{.op = regs::DmaOp::kCrc, .source = {kFrom}, .length = memory.size()}};
  for (unsigned i = 1; i < dma->capacity(); ++i)
    jobs.push_back({.op = regs::DmaOp::kCrc, .source = {kFrom + 997 * i}, .length = 100 + i});
  for (int round = 0; round < 3; ++round) {
    auto first = dma->submit(jobs);
    ASSERT_TRUE(first) << text(first.error());
    const auto beyond = dma->submit(jobs[0]);
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().code, Code::kNoSpace);
    for (unsigned i = 0; i < jobs.size(); ++i)
      EXPECT_EQ(good(dma->wait(*first + i)).crc, memory.crc(jobs[i].source.value - kFrom, jobs[i].length));
  }
}

TEST_F(Transfer, WhatIsGeneratedChecksUntilAByteIsWrong) {
  if (!ready()) return;
  const Memory memory(3 * kPageSize, random);
  map(*ioas, memory, kFrom);
  const auto made = good(dma->generate({kFrom + 5}, 9000, 42));
  EXPECT_EQ(made.crc, memory.crc(5, 9000));
  good(dma->check({kFrom + 5}, 9000, 42));
  memory.data()[5 + 7777] ^= std::byte{0x10};
  auto wrong = dma->check({kFrom + 5}, 9000, 42);
  ASSERT_TRUE(wrong);
  EXPECT_EQ(wrong->status, regs::DmaStatus::kMismatch);
  EXPECT_EQ(wrong->bytes, 7777U);
}

TEST_F(Transfer, FillRepeatsItsPatternFromTheFirstByte) {
  if (!ready()) return;
  const Memory memory(2 * kPageSize, random);
  map(*ioas, memory, kFrom);
  auto expected = memory.copy();
  const std::uint64_t pattern = 0x0123'4567'89ab'cdef;
  for (unsigned i = 0; i < 5001; ++i) expected[13 + i] = static_cast<std::byte>(pattern >> (8 * (i % 8)));
  good(dma->fill({kFrom + 13}, 5001, pattern));
  EXPECT_TRUE(memory.copy() == expected);
}

TEST_F(Transfer, ChannelsWorkAtTheSameTimeWithoutMixing) {
  if (!ready({.channels = 2})) return;
  const Memory memory(32 * kPageSize, random);
  map(*ioas, memory, kFrom);
  dma::Channel& other = channel(1, {.device_id = kDevice});
  for (int round = 0; round < 4; ++round) {
    const std::uint64_t a = random() % 0x8000, b = random() % 0x8000;
    auto one = dma->submit({.op = regs::DmaOp::kCrc, .source = {kFrom + a}, .length = 0x8000});
    auto two = other.submit({.op = regs::DmaOp::kCrc, .source = {kFrom + b}, .length = 0x8000});
    ASSERT_TRUE(one && two);
    EXPECT_EQ(good(other.wait(*two)).crc, memory.crc(b, 0x8000));
    EXPECT_EQ(good(dma->wait(*one)).crc, memory.crc(a, 0x8000));
  }
}

TEST_F(Transfer, TheCardCountsWhatItDid) {
  if (!ready()) return;
  const Memory memory(4 * kPageSize, random);
  map(*ioas, memory, kFrom);
  auto count = [this](const regs::Register& reg) { return card::read(card->mmio(), reg); };
  const std::uint64_t before = count(regs::card::write_bytes);
  good(dma->copy({kFrom}, {kFrom + 2 * kPageSize}, 2 * kPageSize));
  EXPECT_EQ(dma->counter(regs::dma::bytes_read), 2 * kPageSize);
  EXPECT_EQ(dma->counter(regs::dma::bytes_written), 2 * kPageSize);
  EXPECT_GE(count(regs::card::write_bytes) - before, 2 * kPageSize);
  EXPECT_EQ(count(regs::card::translations), count(regs::card::tlb_hits) + count(regs::card::tlb_misses));
  EXPECT_EQ(count(regs::card::faults), 0U);
}

}  // namespace
}  // namespace aperture::test
