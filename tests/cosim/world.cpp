// SPDX-License-Identifier: Apache-2.0
#include "cosim/world.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <cstdlib>
#include <new>

#include "card/registry.hpp"
#include "card/wait.hpp"
#include "support/seed.hpp"

namespace aperture::test {

Memory::Memory(std::uint64_t size, std::mt19937_64& random, std::uint64_t alignment) : size_(size) {
  bytes_ = static_cast<std::byte*>(std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment));
  if (bytes_ == nullptr) throw std::bad_alloc();
  auto* words = reinterpret_cast<std::uint64_t*>(bytes_);
  for (std::uint64_t i = 0; i < size / 8; ++i) words[i] = random();
}

Memory::~Memory() { std::free(bytes_); }

std::uint32_t Memory::crc(std::uint64_t offset, std::uint64_t length) const {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes_ + offset), length));
}

std::string text(const Error& error) { return error.what; }

CardTest::CardTest() : random(seed()) {}

CardTest::~CardTest() {
  channels.clear();
  platform.reset();
  devices_.clear();
  iommu.reset();
}

void CardTest::open(const std::vector<std::pair<std::string, std::string>>& keys) {
  const char* chosen = std::getenv("APERTURE_CARD");
  auto defaults = keys;
  defaults.emplace_back("seed", std::to_string(seed()));
  auto opened = card::open(chosen != nullptr ? chosen : "sim", defaults);
  ASSERT_TRUE(opened) << opened.error().what;
  card = std::move(*opened);
  auto identified = card::identify(*card);
  ASSERT_TRUE(identified) << identified.error().what;
  identity = *identified;
}

bool CardTest::bring_up(const Needs& needs, const riscv::IommuOptions& options) {
  if (!card) open();
  if (!card || HasFatalFailure()) return false;
  auto up = riscv::Iommu::bring_up(*card, options);
  EXPECT_TRUE(up) << text(up.error());
  if (!up) return false;
  iommu = std::move(*up);
  platform = std::make_unique<ioas::Platform>();
  std::string lacks;
  if (identity.channels < needs.channels) lacks = fmt::format("{} DMA channels", needs.channels);
  if (iommu->directory_levels() < needs.levels) lacks = fmt::format("device directories of {} levels", needs.levels);
  if (const std::uint64_t missing = needs.capabilities & ~iommu->capabilities(); missing != 0) {
    lacks = "capabilities:";
    for (const regs::Field& field : regs::iommu::capabilities.fields)
      if ((field.mask() & missing) != 0) lacks += fmt::format(" {}", field.name);
  }
  if (lacks.empty()) return true;
  [&] { GTEST_SKIP() << card->description() << " lacks " << lacks; }();
  return false;
}

ioas::Device& CardTest::device(std::uint32_t device_id, std::uint64_t dma_mask) {
  auto made = iommu->make_device(
      {.name = fmt::format("device {:#x}", device_id), .device_id = device_id, .dma_mask = dma_mask});
  EXPECT_TRUE(made) << (made ? "" : text(made.error()));
  devices_.push_back(std::move(made.value()));
  return *devices_.back();
}

dma::Channel& CardTest::channel(unsigned index, const dma::Identity& who, const dma::ChannelOptions& options) {
  auto opened = dma::Channel::open(*iommu, index, who, options);
  EXPECT_TRUE(opened) << (opened ? "" : text(opened.error()));
  channels.push_back(std::move(opened.value()));
  return *channels.back();
}

std::unique_ptr<ioas::Ioas> CardTest::space(ioas::Device& device) {
  auto made = std::make_unique<ioas::Ioas>(*platform);
  EXPECT_TRUE(made->attach(device));
  return made;
}

void CardTest::map(ioas::Ioas& ioas, const Memory& memory, std::uint64_t iova, ioas::Prot prot) {
  EXPECT_TRUE(ioas.map(memory.data(), memory.size(), prot, Iova{iova}));
}

void CardTest::settle() {
  const auto idle = card::wait(*card, {.who = "test", .what = "an idle card"}, [] { return false; });
  EXPECT_EQ(idle.error().code, Code::kCardIdle) << text(idle.error());
}

std::vector<riscv::Fault> CardTest::faults() {
  settle();
  return iommu->faults().drain().faults;
}

void CardTest::expect_fault(regs::Cause cause, std::uint32_t device_id, std::uint64_t iova, bool write) {
  const auto found = faults();
  std::string all;
  for (const auto& fault : found) all += "\n  " + to_text(fault);
  ASSERT_EQ(found.size(), 1U) << all;
  EXPECT_EQ(found[0].cause, cause) << all;
  EXPECT_EQ(found[0].device_id, device_id) << all;
  EXPECT_EQ(found[0].iotval, iova) << all;
  EXPECT_EQ(found[0].write(), write) << all;
}

dma::Completion CardTest::good(const Result<dma::Completion>& done) {
  EXPECT_TRUE(done) << (done ? "" : text(done.error()));
  if (!done) return {};
  EXPECT_TRUE(done->ok()) << regs::to_string(done->status) << fmt::format(" at {:#x}", done->address);
  return *done;
}

}  // namespace aperture::test
