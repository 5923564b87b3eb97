// SPDX-License-Identifier: Apache-2.0
#pragma once

// The card's pins in one clock cycle, the same for every data width: data lanes above the width are zero.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace aperture::tb {

/// AR or AW. AXI4-Lite uses it with id, len and burst 0.
struct AddressChannel {
  std::uint64_t addr{};
  std::uint64_t user{};
  std::uint8_t id{};
  std::uint8_t len{};
  std::uint8_t size{};
  std::uint8_t burst{};
  std::uint8_t prot{};
  bool valid{};
  bool ready{};
  bool lock{};            ///< exclusive access
  std::uint32_t qosid{};  ///< {MCID[11:0], RCID[11:0]}
};

struct WriteChannel {
  std::array<std::uint64_t, 2> data{};
  std::uint16_t strb{};
  bool last{};
  bool valid{};
  bool ready{};
};

struct AnswerChannel {
  std::uint8_t id{};
  std::uint8_t resp{};
  bool valid{};
  bool ready{};
};

struct ReadChannel {
  std::array<std::uint64_t, 2> data{};
  std::uint8_t id{};
  std::uint8_t resp{};
  bool poison{};
  bool last{};
  bool valid{};
  bool ready{};
};

struct AxiPins {
  AddressChannel aw;
  WriteChannel w;
  AnswerChannel b;
  AddressChannel ar;
  ReadChannel r;
};

/// Host registers (AXI4-Lite slave), external device port (slave), translated traffic and the IOMMU's own (masters).
enum class Port : std::uint8_t { kMmio, kDevice, kData, kIommu };
inline constexpr std::size_t kPorts = 4;
constexpr std::string_view name(Port port) {
  constexpr std::array<std::string_view, kPorts> kNames{"s_axil", "s_dev", "m_data", "m_iommu"};
  return kNames[static_cast<std::size_t>(port)];
}

enum class Channel : std::uint8_t { kAw, kW, kB, kAr, kR };
constexpr std::string_view name(Channel channel) {
  constexpr std::array<std::string_view, 5> kNames{"AW", "W", "B", "AR", "R"};
  return kNames[static_cast<std::size_t>(channel)];
}

/// What an access on m_iommu is for: its AxUSER (KIND_* in rtl/iommu/iommu_pkg.sv).
enum class IommuAccess : std::uint8_t { kWalk, kCommandQueue, kFaultQueue, kStore, kMsi, kMrif, kNoticeMsi };

/// Answer codes, AMBA AXI4 table A3-4.
enum class Resp : std::uint8_t { kOkay, kExokay, kSlverr, kDecerr };

// Streams of the device behind the device port, beside AXI (rtl/common/ats_pkg.sv).
enum class Stream : std::uint8_t { kAtsRequest, kAtsCompletion, kPageRequest, kMessage, kInvalidationCompletion };

struct AtsRequestPins {
  std::uint64_t iova{};
  std::uint32_t device_id{};
  std::uint32_t process_id{};
  std::uint8_t tag{};
  bool pv{};
  bool priv{};
  bool exec{};
  bool write{};
  bool valid{};
  bool ready{};
};

struct AtsCompletionPins {
  std::uint64_t page{};
  std::uint8_t tag{};
  std::uint8_t status{};  ///< as PCIe's completion status
  std::uint8_t lg{};      ///< log2 of the 4 KiB pages
  std::uint8_t pbmt{};
  bool r{};
  bool w{};
  bool x{};
  bool global{};
  bool priv{};
  bool untranslated{};
  bool valid{};
  bool ready{};
};

struct PageRequestPins {
  std::uint64_t payload{};
  std::uint32_t device_id{};
  std::uint32_t process_id{};
  bool pv{};
  bool priv{};
  bool exec{};
  bool valid{};
  bool ready{};
};

struct MessagePins {
  std::uint64_t payload{};
  std::uint32_t device_id{};
  std::uint32_t process_id{};
  std::uint8_t itag{};
  bool response{};  ///< page-request group response, else invalidation request
  bool dsv{};
  bool pv{};
  bool valid{};
  bool ready{};
};

struct InvalidationCompletionPins {
  std::uint32_t device_id{};
  std::uint32_t itags{};
  std::uint8_t cc{};
  bool valid{};
  bool ready{};
};

struct StreamPins {
  AtsRequestPins ats_req;
  AtsCompletionPins ats_rsp;
  PageRequestPins pr_req;
  MessagePins msg_out;
  InvalidationCompletionPins inv_cpl;
};

struct Pins {
  std::array<AxiPins, kPorts> axi{};
  StreamPins streams{};
  std::uint32_t wires{};
  std::uint8_t message_vector{};
  bool message_valid{};
  bool message_ready{};
  bool busy{};
  bool reset_n{};

  AxiPins& operator[](Port port) { return axi[static_cast<std::size_t>(port)]; }
  const AxiPins& operator[](Port port) const { return axi[static_cast<std::size_t>(port)]; }
};

}  // namespace aperture::tb
