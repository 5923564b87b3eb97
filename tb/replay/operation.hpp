// SPDX-License-Identifier: Apache-2.0
#pragma once

// One line of a trace.

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "formats/fields.hpp"
#include "formats/json.hpp"
#include "tb/bus_card.hpp"

namespace aperture::tb::replay {

using formats::Complaint;
using formats::Fields;
using formats::hex;
using formats::hex_bytes;
using formats::Json;
using formats::pointer;

struct Reset {
  Straps straps{};
};
struct MemWrite {
  std::uint64_t address = 0;
  std::vector<std::byte> data{};
};
struct MemRead {
  std::uint64_t address = 0;
  std::uint64_t length = 0;
};
struct MemFault {
  std::uint64_t address = 0;
  std::uint64_t length = 0;
  MemoryFault kind = MemoryFault::kNone;
};
struct RegWrite {
  std::uint32_t offset = 0;
  unsigned size = 4;
  std::uint64_t value = 0;
};
struct RegRead {
  std::uint32_t offset = 0;
  unsigned size = 4;
};
struct Translate {
  DeviceAccess access{};
};
struct RequestPage {
  PageRequest request{};
};
struct Settle {
  static constexpr std::uint64_t kMaxCycles = 10'000'000;
  std::uint64_t max_cycles = kMaxCycles;
};
struct Advance {
  std::uint64_t cycles = 0;
};
struct TakeMessages {};
struct CompleteInvalidation {
  std::uint32_t device_id = 0;
  std::uint32_t itag_vector = 0;
  unsigned cc = 0;
};

using Action = std::variant<Reset, MemWrite, MemRead, MemFault, RegWrite, RegRead, Translate, RequestPage, Settle,
                            Advance, TakeMessages, CompleteInvalidation>;

struct Operation {
  Action action{};
  std::optional<Json> expect{};          ///< checked for its form
  std::optional<Complaint> senseless{};  ///< a value that no card can be given: running the operation is an error
};

}  // namespace aperture::tb::replay
