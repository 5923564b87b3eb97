// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/types.hpp"
#include "formats/json.hpp"
#include "ioas/device.hpp"
#include "run/table.hpp"

namespace aperture::sw::run {

using formats::Complaint;
using formats::Json;

/// Whose translation a device is behind.
enum class Home : std::uint8_t {
  kRiscv,  ///< the card's IOMMU
  kHost,   ///< the kernel's
  kMemory  ///< a table in the program
};

struct DeviceSpec {
  std::string name;
  Home home{Home::kRiscv};
  std::uint64_t device_id{};
  std::optional<std::uint64_t> channel;
  std::uint64_t dma_bits{64};
  std::optional<std::uint64_t> page_sizes;
  std::vector<ioas::DeviceReservation> reserved;
  std::vector<IovaRange> apertures;                  ///< kMemory: ascending
  std::optional<std::uint64_t> domain_page_sizes{};  ///< kMemory
};

/// One scenario whose form is right.
struct Scenario {
  std::string name;
  std::string description;
  std::string place;             ///< "FILE", "FILE:LINE"
  std::filesystem::path folder;  ///< of the file: what it names is found from there
  std::optional<std::uint64_t> seed;
  std::string straps;  ///< a JSON object; empty: none
  std::string profile;
  std::vector<DeviceSpec> devices;
  Json steps;

  /// Whether a device is behind the card's IOMMU.
  bool needs_card() const;
};

/// A scenario from its document, or what is wrong with its form.
std::expected<Scenario, Complaint> parse_scenario(const Json& document);

/// All scenarios of a file: one, or one a line where its name ends in .jsonl; .gz is read too. kEnvironment: it cannot
/// be read; kInvalid, naming line and JSON pointer: the form is wrong.
Result<std::vector<Scenario>> read_scenarios(const std::filesystem::path& file);

}  // namespace aperture::sw::run
