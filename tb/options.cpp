// SPDX-License-Identifier: Apache-2.0
#include "tb/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>
#include <utility>

#include "regs/registers.hpp"

namespace aperture::tb {
namespace {

constexpr unsigned kPasLsb = 32;
constexpr std::uint64_t kPasMask = std::uint64_t{0x3f} << kPasLsb;

constexpr std::array<std::pair<Profile, const char*>, 4> kProfiles{
    {{Profile::kIdeal, "ideal"}, {Profile::kDdr, "ddr"}, {Profile::kPcie, "pcie"}, {Profile::kHostile, "hostile"}}};

constexpr std::string_view kWritePrefix = "write:";
/// Registers: 17 bits of address.
constexpr std::uint32_t kRegisterSpace = 1U << 17;

std::unexpected<Error> bad(const std::string& key, const std::string& why) {
  return fail(Code::kInvalid, EINVAL, fmt::format("straps: /{}: {}", key, why));
}

Result<std::uint64_t> number(const std::string& key, const nlohmann::json& value, std::uint64_t max,
                             std::uint64_t min) {
  std::uint64_t n = 0;
  if (value.is_number_unsigned()) {
    n = value.get<std::uint64_t>();
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() < 3 || text[0] != '0' || text[1] != 'x') return bad(key, "expected a number or a string \"0x...\"");
    const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), n, 16);
    if (error != std::errc{} || end != text.data() + text.size()) return bad(key, "not a 64-bit hexadecimal number");
  } else {
    return bad(key, "expected a number or a string \"0x...\"");
  }
  if (n > max) return bad(key, fmt::format("{} is above the largest value {}", n, max));
  if (n < min) return bad(key, fmt::format("{} is below the smallest value {}", n, min));
  return n;
}

template <typename T>
Result<> set(T& to, const std::string& key, const nlohmann::json& value, std::uint64_t max, std::uint64_t min = 0) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_boolean()) return bad(key, "expected true or false");
    to = value.get<bool>();
  } else {
    const auto n = number(key, value, max, min);
    if (!n) return std::unexpected(n.error());
    to = static_cast<T>(*n);
  }
  return {};
}

Result<> set_one(Straps& s, const std::string& key, const nlohmann::json& value) {
  if (key == "capabilities") return set(s.capabilities, key, value, ~std::uint64_t{0});
  if (key == "fctl") return set(s.fctl, key, value, 7);
  if (key == "fctl_be_writable") return set(s.fctl_be_writable, key, value, 1);
  if (key == "fctl_gxl_writable") return set(s.fctl_gxl_writable, key, value, 1);
  if (key == "ddt_levels_max") return set(s.ddt_levels_max, key, value, 3);
  if (key == "device_id_mask") return set(s.device_id_mask, key, value, 0xffffff);
  if (key == "vectors_log2") return set(s.vectors_log2, key, value, 4);
  if (key == "queue_log2_max") return set(s.queue_log2_max, key, value, 31);
  if (key == "hpm_counters") return set(s.hpm_counters, key, value, 31, 1);
  if (key == "hpm_counter_bits") return set(s.hpm_counter_bits, key, value, 64, 32);
  if (key == "hpm_event_max") return set(s.hpm_event_max, key, value, 255);
  if (key == "rcid_bits") return set(s.rcid_bits, key, value, 12);
  if (key == "mcid_bits") return set(s.mcid_bits, key, value, 12);
  if (key == "ats_timeout") return set(s.ats_timeout, key, value, 0xffff'ffff);
  if (key == "port_id_base") return set(s.port_id_base, key, value, 0xffffff);
  if (key == "port_id_mask") return set(s.port_id_mask, key, value, 0xffffff);
  if (key == "reset_mode") {
    if (value != "off" && value != "bare") return bad(key, "expected \"off\" or \"bare\"");
    s.reset_bare = value == "bare";
    return {};
  }
  return bad(key, "unknown key");
}

}  // namespace

unsigned Straps::pas() const {
  const auto bits = static_cast<unsigned>((capabilities & kPasMask) >> kPasLsb);
  return std::clamp(bits, 13U, 56U);
}

void Straps::set_pas(unsigned bits) {
  capabilities = (capabilities & ~kPasMask) | std::uint64_t{bits & 0x3f} << kPasLsb;
}

const char* name(Profile profile) { return kProfiles[static_cast<std::size_t>(profile)].second; }

Result<Profile> parse_profile(const std::string& text) {
  for (const auto& [profile, known] : kProfiles) {
    if (text == known) return profile;
  }
  return fail(Code::kInvalid, EINVAL, fmt::format("memory profile \"{}\" is none of ideal, ddr, pcie, hostile", text));
}

std::string WaveTrigger::text() const {
  switch (kind) {
    case Kind::kFault:
      return "fault";
    case Kind::kWrite:
      return fmt::format("{}{:#x}", kWritePrefix, offset);
    default:
      return "none";
  }
}

Result<WaveTrigger> parse_wave_trigger(const std::string& text) {
  if (text == "fault") return WaveTrigger{WaveTrigger::Kind::kFault, 0};
  const auto refuse = [&](std::string_view why) {
    return fail(Code::kInvalid, EINVAL, fmt::format("sim: wave_trigger={} {}", text, why));
  };
  if (!text.starts_with(kWritePrefix)) return refuse("is neither fault nor write:OFFSET");
  const std::string_view digits = std::string_view(text).substr(kWritePrefix.size());
  const bool hex = digits.starts_with("0x");
  const char* first = digits.data() + (hex ? 2 : 0);
  const char* last = digits.data() + digits.size();
  std::uint32_t offset = 0;
  const auto [end, error] = std::from_chars(first, last, offset, hex ? 16 : 10);
  if (first == last || end != last || error != std::errc{} || offset >= kRegisterSpace) {
    return refuse("has no offset below 0x20000");
  }
  if (offset % 4 != 0) return refuse("has an offset that is not a multiple of 4");
  return WaveTrigger{WaveTrigger::Kind::kWrite, offset};
}

Result<Straps> parse_straps(const std::string& json) {
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (!parsed.is_object()) return fail(Code::kInvalid, EINVAL, "straps: not a JSON object");
  Straps straps;
  for (const auto& [key, value] : parsed.items()) {
    if (auto ok = set_one(straps, key, value); !ok) return std::unexpected(ok.error());
  }
  return straps;
}

Result<Straps> read_straps(const std::string& text) {
  if (text.starts_with('{')) return parse_straps(text);
  std::ifstream in(text);
  if (!in) return fail(Code::kEnvironment, ENOENT, fmt::format("straps file {} cannot be read", text));
  std::ostringstream content;
  content << in.rdbuf();
  auto straps = parse_straps(content.str());
  if (!straps) straps.error().what += " (" + text + ")";
  return straps;
}

std::expected<Straps, StrapError> parse_iommu_straps(const std::string& json) {
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  for (const auto& [key, value] : parsed.items()) {
    if (key.starts_with("port_id_")) return std::unexpected(StrapError{key, "unknown key"});
  }
  auto straps = parse_straps(json);
  if (straps) return *straps;
  // "straps: /key: why"
  const std::string& what = straps.error().what;
  const std::size_t key = what.find('/') + 1;
  const std::size_t why = what.find(": ", key);
  return std::unexpected(StrapError{what.substr(key, why - key), what.substr(why + 2)});
}

}  // namespace aperture::tb
