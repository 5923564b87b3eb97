// SPDX-License-Identifier: Apache-2.0
#include "tb/sim_bus_card.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <utility>

#include "regs/registers.hpp"

namespace aperture::tb {
namespace {

/// Far more than any access needs.
constexpr std::uint64_t kAccessCycles = 1'000'000;
/// How long to wait for the clock to stop before STATUS is asked, which also tells a card that only counts cycles.
constexpr std::uint64_t kSettleCycles = 64;
constexpr std::uint32_t kIommuWires = 0xffff;
/// Bytes of a memory-resident interrupt file.
constexpr std::uint64_t kMrifSize = 512;
constexpr unsigned kLongestBurst = 256;

// m_data: id {port, id of the port}; AxUSER above what the device gave.
constexpr std::uint8_t kDevicePort = 0x10;
constexpr regs::Field kPbmt{"pbmt", 47, 2};
constexpr regs::Field kMsiTable{"msi_table", 49, 1};

std::unexpected<Error> not_built(const std::string& what) {
  return fail(Code::kUnsupported, ENOTSUP, fmt::format("the simulated card does not have {}", what));
}

Result<> in_range(std::string_view strap, std::uint64_t value, std::uint64_t first, std::uint64_t last) {
  if (value >= first && value <= last) return {};
  return fail(Code::kInvalid, EINVAL, fmt::format("{} is {} to {}, not {}", strap, first, last, value));
}

Result<> check(const Straps& s) {
  const bool hpm = regs::iommu::capabilities_f::hpm.get(s.capabilities) != 0;
  for (const auto& ok :
       {in_range("capabilities.PAS", regs::iommu::capabilities_f::pas.get(s.capabilities), 1, 56),
        in_range("hpm_counters", s.hpm_counters, hpm ? 1 : 0, 31),
        in_range("hpm_counter_bits", s.hpm_counter_bits, hpm ? 32 : 0, 64),
        in_range("ddt_levels_max", s.ddt_levels_max, 0, 3), in_range("vectors_log2", s.vectors_log2, 0, 4),
        in_range("queue_log2_max", s.queue_log2_max, 1, 31), in_range("rcid_bits", s.rcid_bits, 0, 12),
        in_range("mcid_bits", s.mcid_bits, 0, 12)}) {
    if (!ok) return std::unexpected(ok.error());
  }
  return {};
}

/// The capabilities of a strap value that the card does not show as they were asked for.
std::string missing(std::uint64_t asked, std::uint64_t shown) {
  std::uint64_t rest = asked ^ shown;
  std::string names;
  const auto add = [&](const std::string& name) { names += (names.empty() ? "" : ", ") + name; };
  for (const regs::Field& field : regs::iommu::capabilities_f::kAll) {
    if ((rest & field.mask()) == 0) continue;
    rest &= ~field.mask();
    add(field.width == 1 ? field.name : fmt::format("{}={}", field.name, field.get(asked)));
  }
  for (unsigned bit = 0; bit < 64; ++bit) {
    if ((rest >> bit & 1) != 0) add(fmt::format("bit {}", bit));
  }
  return names;
}

/// One INCR burst of the fewest beats that bring the access's very bytes, and of those the narrowest; of beats as wide
/// as the bus, the last of which brings more, if 256 beats are too few for that.
DeviceBurst burst_of(const DeviceAccess& access, unsigned bus_bytes) {
  DeviceBurst burst;
  burst.write = access.write;
  burst.who = {access.device_id, access.process_id, access.privileged, access.exec,
               access.type == AccessType::kTranslated ? Translation::kTranslated : Translation::kUntranslated};
  burst.address = access.iova;
  const auto beats = [&](unsigned size) {
    const std::uint64_t bytes = std::uint64_t{1} << size;
    return static_cast<unsigned>((access.iova % bytes + access.length + bytes - 1) / bytes);
  };
  const auto widest = static_cast<unsigned>(std::countr_zero(bus_bytes));
  burst.size = widest;
  for (unsigned size = widest; size-- != 0;) {
    const bool exact = (access.iova + access.length) % (std::uint64_t{1} << (size + 1)) == 0;
    if (beats(size) <= kLongestBurst && (!exact || beats(size) == beats(burst.size))) burst.size = size;
  }
  burst.beats = beats(burst.size);
  if (access.data) burst.data = *access.data;
  return burst;
}

}  // namespace

SimBusCard::SimBusCard(const Options& options) : bench_(Bench::start(options)) {
  bench_.divert_messages([this](std::uint64_t address, std::span<const std::byte> data) {
    sent_.msis.push_back({address, {data.begin(), data.end()}});
  });
}

SimBusCard::~SimBusCard() { bench_.divert_messages({}); }

Result<void> SimBusCard::reset(const Straps& straps) {
  if (auto ok = check(straps); !ok) return ok;
  bench_.reset(straps);
  sent_ = {};
  if (straps.capabilities == Straps{}.capabilities) return {};
  const std::uint64_t shown = read_register(regs::iommu::capabilities.offset, regs::iommu::capabilities.size);
  if (shown != straps.capabilities) return not_built("the capabilities " + missing(straps.capabilities, shown));
  return {};
}

void SimBusCard::write_memory(std::uint64_t address, std::span<const std::byte> data) {
  bench_.memory().write(address, data);
}

std::vector<std::byte> SimBusCard::read_memory(std::uint64_t address, std::size_t length) {
  std::vector<std::byte> bytes(length);
  bench_.memory().read(address, bytes);
  return bytes;
}

void SimBusCard::set_fault(std::uint64_t address, std::uint64_t length, MemoryFault fault) {
  bench_.memory().fault(address, length, fault);
}

void SimBusCard::write_register(std::uint32_t offset, unsigned size, std::uint64_t value) {
  card::Mmio& mmio = bench_.card().mmio();
  if (size == 8) {
    mmio.write64(card::Bar::kIommu, offset, value);
  } else {
    mmio.write32(card::Bar::kIommu, offset, static_cast<std::uint32_t>(value));
  }
}

std::uint64_t SimBusCard::read_register(std::uint32_t offset, unsigned size) {
  card::Mmio& mmio = bench_.card().mmio();
  return size == 8 ? mmio.read64(card::Bar::kIommu, offset) : mmio.read32(card::Bar::kIommu, offset);
}

Result<AccessResult> SimBusCard::access(const DeviceAccess& access) {
  DeviceBurst burst = burst_of(access, bench_.options().width / 8);
  if (burst.beats > kLongestBurst) {
    return not_built(
        fmt::format("bursts of {} bytes at {} bits of data; take width=128", access.length, bench_.options().width));
  }
  BusLog& log = bench_.log();
  log.clear();
  log.enable(true);
  const Completion completion = bench_.device().run(std::move(burst), kAccessCycles);
  if (!completion.done) {
    log.enable(false);
    return fail(
        Code::kTimedOut, ETIMEDOUT,
        fmt::format("the device waited {} cycles for the answer to its access to {:#x}", kAccessCycles, access.iova));
  }
  AccessResult result = seen(access, completion);
  log.enable(false);
  return result;
}

/// The entry of the MSI page table is the last that the walk read, and never cached: it names the file and the notice
/// also of an access that leaves both alone, a read or a write that is dropped.
void SimBusCard::name_mrif(std::uint64_t entry, AccessResult& result) {
  std::array<std::uint64_t, 2> word{};
  bench_.memory().read(entry, std::as_writable_bytes(std::span(word)));
  const std::uint64_t fctl = read_register(regs::iommu::fctl.offset, regs::iommu::fctl.size);
  if (regs::iommu::fctl_f::be.get(fctl) != 0) {
    for (std::uint64_t& w : word) w = std::byteswap(w);
  }
  result.pa = regs::msi_pte::w0::mrif.get(word[0]) << 9;
  result.notice = regs::msi_pte::w1::nppn.get(word[1]) << 12;
  result.nid = static_cast<std::uint32_t>(regs::msi_pte::w1::nid_low.get(word[1]) |
                                          regs::msi_pte::w1::nid_high.get(word[1]) << 10);
}

AccessResult SimBusCard::seen(const DeviceAccess& access, const Completion& completion) {
  AccessResult result;
  const Channel channel = access.write ? Channel::kAw : Channel::kAr;
  bool left = false;
  for (const BusEvent& event : bench_.log().events()) {
    if (event.port != Port::kData || event.channel != channel || (event.address.id & kDevicePort) == 0) continue;
    left = true;
    result.pa = event.address.addr;
    result.pbmt = static_cast<unsigned>(kPbmt.get(event.address.user));
    if (kMsiTable.get(event.address.user) != 0) result.msi = AccessResult::Msi::kFlat;
  }
  result.ok = left || completion.resp == Resp::kOkay;
  result.memory_error = left && completion.resp != Resp::kOkay;
  if (!result.ok) return result;
  if (!access.write && !result.memory_error) {
    result.data.assign(completion.data.begin(), completion.data.begin() + access.length);
  }
  if (left) return result;
  // Granted, and nothing left through m_data: a memory-resident interrupt file took it. Its notice may follow the
  // answer.
  result.msi = AccessResult::Msi::kMrif;
  bench_.settle(kAccessCycles);
  for (const BusEvent& event : bench_.log().events()) {
    if (event.port != Port::kIommu || (event.channel != Channel::kAr && event.channel != Channel::kAw)) continue;
    const auto kind = static_cast<IommuAccess>(event.address.user);
    if (kind == IommuAccess::kWalk) name_mrif(event.address.addr, result);
    if (kind == IommuAccess::kMrif) result.pa = event.address.addr & ~(kMrifSize - 1);
    if (kind == IommuAccess::kNoticeMsi) result.notice = event.address.addr;
  }
  for (const Messages::Msi& msi : sent_.msis) {
    if (msi.address != result.notice || result.notice == 0) continue;
    result.nid = 0;
    for (std::size_t i = msi.data.size(); i-- != 0;)
      result.nid = result.nid << 8 | std::to_integer<unsigned>(msi.data[i]);
  }
  return result;
}

Result<AtsResult> SimBusCard::ats(const DeviceAccess& access) {
  if (const auto result = bench_.device().ats(access, kAccessCycles)) return *result;
  return fail(Code::kTimedOut, ETIMEDOUT,
              fmt::format("the device waited {} cycles for the completion of its translation request for {:#x}",
                          kAccessCycles, access.iova));
}

Result<std::optional<unsigned>> SimBusCard::page_request(const PageRequest& request) {
  collect();
  const std::size_t before = sent_.group_responses.size();
  if (!bench_.device().page_request(request, kAccessCycles)) {
    return fail(Code::kTimedOut, ETIMEDOUT,
                fmt::format("the card did not take a page request within {} cycles", kAccessCycles));
  }
  settle(kAccessCycles);
  collect();
  namespace w1 = regs::cmd::w1;
  for (std::size_t i = before; i < sent_.group_responses.size(); ++i) {
    const Messages::GroupResponse& response = sent_.group_responses[i];
    if (response.device_id == request.device_id &&
        w1::ats_prgi.get(response.payload) == regs::page_request::payload::prgi.get(request.payload)) {
      return static_cast<unsigned>(w1::ats_code.get(response.payload));
    }
  }
  return std::nullopt;
}

void SimBusCard::complete_invalidation(std::uint32_t device_id, std::uint32_t itag_vector, unsigned cc) {
  bench_.device().complete_invalidation(device_id, itag_vector, cc, kAccessCycles);
}

void SimBusCard::collect() {
  const Messages found = bench_.device().messages();
  sent_.invalidations.insert(sent_.invalidations.end(), found.invalidations.begin(), found.invalidations.end());
  sent_.group_responses.insert(sent_.group_responses.end(), found.group_responses.begin(), found.group_responses.end());
}

Settled SimBusCard::settle(std::uint64_t max_cycles) {
  const std::uint64_t since = bench_.cycle();
  const auto passed = [&] { return bench_.cycle() - since; };
  Settled settled;
  do {
    const std::uint64_t left = max_cycles - std::min(passed(), max_cycles);
    settled.quiet = bench_.settle(std::min(left, kSettleCycles)) == Outcome::kIdle;
    if (settled.quiet) break;
    const std::uint32_t status = bench_.card().mmio().read32(card::Bar::kCard, regs::card::status.offset);
    settled.quiet = regs::card::status_f::busy.get(status) == 0;
  } while (!settled.quiet && passed() < max_cycles);
  settled.cycles = passed();
  return settled;
}

void SimBusCard::advance(std::uint64_t cycles) { bench_.run(cycles); }

Messages SimBusCard::messages() {
  collect();
  Messages sent = std::exchange(sent_, {});
  sent.wires = bench_.wires() & kIommuWires;
  return sent;
}

}  // namespace aperture::tb
