// SPDX-License-Identifier: Apache-2.0
#include "bench_rtl.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <random>
#include <stdexcept>
#include <utility>

#include "regs/registers.hpp"
#include "tb/bench.hpp"

namespace aperture::sw {

namespace {

using regs::IommuMode;
using tb::BusEvent;
using tb::Channel;
using tb::Port;

constexpr std::uint32_t kDevice = 5, kGuestDevice = 6;
constexpr std::uint64_t kIova = 0x40'0000'0000 / 4;
constexpr std::uint64_t kPages = 1024;
constexpr unsigned kStream = 1500;
constexpr std::uint64_t kPatience = 1'000'000;

// Where structures lie; memory below 4 GiB is ours.
constexpr std::uint64_t kFrame = 0x1000;
constexpr std::uint64_t kRoot = 0x1000'0000, kLevel1 = kRoot + kFrame, kLeaf = kRoot + 2 * kFrame;
constexpr std::uint64_t kTable2 = kRoot + 3 * kFrame, kTable1 = kRoot + 4 * kFrame, kTable0 = kRoot + 16 * kFrame;
constexpr std::uint64_t kGuestRoot = 0x1080'0000, kGuestTables = kGuestRoot + 4 * kFrame;
constexpr std::uint64_t kQueue = 0x1100'0000, kDone = 0x1200'0000, kData = 0x2000'0000;

/// The cycle laws speak of base-format device contexts.
tb::Options with_base_contexts(tb::Options options) {
  options.straps.capabilities &= ~regs::iommu::capabilities_f::msi_flat.mask();
  return options;
}

/// The card with its tables in memory: kPages pages at kIova are mapped for kDevice, and for kGuestDevice, which has a
/// second stage of 4 KiB pages besides.
class Rig {
 public:
  explicit Rig(const tb::Options& options) : bench(tb::Bench::start(with_base_contexts(options))) {
    build_tables();
    write64(regs::iommu::cqb, regs::iommu::cqb_f::ppn.set(7, kQueue >> 12));
    write32(regs::iommu::cqcsr, regs::iommu::cqcsr_f::cqen.mask());
    // Queue and ddtp are at once what they are to be; nothing is in flight.
    bench.run(100);
    directory(IommuMode::k1lvl);
    bench.log().enable(true);
  }

  void directory(IommuMode mode) {
    namespace f = regs::iommu::ddtp_f;
    const std::uint64_t root = mode == IommuMode::k3lvl ? kRoot : kLeaf;
    for (const IommuMode m : {IommuMode::kOff, mode}) {
      write64(regs::iommu::ddtp, f::ppn.set(f::iommu_mode.set(0, std::to_underlying(m)), root >> 12));
      wait([&] { return f::busy.get(read64(regs::iommu::ddtp)) == 0; }, "ddtp");
    }
  }

  /// IOFENCE.C with a completion store.
  void submit_fence(bool answers) {
    namespace w0 = regs::cmd::w0;
    std::uint64_t word = w0::iofence_av.mask() | (answers ? w0::iofence_pr.mask() | w0::iofence_pw.mask() : 0);
    word = w0::iofence_data.set(word, ++fences_);
    submit(regs::Opcode::kIofence, regs::Func3::kIofenceC, word, regs::cmd::w1::iofence_addr.set(0, kDone >> 2));
  }
  void wait_fence() {
    wait([&] { return bench.memory().read32(kDone) == fences_; }, "a fence");
    bench.settle();
  }
  /// Forgets pages, and contexts too.
  void forget(bool contexts) {
    submit(regs::Opcode::kIotinval, regs::Func3::kIotinvalVma, 0, 0);
    if (contexts) submit(regs::Opcode::kIodir, regs::Func3::kIodirInvalDdt, 0, 0);
    submit_fence(false);
    wait_fence();
    bench.log().clear();
  }

  tb::Ticket request(bool write, std::uint64_t page, unsigned id, std::uint64_t offset = 0,
                     std::uint32_t device = kDevice) {
    tb::DeviceBurst burst = bench.device().make({.device_id = device}, kIova + page * kFrame + offset, 8,
                                                static_cast<std::uint8_t>(id % 16));
    burst.write = write;
    if (write) burst.data.assign(8, std::byte{0x5a});
    return bench.device().submit(burst);
  }
  void finish(tb::Ticket ticket) {
    const tb::Completion c = bench.device().wait(ticket, kPatience);
    if (!c.done) throw std::runtime_error("a request of the device was not answered");
    if (c.resp != tb::Resp::kOkay) throw std::runtime_error("a request of the device was refused");
  }
  void touch(std::uint64_t page, std::uint32_t device = kDevice) {
    for (const bool write : {false, true}) finish(request(write, page, 0, 0, device));
    bench.log().clear();
  }
  std::vector<BusEvent> events(Port port, Channel channel) const { return bench.log().events(port, channel); }

  /// Cycles from ARVALID at s_dev to ARVALID at m_data of the only read there was.
  double latency() const {
    const auto in = events(Port::kDevice, Channel::kAr), out = events(Port::kData, Channel::kAr);
    if (in.size() != 1 || out.size() != 1) throw std::runtime_error("the card did not pass one read on as one read");
    return static_cast<double>(out[0].offered - in[0].offered);
  }
  double read_latency(std::uint64_t page, std::uint32_t device = kDevice) {
    bench.log().clear();
    finish(request(false, page, 0, 0, device));
    bench.settle();
    return latency();
  }

  tb::Bench& bench;

 private:
  void build_tables() {
    tb::Memory& m = bench.memory();
    const auto ddte = [](std::uint64_t table) { return regs::ddte::e::ppn.set(regs::ddte::e::v.mask(), table >> 12); };
    m.write64(kRoot, ddte(kLevel1));
    m.write64(kLevel1, ddte(kLeaf));
    namespace dc = regs::dc;
    for (const std::uint32_t device : {kDevice, kGuestDevice}) {
      const std::uint64_t context = kLeaf + dc::kSize * device;
      m.write64(context + 8 * dc::tc::kWord, dc::tc::v.mask());
      m.write64(context + 8 * dc::fsc::kWord,
                dc::fsc::mode.set(kTable2 >> 12, std::to_underlying(regs::SatpMode::kSv39)));
    }
    m.write64(kLeaf + dc::kSize * kGuestDevice + 8 * dc::iohgatp::kWord,
              dc::iohgatp::mode.set(kGuestRoot >> 12, std::to_underlying(regs::HgatpMode::kSv39x4)));
    namespace e = regs::pte::e;
    const auto pte = [](std::uint64_t address, std::uint64_t flags) { return e::ppn.set(flags, address >> 12); };
    const std::uint64_t leaf = e::v.mask() | e::r.mask() | e::w.mask() | e::u.mask() | e::a.mask() | e::d.mask();
    m.write64(kTable2 + 8 * (kIova >> 30 & 0x1ff), pte(kTable1, e::v.mask()));
    for (std::uint64_t i = 0; i < kPages; ++i) {
      const std::uint64_t table = kTable0 + kFrame * (i >> 9);
      m.write64(kTable1 + 8 * (i >> 9), pte(table, e::v.mask()));
      m.write64(table + 8 * (i & 0x1ff), pte(kData + kFrame * i, leaf));
    }
    // Second stage: guest physical addresses are the same as physical ones.
    m.write64(kGuestRoot, pte(kGuestTables, e::v.mask()));
    const auto map_guest = [&](std::uint64_t address) {
      const std::uint64_t table = kGuestTables + kFrame * (1 + (address >> 21));
      m.write64(kGuestTables + 8 * (address >> 21), pte(table, e::v.mask()));
      m.write64(table + 8 * (address >> 12 & 0x1ff), pte(address, leaf));
    };
    for (std::uint64_t table = kTable2; table < kTable0 + 4 * kFrame; table += kFrame) map_guest(table);
    for (std::uint64_t i = 0; i < kPages; ++i) map_guest(kData + kFrame * i);
  }

  void submit(regs::Opcode opcode, regs::Func3 func3, std::uint64_t word, std::uint64_t word1) {
    namespace w0 = regs::cmd::w0;
    const std::uint64_t entry = kQueue + regs::cmd::kSize * tail_;
    bench.memory().write64(entry,
                           w0::func3.set(w0::opcode.set(word, std::to_underlying(opcode)), std::to_underlying(func3)));
    bench.memory().write64(entry + 8, word1);
    tail_ = (tail_ + 1) % 256;
    write32(regs::iommu::cqt, tail_);
  }

  template <typename Happened>
  void wait(const Happened& happened, const char* what) {
    for (unsigned i = 0; i < 20'000 && !happened(); ++i) bench.run(10);
    if (!happened()) throw std::runtime_error(std::string("the card never finished ") + what);
  }
  void write64(const regs::Register& r, std::uint64_t v) {
    bench.card().mmio().write64(card::Bar::kIommu, r.offset, v);
  }
  void write32(const regs::Register& r, std::uint64_t v) {
    bench.card().mmio().write32(card::Bar::kIommu, r.offset, static_cast<std::uint32_t>(v));
  }
  std::uint64_t read64(const regs::Register& r) { return bench.card().mmio().read64(card::Bar::kIommu, r.offset); }

  std::uint32_t fences_ = 0;
  std::uint64_t tail_ = 0;
};

/// Clocks the card until everything that was submitted has been answered; the cycles that it took.
[[gnu::noinline]] std::uint64_t clock_hit_stream(tb::Bench& bench) {
  const std::uint64_t first = bench.cycle();
  bench.wait_until([&] { return bench.device().outstanding() == 0; }, kPatience, "a hit stream");
  return bench.cycle() - first;
}

class Measurement {
 public:
  Measurement(RtlFigures& figures, double& stream_seconds, const tb::Options& options)
      : figures_(figures), stream_seconds_(stream_seconds), options_(options), rig_(options) {}

  /// All rows, or the one of that name.
  void measure(const std::string& only) {
    const double l = options_.latency;
    const std::vector<std::pair<std::string, std::function<void()>>> rows{
        {"hit", [&] { hit(); }},
        {"hit stream, reads", [&] { stream("hit stream, reads", true, false); }},
        {"hit stream, writes", [&] { stream("hit stream, writes", false, true); }},
        {kBusiestRow, [&] { stream(kBusiestRow, true, true); }},
        {"context hit, IOTLB miss", [&] { context_hit(3 * l + 9); }},
        {"walk-cache hit", [&] { walk_cache_hit(l + 5); }},
        {"two stages, warm walk caches", [&] { two_stages(2 * l + 9); }},
        {"cold, 1-level directory",
         [&] {
           cold("cold, 1-level directory", "nothing cached; 1-level device directory",
                4 * l + (options_.width == 128 ? 12 : 14));
         }},
        {"64 random pages", [&] { random_pages(); }},
        {"64 pages round robin",
         [&] { round_robin("64 pages round robin", 64, "as 64 random pages, one after the other"); }},
        {"every page a miss",
         [&] { round_robin("every page a miss", kPages - 1, "as 64 random pages, each of 1023 pages once"); }},
        {"hit under miss", [&] { hit_under_miss(); }},
        {"fence", [&] { fence(); }},
        {"cold, 3-level directory", [&] {
           rig_.directory(IommuMode::k3lvl);
           cold("cold, 3-level directory", "nothing cached; 3-level device directory", 6 * l + 18);
         }}};
    std::string names;
    bool found = false;
    for (const auto& [name, run] : rows) {
      names += (names.empty() ? "\"" : ", \"") + name + '"';
      if (!only.empty() && only != name) continue;
      found = true;
      run();
    }
    if (!found) throw std::invalid_argument("no row \"" + only + "\"; there are " + names);
  }

 private:
  static constexpr const char* kStartStop = ": ARVALID at s_dev to ARVALID at m_data";

  void add(const std::string& name, const std::string& definition, double value, const char* unit,
           std::optional<double> law, bool at_least = false) {
    figures_.rows.push_back({name, definition, options_.width, options_.latency, value, unit, law, at_least});
  }

  void hit() {
    rig_.touch(0);
    add("hit", std::string("read, page and context cached, id 0") + kStartStop, rig_.read_latency(0), "cycles", 2);
  }

  void context_hit(double law) {
    rig_.forget(true);
    rig_.touch(1);
    rig_.forget(false);
    add("context hit, IOTLB miss", std::string("read, context cached, page and its tables not, id 0") + kStartStop,
        rig_.read_latency(2), "cycles", law);
  }

  void walk_cache_hit(double law) {
    rig_.forget(true);
    rig_.touch(1);
    add("walk-cache hit", std::string("read, context and last-level table known, page not, id 0") + kStartStop,
        rig_.read_latency(2), "cycles", law);
  }

  void two_stages(double law) {
    rig_.forget(true);
    rig_.touch(1, kGuestDevice);
    add("two stages, warm walk caches", std::string("the same behind a second stage of 4 KiB pages, id 0") + kStartStop,
        rig_.read_latency(2, kGuestDevice), "cycles", law);
  }

  void cold(const std::string& name, const std::string& what, double law) {
    rig_.forget(true);
    add(name, "read, " + what + ", id 0" + kStartStop, rig_.read_latency(0), "cycles", law);
  }

  /// Requests a cycle that leave on m_data, from the first to the last.
  double rate(Channel channel) const {
    const auto out = rig_.events(Port::kData, channel);
    if (out.size() != kStream) throw std::runtime_error("the card did not pass a stream on");
    return static_cast<double>(out.size() - 1) / static_cast<double>(out.back().accepted - out.front().accepted);
  }

  std::vector<tb::Ticket> submit_stream(bool reads, bool writes) {
    std::vector<tb::Ticket> tickets;
    for (unsigned i = 0; i < kStream; ++i) {
      if (reads) tickets.push_back(rig_.request(false, i % 16, i, 8 * (i % 512)));
      if (writes) tickets.push_back(rig_.request(true, i % 16, i, 8 * (i % 512)));
    }
    return tickets;
  }

  void stream(const char* name, bool reads, bool writes) {
    for (std::uint64_t page = 0; page < 16; ++page) rig_.touch(page);
    for (const tb::Ticket ticket : submit_stream(reads, writes)) rig_.finish(ticket);
    const double value = (reads ? rate(Channel::kAr) : 0) + (writes ? rate(Channel::kAw) : 0);
    add(name,
        std::to_string(kStream) +
            " requests a direction to 16 cached pages, ids 0 to 15 in turn, one offered a "
            "cycle: handshakes on m_data from the first to the last",
        value, "requests/cycle", reads && writes ? 2 : 1, true);
    // Once more for the clock's speed, without keeping a log of every handshake.
    rig_.bench.log().enable(false);
    const std::vector<tb::Ticket> again = submit_stream(reads, writes);
    const auto start = std::chrono::steady_clock::now();
    figures_.stream_cycles += clock_hit_stream(rig_.bench);
    stream_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (const tb::Ticket ticket : again) rig_.finish(ticket);
    rig_.bench.log().enable(true);
  }

  double cycles_a_read(const std::vector<std::uint64_t>& pages) {
    rig_.forget(true);
    rig_.touch(kPages - 1);
    std::vector<tb::Ticket> tickets;
    for (std::size_t i = 0; i < pages.size(); ++i) {
      tickets.push_back(rig_.request(false, pages[i], static_cast<unsigned>(i)));
    }
    for (const tb::Ticket ticket : tickets) rig_.finish(ticket);
    const auto in = rig_.events(Port::kDevice, Channel::kAr), out = rig_.events(Port::kData, Channel::kAr);
    std::uint64_t last = 0;
    for (const BusEvent& event : out) last = std::max(last, event.accepted);
    return static_cast<double>(last - in.front().offered) / static_cast<double>(pages.size());
  }

  void random_pages() {
    std::mt19937_64 random(options_.seed);
    std::vector<std::uint64_t> pages(1024);
    for (std::uint64_t& page : pages) page = random() % 64;
    add("64 random pages",
        "1024 reads, ids 0 to 15 in turn, context cached, IOTLB empty at first: cycles from the first "
        "ARVALID at s_dev to the last AR handshake on m_data, for each read",
        cycles_a_read(pages), "cycles/read", {});
  }

  void round_robin(const char* name, std::uint64_t count, const char* definition) {
    std::vector<std::uint64_t> pages(1024);
    for (std::size_t i = 0; i < pages.size(); ++i) pages[i] = i % count;
    add(name, definition, cycles_a_read(pages), "cycles/read", {});
  }

  void hit_under_miss() {
    rig_.forget(true);
    rig_.touch(0);
    const tb::Ticket miss = rig_.request(false, 3, 0);
    rig_.bench.run(4);
    const tb::Ticket hit = rig_.request(false, 0, 1);
    rig_.finish(miss);
    rig_.finish(hit);
    const auto in = rig_.events(Port::kDevice, Channel::kAr), out = rig_.events(Port::kData, Channel::kAr);
    const auto of = [](const std::vector<BusEvent>& all) {
      for (const BusEvent& event : all) {
        if ((event.address.id & 0xf) == 1) return event.offered;
      }
      throw std::runtime_error("the card did not pass a read on");
    };
    add("hit under miss",
        std::string("read of id 1, cached, 4 cycles or more after one of id 0 that walks") + kStartStop,
        static_cast<double>(of(out) - of(in)), "cycles", {});
  }

  void fence() {
    rig_.touch(0);
    rig_.bench.device().hold(Channel::kW, true);
    const tb::Ticket write = rig_.request(true, 0, 0);
    rig_.bench.run(50);
    rig_.submit_fence(true);
    rig_.bench.run(10 * options_.latency + 200);
    rig_.bench.log().clear();
    rig_.bench.device().hold(Channel::kW, false);
    rig_.finish(write);
    rig_.wait_fence();
    const auto last = rig_.events(Port::kData, Channel::kB), store = rig_.events(Port::kIommu, Channel::kAw);
    if (last.size() != 1 || store.size() != 1) throw std::runtime_error("the card did not carry a fence out");
    add("fence",
        "IOFENCE.C(PR, PW, AV), already fetched, after the last older event: B handshake of an older write on "
        "m_data to AWVALID of the completion store on m_iommu",
        static_cast<double>(store[0].offered) - static_cast<double>(last[0].accepted), "cycles", 40);
  }

  RtlFigures& figures_;
  double& stream_seconds_;
  const tb::Options& options_;
  Rig rig_;
};

/// What this machine does with a chain of dependent integer operations, so that speeds of two machines can be compared.
double calibrate() {
  constexpr std::uint64_t kSteps = 20'000'000;
  std::uint64_t x = 88'172'645'463'325'252;
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < kSteps; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  // The result is used, or the loop would go.
  return x == 0 ? 0 : static_cast<double>(kSteps) / seconds.count() / 1e6;
}

}  // namespace

RtlFigures measure_rtl(const RtlPlan& plan, const std::function<void(double)>& progress) {
  RtlFigures figures;
  double stream_seconds = 0;
  figures.calibration_mhz = calibrate();
  const auto runs = static_cast<double>(plan.widths.size() * plan.latencies.size());
  double done = 0;
  std::uint64_t first = 0;
  for (const unsigned width : plan.widths) {
    for (const unsigned latency : plan.latencies) {
      tb::Options options;
      options.width = width;
      options.latency = latency;
      options.seed = plan.seed;
      if (done == 0) first = tb::Bench::start(options).cycle();
      Measurement(figures, stream_seconds, options).measure(plan.row);
      done += 1;
      if (progress) progress(done / runs);
    }
  }
  if (stream_seconds > 0) figures.simulated_khz = static_cast<double>(figures.stream_cycles) / stream_seconds / 1000;
  figures.cycles = tb::Bench::instance()->cycle() - first;
  return figures;
}

}  // namespace aperture::sw
