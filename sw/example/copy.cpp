// SPDX-License-Identifier: Apache-2.0
// The driver in a page: a device copies a buffer through its own address space. docs/use-the-driver.md explains it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "card/registry.hpp"
#include "dma/channel.hpp"
#include "ioas/ioas.hpp"
#include "riscv/iommu.hpp"

using namespace aperture;

namespace {

/// The value, or the end of the program with the error's sentence.
template <typename Result>
auto need(Result result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().what.c_str());
    std::exit(1);
  }
  return std::move(*result);
}

}  // namespace

int main(int count, char** words) {
  constexpr std::uint64_t kHalf = 4096;
  auto* memory = static_cast<std::byte*>(::operator new (2 * kHalf, std::align_val_t{kPageSize}));
  std::memset(memory, 0x5a, kHalf);
  std::memset(memory + kHalf, 0, kHalf);

  const auto card = need(card::open(count > 1 ? words[1] : "sim"));
  const auto iommu = need(riscv::Iommu::bring_up(*card));
  const auto nic = need(iommu->make_device({.name = "nic", .device_id = 1, .reservations = {}}));
  ioas::Platform platform;
  ioas::Ioas space(platform);

  need(space.attach(*nic));
  const Iova iova = need(space.map(memory, 2 * kHalf, ioas::Prot::kReadWrite));
  const auto channel = need(dma::Channel::open(*iommu, 0, {.device_id = 1}));
  const dma::Completion done = need(channel->copy(iova, iova + kHalf, kHalf));
  need(space.unmap(iova, 2 * kHalf));

  const bool equal = std::memcmp(memory, memory + kHalf, kHalf) == 0;
  std::printf("%s: %llu bytes in %llu cycles, CRC-32 0x%08x, %s\n", regs::to_string(done.status),
              static_cast<unsigned long long>(done.bytes), static_cast<unsigned long long>(done.cycles), done.crc,
              equal ? "equal" : "different");
  ::operator delete (memory, std::align_val_t{kPageSize});
  return done.ok() && equal ? 0 : 1;
}
