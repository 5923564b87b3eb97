// SPDX-License-Identifier: Apache-2.0
// Every allocation of every call fails once: ENOMEM, and nothing has changed or leaked.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "ioas/change.hpp"
#include "ioas/ioas.hpp"
#include "ioas/memory_domain.hpp"
#include "ioas/mirror.hpp"

namespace {

thread_local std::uint64_t fail_in = 0;  // 0: never
thread_local std::uint64_t allocations = 0;

}  // namespace

// Not inlined, or g++ takes free() for the wrong partner of new.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (fail_in != 0 && --fail_in == 0) throw std::bad_alloc();
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace aperture::ioas {
namespace {

std::byte* pointer(std::uint64_t address) { return reinterpret_cast<std::byte*>(address); }
constexpr std::uint64_t kVa = 0x4000'0000;

/// All of an IOAS that a user can see.
struct Seen {
  std::vector<IovaRange> ranges;
  std::uint64_t alignment;
  std::uint64_t generation;
  std::vector<std::pair<std::string, IovaRange>> windows;
  std::size_t maps;
  std::vector<Device*> attached;
  std::vector<Event> events;
  std::vector<IovaRange> allowed;
  bool operator==(const Seen&) const = default;
};

Seen see(const Ioas& ioas) {
  const Ranges ranges = ioas.ranges();
  Seen out{ranges.ranges,    ranges.alignment, ranges.generation, {},
           ioas.map_count(), ioas.attached(),  ioas.events(),     ioas.allowed()};
  for (const PlacedWindow& w : ioas.windows()) out.windows.emplace_back(w.window.name, w.range);
  return out;
}

class IoasInject : public testing::Test {
 protected:
  /// Runs `call` with its first, second, ... allocation after the call of its argument failing until it succeeds.
  template <typename Call>
  void try_every_allocation(Call&& call) {
    const Seen before[] = {see(ioas), see(other)};
    const std::uint64_t pinned = pins.pinned_bytes();
    for (std::uint64_t n = 1;; ++n) {
      ASSERT_LT(n, 2000U);
      const auto done = call([n] { fail_in = n; });
      const bool failed = fail_in == 0;
      fail_in = 0;
      if (done) {
        EXPECT_FALSE(failed) << "an allocation failed and the call succeeded all the same";
        EXPECT_GT(n, 1U);
        return;
      }
      ASSERT_EQ(done.error().number, ENOMEM) << done.error().what;
      ASSERT_NE(done.error().report, nullptr);
      ASSERT_EQ(see(ioas), before[0]) << "after failing allocation " << n;
      ASSERT_EQ(see(other), before[1]) << "after failing allocation " << n;
      ASSERT_EQ(pins.pinned_bytes(), pinned);
    }
  }

  MemoryPins pins;
  MemoryDevice nic{"a device with a long name", 1, pins, {{}, {{{{0xfee00000}, {0xfeefffff}}, Cause::kMsi}}, 48}};
  MemoryDevice disk{"another device with a long name", 2, pins};
  Platform platform;
  Ioas ioas{platform};
  Ioas other{platform};
};

TEST_F(IoasInject, Map) {
  ASSERT_TRUE(ioas.attach(nic));
  try_every_allocation([&](auto arm) {
    arm();
    return ioas.map(pointer(kVa), 0x3000, Prot::kReadWrite);
  });
}

TEST_F(IoasInject, CopyOfSeveralAreas) {
  ASSERT_TRUE(ioas.attach(nic));
  ASSERT_TRUE(other.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(other.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x11000}));
  try_every_allocation([&](auto arm) {
    arm();
    return ioas.copy(other, {0x10000}, 0x2000, Prot::kRead);
  });
}

TEST_F(IoasInject, AttachWithMaps) {
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead));
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead));
  ASSERT_TRUE(ioas.require({{.name = "w", .size = 0x100000}}));
  try_every_allocation([&](auto arm) {
    arm();
    return ioas.attach(nic);
  });
}

TEST_F(IoasInject, Replace) {
  ASSERT_TRUE(other.attach(nic));
  ASSERT_TRUE(other.map(pointer(kVa), 0x1000, Prot::kRead));
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead));
  try_every_allocation([&](auto arm) {
    arm();
    return ioas.replace(nic);
  });
}

TEST_F(IoasInject, Require) {
  ASSERT_TRUE(ioas.attach(nic));
  try_every_allocation([&](auto arm) {
    std::vector<Window> windows{{.name = "a window with a long name", .base = Iova{0x10000000}, .size = 0x100000},
                                {.name = "another one with a long name", .size = 0x100000}};
    arm();
    return ioas.require(std::move(windows));
  });
}

TEST_F(IoasInject, MapInAMirror) {
  Mirror mirror(platform);
  ASSERT_TRUE(mirror.join(ioas));
  ASSERT_TRUE(mirror.join(other));
  ASSERT_TRUE(ioas.attach(nic));
  ASSERT_TRUE(other.attach(disk));
  try_every_allocation([&](auto arm) {
    arm();
    return mirror.map(pointer(kVa), 0x1000, Prot::kRead);
  });
  EXPECT_EQ(mirror.space().map_count(), 1U);
}

TEST_F(IoasInject, UnmapAndDetachNeverAllocate) {
  ASSERT_TRUE(ioas.attach(nic));
  ASSERT_TRUE(ioas.attach(disk));
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead));
  ASSERT_FALSE(ioas.reserve({{0x1000}, {0x1fff}}));  // a refusal must not cost the room that detach needs
  const std::uint64_t before = allocations;
  const auto unmapped = ioas.unmap({0x1000}, 0x2000);
  const auto detached = Ioas::detach(platform, nic);
  const auto all = ioas.unmap({0}, kMax);
  const auto last = Ioas::detach(platform, disk);
  EXPECT_EQ(allocations, before);
  EXPECT_TRUE(unmapped && detached && all && last);
}

}  // namespace
}  // namespace aperture::ioas
