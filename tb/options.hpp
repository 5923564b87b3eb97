// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>

#include "base/error.hpp"

namespace aperture::tb {

/// What an FPGA ties to constants. The defaults switch on everything that is implemented: the RTL masks off the
/// capabilities it does not have.
struct Straps {
  std::uint64_t capabilities = 0xffff'fff8'ffff'ff10;  ///< version 1.0, PAS 56, the rest ones
  std::uint8_t fctl = 0;                               ///< reset value {gxl, wsi, be}
  bool fctl_be_writable = true;
  bool fctl_gxl_writable = true;
  std::uint8_t ddt_levels_max = 3;
  std::uint32_t device_id_mask = 0xffffff;
  std::uint8_t vectors_log2 = 2;
  std::uint8_t queue_log2_max = 15;
  bool reset_bare = false;
  std::uint8_t hpm_counters = 31;         ///< event counters beside iohpmcycles, 1 to 31 where there is HPM
  std::uint8_t hpm_counter_bits = 64;     ///< 32 to 64
  std::uint8_t hpm_event_max = 8;         ///< largest eventID that counts
  std::uint8_t rcid_bits = 12;            ///< 0 to 12
  std::uint8_t mcid_bits = 12;            ///< 0 to 12
  std::uint32_t ats_timeout = 1'000'000;  ///< cycles that a device has for an invalidation completion
  std::uint32_t port_id_base = 0;  ///< the external device port may use ids with (id & port_id_mask) == port_id_base
  std::uint32_t port_id_mask = 0;

  /// Width of bus addresses that `capabilities` states, 1 to 56 (larger values count as 56).
  unsigned pas() const;
  void set_pas(unsigned bits);
};

/// How memory behaves. ideal: fixed latency, in order, never stalls. ddr: banks and open rows, out of order across ids.
/// pcie: posted writes, reads push writes, chunked completions. hostile: random latency, order across ids, stalls.
enum class Profile : std::uint8_t { kIdeal, kDdr, kPcie, kHostile };
const char* name(Profile profile);
Result<Profile> parse_profile(const std::string& text);

/// What starts the window of waves, seen at the card's pins.
struct WaveTrigger {
  enum class Kind : std::uint8_t {
    kNone,   ///< nothing: the window starts at its first cycle
    kFault,  ///< the IOMMU writes a fault record
    kWrite   ///< the host writes the register at `offset`
  };
  Kind kind = Kind::kNone;
  std::uint32_t offset = 0;  ///< 17 bits, BAR 2 at 0x10000

  std::string text() const;
};
/// "fault" or "write:OFFSET", the offset decimal or 0x..., a multiple of 4. EINVAL names the key `wave_trigger`.
Result<WaveTrigger> parse_wave_trigger(const std::string& text);

/// What of the RTL is simulated: card_top, or fpga_top behind a model of an AXI-PCIe bridge, to which `width`,
/// `profile`, `exclusives`, `straps` and `wave` do not apply.
enum class Top : std::uint8_t { kCard, kFpga };

struct Options {
  Top top = Top::kCard;
  unsigned payload = 128;  ///< of kFpga: bytes of the bridge's longest packet, 128 or 256
  unsigned width = 64;     ///< AXI data width: 64 or 128
  Profile profile = Profile::kIdeal;
  unsigned latency = 20;  ///< cycles from AR handshake to first R beat; what the other profiles vary around. At least 1
  std::uint64_t seed = 1;
  bool exclusives = true;  ///< memory supports exclusive accesses of m_iommu (AMBA AXI4 A7.2)
  Straps straps{};
  unsigned frame_run = 1;        ///< pinned 4 KiB frames that are consecutive on the bus, a power of two
  std::filesystem::path wave{};  ///< FST file; empty: none
  std::uint64_t wave_from = 0;   ///< first cycle in it, counted from power-on; with a trigger the earliest one
  WaveTrigger wave_trigger{};
  std::uint64_t wave_cycles = 0;  ///< number of cycles; 0: until closed
  unsigned history = 256;         ///< last cycles kept for failure reports
};

/// Straps from a JSON object with any of the keys `capabilities`, `fctl`, `fctl_be_writable`, `fctl_gxl_writable`,
/// `ddt_levels_max`, `device_id_mask`, `vectors_log2`, `queue_log2_max`, `reset_mode` ("off", "bare"), `hpm_counters`,
/// `hpm_counter_bits`, `hpm_event_max`, `rcid_bits`, `mcid_bits`, `ats_timeout`, `port_id_base`, `port_id_mask`;
/// numbers may be strings "0x...". Others keep their default. EINVAL names the key.
Result<Straps> parse_straps(const std::string& json);
/// `text`: the name of a file with such an object, or the object itself.
Result<Straps> read_straps(const std::string& text);

/// Why a strap in a file format is refused.
struct StrapError {
  std::string key;
  std::string what;
};
/// As parse_straps, but only the straps of the IOMMU: those that traces and scenarios may give.
std::expected<Straps, StrapError> parse_iommu_straps(const std::string& json);

}  // namespace aperture::tb
