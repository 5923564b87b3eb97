// SPDX-License-Identifier: Apache-2.0
// Step "isolation": a device that misbehaves reaches nothing, and another goes on. The driver's own address spaces.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "dma/channel.hpp"
#include "ioas/ioas.hpp"
#include "ioas/platform.hpp"
#include "selftest/checks.hpp"
#include "selftest/step.hpp"
#include "selftest/tree.hpp"

namespace aperture::sw::selftest {
namespace {

constexpr std::uint32_t kGood = 0x20;
constexpr std::uint32_t kStray = 0x21;
constexpr std::uint32_t kUnknown = 0x22;
constexpr std::uint64_t kSize = 16 * kPageSize;
constexpr Iova kIova{0x4000'0000};

struct Free {
  void operator()(std::byte* bytes) const { std::free(bytes); }
};
using Pages = std::unique_ptr<std::byte, Free>;

Pages pages() {
  Pages made(static_cast<std::byte*>(std::aligned_alloc(kPageSize, kSize)));
  if (!made) throw std::bad_alloc();
  return made;
}

/// Two devices, each with an address space of its own at the same addresses.
struct Neighbours {
  explicit Neighbours(Bench& bench)
      : iommu(bench.iommu()),
        good(must(iommu.make_device({.name = "good", .device_id = kGood}))),
        stray(must(iommu.make_device({.name = "stray", .device_id = kStray}))),
        space(platform),
        other(platform) {
    must(space.attach(*good));
    must(other.attach(*stray));
  }
  riscv::Iommu& iommu;
  std::unique_ptr<ioas::Device> good;
  std::unique_ptr<ioas::Device> stray;
  ioas::Platform platform;
  ioas::Ioas space;
  ioas::Ioas other;
};

}  // namespace

void test_isolation(Bench& bench, Verdict& verdict) {
  if (first_stage(bench) == nullptr && second_stage(bench) == nullptr)
    return verdict.skip("capabilities announce no page-table format of 64 bits, which address spaces have");
  const Pages source = pages();
  const Pages target = pages();
  const Pages secret = pages();
  pseudo_random({source.get(), kSize}, 1);
  std::memset(target.get(), 0, kSize);
  pseudo_random({secret.get(), kSize}, 2);
  const std::uint32_t secret_crc = crc({secret.get(), kSize});

  Neighbours n(bench);
  const Iova from = kIova;
  const Iova to = kIova + kSize;
  const Iova hidden = kIova + 2 * kSize;
  (void)must(n.space.map(source.get(), kSize, ioas::Prot::kRead, from));
  (void)must(n.space.map(target.get(), kSize, ioas::Prot::kReadWrite, to));
  (void)must(n.space.map(secret.get(), kSize, ioas::Prot::kReadWrite, hidden));
  (void)n.iommu.faults().drain();

  const unsigned last = bench.identity().channels - 1;
  const auto good = must(dma::Channel::open(n.iommu, 0, {.device_id = kGood}));
  dma::Ticket ticket{};
  const bool beside = last > 0;  // a second channel misbehaves while the first works
  if (beside)
    ticket = must(good->submit({.op = regs::DmaOp::kCopy, .source = from, .destination = to, .length = kSize}));
  else
    must(good->stop());

  struct Attempt {
    const char* what;
    dma::Identity who;
    regs::Cause cause;
    regs::Cause or_cause = cause;  ///< where the address spaces are of the second stage, which the driver chooses
  };
  const Attempt attempts[] = {
      {"a device that has nothing mapped there",
       {.device_id = kStray},
       regs::Cause::kWritePageFault,
       regs::Cause::kWriteGuestPageFault},
      {"a device without a context", {.device_id = kUnknown}, regs::Cause::kDdtNotValid},
      {"a process of a device without processes", {.device_id = kGood, .process_id = 5}, regs::Cause::kTypeDisallowed},
      {"an access that claims to be translated",
       {.device_id = kStray, .translated = true},
       regs::Cause::kTypeDisallowed},
  };
  {
    const auto stray = must(dma::Channel::open(n.iommu, last, {.device_id = kStray}));
    for (const Attempt& attempt : attempts) {
      must(stray->stop());
      must(stray->start(attempt.who));
      for (const bool write : {true, false}) {
        const dma::Completion done =
            must(write ? stray->stray_write(hidden, 0xdead'dead'dead'dead) : stray->stray_read(hidden));
        const auto wanted = write ? regs::DmaStatus::kWriteError : regs::DmaStatus::kReadError;
        if (done.status != wanted)
          verdict.fail(
              fmt::format("{}: its {} ends with {}", attempt.what, write ? "write" : "read", regs::to_string(wanted)),
              regs::to_string(done.status));
      }
    }
  }
  if (!beside) {
    must(good->start());
    ticket = must(good->submit({.op = regs::DmaOp::kCopy, .source = from, .destination = to, .length = kSize}));
  }
  const dma::Completion done = must(good->wait(ticket, Bench::kCycles));
  if (!done.ok() || !std::equal(source.get(), source.get() + kSize, target.get()))
    verdict.fail("meanwhile the other device's copy ends ok, every byte there",
                 done.ok() ? "bytes differ" : regs::to_string(done.status));
  if (crc({secret.get(), kSize}) != secret_crc)
    verdict.fail("nothing was written to the memory that the strays wanted", "it has changed");

  bench.settle();
  const auto faults = n.iommu.faults().drain().faults;
  if (faults.size() != 2 * std::size(attempts))
    verdict.fail(fmt::format("{} fault records", 2 * std::size(attempts)), fmt::format("{}", faults.size()));
  for (std::size_t i = 0; i < std::size(attempts) && 2 * i < faults.size(); ++i)
    if ((faults[2 * i].cause != attempts[i].cause && faults[2 * i].cause != attempts[i].or_cause) ||
        faults[2 * i].iotval != hidden.value)
      verdict.fail(fmt::format("{}: {} at {:#x}", attempts[i].what, regs::to_string(attempts[i].cause), hidden.value),
                   to_text(faults[2 * i]));

  // What was unmapped is out of reach at once.
  (void)must(n.space.unmap(hidden, kSize));
  const dma::Completion late = must(good->stray_write(hidden, 1));
  if (late.status != regs::DmaStatus::kWriteError)
    verdict.fail("after an unmap, a write there ends with write_error", regs::to_string(late.status));
  bench.settle();
  (void)n.iommu.faults().drain();
  if (crc({secret.get(), kSize}) != secret_crc)
    verdict.fail("after an unmap, nothing is written there", "the memory has changed");
}

}  // namespace aperture::sw::selftest
