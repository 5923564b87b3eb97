// SPDX-License-Identifier: Apache-2.0
// Any sequence of calls: through C as through C++.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>

#include "c_context.hpp"
#include "ioas/memory_domain.hpp"
#include "ioas/operations.hpp"

namespace aperture::test {
namespace {

using ioas::kMax;
using ioas::test::Answer;
using ioas::test::Machine;
using ioas::test::Operation;

/// Operations as requests; objects as a Machine has them.
class CMachine : public CContext {
 public:
  CMachine() {
    for (auto& space : spaces_) space = new_ioas();
    devices_ = {new_device(64, {{0x10000, 0x11fff, APERTURE_CAUSE_MSI, 0}}), new_device(40)};
  }
  void TestBody() override {}

  /// Nothing if C has no such call.
  std::optional<Answer> play(const Operation& o, std::byte* memory) {
    using Kind = Operation::Kind;
    const std::uint32_t space = spaces_.at(o.ioas);
    const bool fixed = o.kind == Kind::kMapFixed || o.kind == Kind::kCopyFixed;
    const std::uint32_t flags = (fixed ? kFixed : 0) | (readable(o.prot) ? kRead : 0) | (writable(o.prot) ? kWrite : 0);
    switch (o.kind) {
      case Kind::kMap:
      case Kind::kMapFixed: {
        std::uint64_t iova = fixed ? o.iova : 0;
        const int number = map(space, memory + o.memory, o.length, iova, flags);
        return Answer{number, number == 0 ? iova : 0};
      }
      case Kind::kCopy:
      case Kind::kCopyFixed: {
        iommu_ioas_copy request{};
        request.flags = flags;
        request.dst_ioas_id = space;
        request.src_ioas_id = spaces_.at(o.other);
        request.length = o.length;
        request.dst_iova = fixed ? o.iova : 0;
        request.src_iova = o.from_iova;
        const int number = call(IOMMU_IOAS_COPY, request);
        return Answer{number, number == 0 ? request.dst_iova : 0};
      }
      case Kind::kUnmap: {
        std::uint64_t length = o.length;
        const int number = unmap(space, o.iova, length);
        return Answer{number, number == 0 ? length : 0};
      }
      case Kind::kAllow:
        return Answer{allow(space, allowed(o)), 0};
      case Kind::kAttach:
        return Answer{attach_to(devices_.at(o.device), space), 0};
      case Kind::kDetach:
        return Answer{detach(devices_.at(o.device)), 0};
      case Kind::kHugePages:
        return Answer{huge_pages(space, o.flag ? 1 : 0), 0};
      case Kind::kReserve:
      case Kind::kUnreserve:
      case Kind::kReplace:
        break;
    }
    return {};
  }
  static std::vector<iommu_iova_range> allowed(const Operation& o) {
    std::vector<iommu_iova_range> list;
    for (const auto& range : ioas::test::allowed(o)) list.push_back({range.first.value, range.last.value});
    return list;
  }
  std::vector<iommu_iova_range> ranges_of(unsigned space, std::uint64_t& alignment) {
    return ranges(spaces_.at(space), alignment);
  }

 private:
  std::array<std::uint32_t, Machine::kSpaces> spaces_;
  std::array<std::uint32_t, 2> devices_;
};

RC_GTEST_PROP(CRandom, SequencesOfCallsGiveTheSameThroughCAndCpp, ()) {
  static ioas::test::Memory memory(2 * Machine::kMemory);
  ioas::MemoryPins pins;
  ioas::MemoryDevice wide("wide", 1, pins, {{}, {{{{0x10000}, {0x11fff}}, ioas::Cause::kMsi}}, 64});
  ioas::MemoryDevice narrow("narrow", 2, pins, {{}, {}, 40});
  ioas::Platform platform;
  Machine cpp(platform, {&wide, &narrow}, memory.data());
  CMachine c;
  for (const Operation& operation : *ioas::test::operations(2)) {
    // Beyond the memory it depends on the process what can be pinned; the devices of the C++ side never look.
    if (operation.length > Machine::kMemory && operation.length <= kMax - kPageSize) continue;
    const auto got = c.play(operation, memory.data());
    if (!got) continue;
    const Answer wanted = cpp.play(operation);
    RC_LOG() << operation << ": " << wanted << ", through C " << *got << "\n";
    RC_ASSERT(*got == wanted);
    for (unsigned i = 0; i < Machine::kSpaces; ++i) {
      std::uint64_t alignment = 0;
      const auto list = c.ranges_of(i, alignment);
      const ioas::Ranges now = cpp.space(i).ranges();
      RC_ASSERT(alignment == now.alignment);
      RC_ASSERT(list.size() == now.ranges.size());
      for (std::size_t k = 0; k < list.size(); ++k) {
        RC_ASSERT(list[k].start == now.ranges[k].first.value);
        RC_ASSERT(list[k].last == now.ranges[k].last.value);
      }
    }
  }
}

}  // namespace
}  // namespace aperture::test
