// SPDX-License-Identifier: Apache-2.0
#include "selftest/bench.hpp"

#include "card/wait.hpp"

namespace aperture::sw::selftest {

void Bench::identify() {
  identity_ = must(card::identify(card_));
  capabilities_ = read(regs::iommu::capabilities);
}

riscv::Iommu& Bench::iommu() {
  if (iommu_ && iommu_->lost()) must(iommu_->restart());
  if (!iommu_) iommu_ = must(riscv::Iommu::bring_up(card_, {.wait_cycles = kCycles}));
  return *iommu_;
}

void Bench::reset() {
  iommu_.reset();
  must(card::reset(card_));
}

void Bench::settle() {
  const auto idle =
      card::wait(card_, {.who = "self-test", .what = "an idle card", .cycles = kCycles}, [] { return false; });
  if (idle.error().code != Code::kCardIdle) throw Trouble(idle.error());
}

bool Bench::gone() { return read(regs::card::id) == 0xffff'ffff && read(regs::card::cycle) == ~std::uint64_t{0}; }

}  // namespace aperture::sw::selftest
