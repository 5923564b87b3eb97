// SPDX-License-Identifier: Apache-2.0
// Exclusive accesses at the pins of a memory port (AMBA AXI4 A7.2): when a write succeeds, and what makes it fail.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>

#include "bench/print.hpp"
#include "support/seed.hpp"
#include "tb/axi/checker.hpp"
#include "tb/axi/memory_port.hpp"
#include "tb/memory/memory.hpp"

namespace aperture::tb {
namespace {

constexpr std::uint64_t kAt = 0x1008;

/// Two ports before one memory, by profile; each access is made alone and waited for.
class ExclusiveAccess : public ::testing::TestWithParam<Profile>, public BeatTarget {
 protected:
  struct Side {
    explicit Side(Port p, ExclusiveAccess& test)
        : port(p, 8, *test.timing, static_cast<BeatTarget&>(test), test.exclusives, test::seed()),
          checker(p, 8, [](const Violation& v) { ADD_FAILURE() << v.text(); }) {}
    MemoryPort port;
    Checker checker;
    AxiPins pins{};
  };

  void use(ExclusiveMonitor monitor) {
    exclusives = std::move(monitor);
    timing = make_timing(GetParam(), 20, test::seed());
    own = std::make_unique<Side>(Port::kIommu, *this);
    other = std::make_unique<Side>(Port::kData, *this);
  }
  void SetUp() override { use(ExclusiveMonitor()); }

  MemoryAnswer read(Port, std::uint64_t, std::uint64_t, std::uint64_t address, std::span<std::byte> out) override {
    return now < slow_until ? MemoryAnswer::kPending : memory.card_read(address, out);
  }
  MemoryAnswer write(Port, std::uint64_t, std::uint64_t, std::uint64_t address, std::span<const std::byte> data,
                     std::uint32_t strobes) override {
    return memory.card_write(address, data, strobes);
  }
  MemoryAnswer exchange(Port, std::uint64_t, std::uint64_t, std::uint64_t address, std::span<const std::byte> expected,
                        std::span<const std::byte> data, bool& held) override {
    if (now < slow_until) return MemoryAnswer::kPending;
    if (before_exchange) before_exchange();
    return memory.card_exchange(address, expected, data, held);
  }

  void cycle(Side& side) {
    side.pins.r.ready = side.pins.b.ready = true;
    side.checker.observe(side.pins, true, now);
    side.port.observe(side.pins, now);
    side.port.perform_writes(now);
    side.port.perform_reads(now);
    side.pins.ar.valid &= !side.pins.ar.ready;
    side.pins.aw.valid &= !side.pins.aw.ready;
    side.pins.w.valid &= !side.pins.w.ready;
    side.port.drive(side.pins, ++now);
  }
  static AddressChannel address(std::uint64_t at, unsigned size, std::uint8_t id, bool lock) {
    AddressChannel a;
    a.addr = at;
    a.id = id;
    a.size = static_cast<std::uint8_t>(size);
    a.burst = 1;
    a.valid = true;
    a.lock = lock;
    return a;
  }
  Resp read_of(Side& side, std::uint64_t at, std::uint8_t id = 0, bool lock = true) {
    const bool ready = side.pins.ar.ready;
    side.pins.ar = address(at, 3, id, lock);
    side.pins.ar.ready = ready;
    std::optional<Resp> resp;
    for (int i = 0; i < 10'000 && !resp; ++i) {
      cycle(side);
      if (side.pins.r.valid) resp = static_cast<Resp>(side.pins.r.resp);
    }
    cycle(side);
    return resp.value();
  }
  Resp write_of(Side& side, std::uint64_t at, std::uint64_t value, std::uint8_t id = 0, bool lock = true,
                unsigned size = 3) {
    const AxiPins before = side.pins;
    side.pins.aw = address(at, size, id, lock);
    side.pins.aw.ready = before.aw.ready;
    const auto strobes = static_cast<std::uint16_t>(((1U << (1U << size)) - 1) << (at % 8));
    side.pins.w = {{value, 0}, strobes, true, true, before.w.ready};
    std::optional<Resp> resp;
    for (int i = 0; i < 10'000 && !resp; ++i) {
      cycle(side);
      if (side.pins.b.valid) resp = static_cast<Resp>(side.pins.b.resp);
    }
    for (int i = 0; i < 10'000 && !side.port.idle(); ++i) cycle(side);
    return resp.value();
  }

  Memory memory{1};
  ExclusiveMonitor exclusives;
  std::unique_ptr<Timing> timing;
  std::unique_ptr<Side> own, other;
  std::uint64_t now = 1000;
  std::uint64_t slow_until = 0;
  std::function<void()> before_exchange;
};

INSTANTIATE_TEST_SUITE_P(Profiles, ExclusiveAccess,
                         ::testing::Values(Profile::kIdeal, Profile::kDdr, Profile::kPcie, Profile::kHostile),
                         [](const auto& info) { return name(info.param); });

TEST_P(ExclusiveAccess, SucceedsWhenNothingCameBetween) {
  memory.write64(kAt, 5);
  EXPECT_EQ(read_of(*own, kAt), Resp::kExokay);
  EXPECT_EQ(write_of(*own, kAt, 6), Resp::kExokay);
  EXPECT_EQ(memory.read64(kAt), 6U);
}

TEST_P(ExclusiveAccess, FailsBehindAWriteOfTheOtherPortAndWritesNothing) {
  EXPECT_EQ(read_of(*own, kAt), Resp::kExokay);
  EXPECT_EQ(write_of(*other, kAt + 4, 0, 0, false, 2), Resp::kOkay);  // one that changes nothing
  EXPECT_EQ(write_of(*own, kAt, 6), Resp::kOkay);
  EXPECT_EQ(memory.read64(kAt), 0U);
}

TEST_P(ExclusiveAccess, FailsBehindAStoreOfTheProcessor) {
  EXPECT_EQ(read_of(*own, kAt), Resp::kExokay);
  memory.write64(kAt, 7);
  EXPECT_EQ(write_of(*own, kAt, 6), Resp::kOkay);
  EXPECT_EQ(memory.read64(kAt), 7U);
}

TEST_P(ExclusiveAccess, FailsBehindAStoreThatComesJustBeforeTheWrite) {
  EXPECT_EQ(read_of(*own, kAt), Resp::kExokay);
  before_exchange = [this] { memory.write64(kAt, 7); };
  EXPECT_EQ(write_of(*own, kAt, 6), Resp::kOkay);
  EXPECT_EQ(memory.read64(kAt), 7U);
}

TEST_P(ExclusiveAccess, SucceedsBehindAWriteBesideIt) {
  EXPECT_EQ(read_of(*own, kAt), Resp::kExokay);
  write_of(*other, kAt + 8, 1, 0, false);
  EXPECT_EQ(write_of(*own, kAt, 6), Resp::kExokay);
}

TEST_P(ExclusiveAccess, IdsReserveEachForThemselves) {
  EXPECT_EQ(read_of(*own, kAt, 1), Resp::kExokay);
  EXPECT_EQ(read_of(*own, kAt + 64, 2), Resp::kExokay);
  EXPECT_EQ(write_of(*own, kAt, 6, 1), Resp::kExokay);
  EXPECT_EQ(write_of(*own, kAt + 64, 7, 2), Resp::kExokay);
}

TEST_P(ExclusiveAccess, OfTwoIdsWithTheSameBytesOneSucceeds) {
  EXPECT_EQ(read_of(*own, kAt, 1), Resp::kExokay);
  EXPECT_EQ(read_of(*own, kAt, 2), Resp::kExokay);
  EXPECT_EQ(write_of(*own, kAt, 6, 2), Resp::kExokay);
  EXPECT_EQ(write_of(*own, kAt, 7, 1), Resp::kOkay);
  EXPECT_EQ(memory.read64(kAt), 6U);
}

TEST_P(ExclusiveAccess, ReadThatMemoryRefusesReservesNothing) {
  memory.fault(kAt, 8, MemoryFault::kError);
  EXPECT_EQ(read_of(*own, kAt), Resp::kSlverr);
}

TEST_P(ExclusiveAccess, WaitsForMemoryThatIsSlow) {
  slow_until = now + 500;
  EXPECT_EQ(read_of(*own, kAt), Resp::kExokay);
  slow_until = now + 500;
  EXPECT_EQ(write_of(*own, kAt, 6), Resp::kExokay);
  EXPECT_GT(now, slow_until);
  EXPECT_EQ(memory.read64(kAt), 6U);
}

TEST_P(ExclusiveAccess, MemoryWithoutExclusivesAnswersOkay) {
  use(ExclusiveMonitor(false));
  EXPECT_EQ(read_of(*own, kAt), Resp::kOkay);
  EXPECT_EQ(write_of(*own, kAt, 6), Resp::kOkay);
  EXPECT_EQ(memory.read64(kAt), 6U);
}

}  // namespace
}  // namespace aperture::tb
