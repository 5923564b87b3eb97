// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <sstream>
#include <vector>

#include "demo/steps.hpp"
#include "ioas/ioas.hpp"

namespace aperture::sw::demo {

namespace {

constexpr std::uint32_t kNicId = 0x40;
constexpr std::uint32_t kLegacyId = 0x41;
constexpr std::uint32_t kSimpleId = 0x50;
constexpr std::uint32_t kSecondId = 0x51;

ioas::Window window(const char* name, Range<GuestPhysical> range) {
  ioas::Window result;
  result.name = name;
  result.base = Iova{range.first.value};
  result.size = range.extent() + 1;
  return result;
}

Json ranges_json(const std::vector<IovaRange>& ranges) {
  Json list = Json::array();
  for (const IovaRange& range : ranges) {
    list.push_back(range_json(range));
  }
  return list;
}

/// The text behind a margin.
std::string indented(const std::string& text) {
  std::istringstream lines(text);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    result += "      " + line + "\n";
  }
  return result;
}

/// The blocked window of a refusal, if it is the one that the demo expects.
const ioas::WindowReport* blocked_by_mask(const ioas::Report& report, const std::string& device) {
  for (const ioas::WindowReport& one : report.windows) {
    const bool blamed = std::ranges::any_of(one.blockers, [&](const ioas::Blocker& blocker) {
      return blocker.cause == ioas::Cause::kDmaMask && blocker.device == device;
    });
    if (one.verdict == ioas::Verdict::kBlocked && blamed) {
      return &one;
    }
  }
  return nullptr;
}

}  // namespace

Json negotiate_windows(Session& session) {
  ioas::Device& nic = session.add_device("nic", kNicId, 48);
  ioas::Device& legacy = session.add_device("legacy", kLegacyId, 32);
  ioas::Ioas guest(session.platform());
  Json section = {{"windows", Json::array()}};
  for (const auto& placed :
       take(guest.require({window("ram-low", GuestMemory::kLow), window("ram-high", GuestMemory::kHigh)}))) {
    section["windows"].push_back(
        {{"name", placed.window.name}, {"range", range_json(placed.range)}, {"size", ioas::size_text(placed.range)}});
  }
  const ioas::Attached attached = take(guest.attach(nic));
  section["attached"] = {{"device", nic.name()},
                         {"dma_mask", hex(nic.dma_mask())},
                         {"format", attached.format},
                         {"levels", attached.levels},
                         {"ranges", ranges_json(guest.ranges().ranges)}};
  const auto refused = guest.attach(legacy);
  if (!check(section, "the device with the 32-bit mask is refused", !refused)) {
    return section;
  }
  const ioas::Refusal& refusal = refused.error();
  section["refused"] = {{"device", legacy.name()},
                        {"dma_mask", hex(legacy.dma_mask())},
                        {"errno", strerrorname_np(refusal.number)},
                        {"text", ioas::to_text(*refusal.report)},
                        {"report", ioas::to_json(*refusal.report)}};
  const ioas::WindowReport* blocked = blocked_by_mask(*refusal.report, legacy.name());
  check(section, "the refusal names window, range, device and cause, and an alternative",
        refusal.number == EADDRINUSE && blocked != nullptr && blocked->name == "ram-high" &&
            !blocked->alternatives.empty());
  check(section, "the refused attach has changed nothing", guest.attached() == std::vector<ioas::Device*>{&nic});
  return section;
}

std::string windows_text(const Json& section) {
  std::string text = "\n2. Windows\n   a q35 guest needs";
  for (const Json& one : section.at("windows")) {
    text += fmt::format(" {} {} ({})", string_of(one, "name"), range_text(one.at("range")), string_of(one, "size"));
  }
  const Json& attached = section.at("attached");
  text += fmt::format("\n   {}, DMA mask {}, attaches: {}, {} levels; usable", string_of(attached, "device"),
                      string_of(attached, "dma_mask"), string_of(attached, "format"), number_of(attached, "levels"));
  for (const Json& range : attached.at("ranges")) {
    text += " " + range_text(range);
  }
  if (section.contains("refused")) {
    const Json& refused = section.at("refused");
    text += fmt::format("\n   {}, DMA mask {}: {}\n{}", string_of(refused, "device"), string_of(refused, "dma_mask"),
                        string_of(refused, "errno"), indented(string_of(refused, "text")));
  }
  return text;
}

Json serve_simple_user(Session& session) {
  constexpr std::uint64_t kHalf = 64 * 1024;
  ioas::Device& first = session.add_device("first", kSimpleId);
  ioas::Device& second = session.add_device("second", kSecondId);
  const GuestMemory memory;
  const std::span<std::byte> buffer = memory.at({0}, 2 * kHalf);
  const auto source = buffer.first(kHalf);
  const auto destination = buffer.last(kHalf);
  for (std::size_t i = 0; i < kHalf; ++i) {
    source[i] = static_cast<std::byte>(i * 7 + i / 251);
  }

  Json section = Json::object();
  const auto copies = [&](unsigned channel, std::uint32_t device_id, Iova base) {
    std::ranges::fill(destination, std::byte{0});
    const auto opened = take(dma::Channel::open(session.iommu(), channel, {.device_id = device_id}));
    return take(opened->copy(base, base + kHalf, kHalf)).ok() && std::ranges::equal(source, destination);
  };

  ioas::Ioas simple(session.platform());
  const ioas::Attached attached = take(simple.attach(first));
  const Iova iova = take(simple.map(buffer.data(), buffer.size(), ioas::Prot::kReadWrite));
  section["simple"] = {{"device", first.name()},
                       {"format", attached.format},
                       {"levels", attached.levels},
                       {"iova", hex(iova.value)},
                       {"bytes", kHalf}};
  check(section, "attach, map without an address, DMA: the bytes are there", copies(0, kSimpleId, iova));

  const auto clone = take(simple.clone());
  take(clone->attach(second));
  section["clone"] = {{"device", second.name()}, {"maps", clone->map_count()}};
  check(section, "a clone of its IOAS does the same for a second device", copies(1, kSecondId, iova));
  const auto info = clone->lookup(iova);
  const auto original = simple.lookup(iova);
  check(section, "both share the pinned pages", info && original && info->pages == original->pages);
  return section;
}

std::string simple_text(const Json& section) {
  const Json& simple = section.at("simple");
  return fmt::format(
      "   A device without wishes ({}, {} levels) gets its buffer at {} and copies {} bytes.\n"
      "   Its IOAS is cloned, {} map, for the device \"{}\".\n",
      string_of(simple, "format"), number_of(simple, "levels"), string_of(simple, "iova"), number_of(simple, "bytes"),
      number_of(section.at("clone"), "maps"), string_of(section.at("clone"), "device"));
}

}  // namespace aperture::sw::demo
