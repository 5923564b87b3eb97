// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rapidcheck.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ioas/ioas.hpp"

namespace aperture::ioas::test {

/// One call of the public API, small enough to be shrunk and to be played on anything that has the same calls: Linux's
/// iommufd, a model of it, an Ioas. Numbers are taken as they are; which of them make sense is for whoever plays it.
struct Operation {
  enum class Kind : std::uint8_t {
    kMap,
    kMapFixed,
    kCopy,
    kCopyFixed,
    kUnmap,
    kAllow,
    kReserve,
    kUnreserve,
    kAttach,
    kReplace,
    kDetach,
    kHugePages,
    kLast = kHugePages
  };
  Kind kind{};
  unsigned ioas{};            ///< of Machine::kSpaces
  unsigned other{};           ///< the source of a copy
  unsigned device{};          ///< of the machine's
  std::uint64_t memory{};     ///< offset in the machine's memory
  std::uint64_t iova{};       ///< where; of a reservation and an allowed range the first address
  std::uint64_t from_iova{};  ///< of a copy; of a second allowed range the first address
  std::uint64_t length{};     ///< of everything named
  Prot prot{};
  unsigned ranges{};  ///< in the allow list: 0 to 2
  bool flag{};        ///< huge pages on
};

/// What it came to: what Linux would give.
struct Answer {
  int number{};           ///< errno; 0: done
  std::uint64_t value{};  ///< map, copy: the IOVA; unmap: the length
  bool operator==(const Answer&) const = default;
};

/// The ranges that an Operation::Kind::kAllow names.
std::vector<IovaRange> allowed(const Operation& operation);
/// "map fixed"
std::string_view name(Operation::Kind kind);
std::ostream& operator<<(std::ostream& out, const Operation& operation);
std::ostream& operator<<(std::ostream& out, const Answer& answer);

/// Sequences that keep meeting each other: addresses and lengths from a small space, whole pages, parts of them or a
/// few bytes, now and then the ends of the 64-bit space, and calls about what an earlier call has made.
rc::Gen<std::vector<Operation>> operations(unsigned devices);

/// The IOASes that operations are played on.
class Machine {
 public:
  static constexpr unsigned kSpaces = 3;
  static constexpr std::uint64_t kMemory = std::uint64_t{1} << 20;
  /// `memory`: kMemory bytes.
  Machine(Platform& platform, std::vector<Device*> devices, std::byte* memory);
  Answer play(const Operation& operation);
  Ioas& space(unsigned index) { return *spaces_.at(index); }
  const std::vector<Device*>& devices() const { return devices_; }

 private:
  Platform& platform_;
  std::vector<Device*> devices_;
  std::byte* memory_;
  std::array<std::unique_ptr<Ioas>, kSpaces> spaces_;
};

}  // namespace aperture::ioas::test
