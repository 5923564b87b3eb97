// SPDX-License-Identifier: Apache-2.0
// aperture bench ioas: what the driver's books and page tables cost the host, beside what is promised for them.
#include "bench_ioas.hpp"

#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <string_view>

#include "bench_tables.hpp"
#include "ioas/ioas.hpp"
#include "ioas/memory_domain.hpp"
#include "ioas/projection.hpp"
#include "options.hpp"
#include "output.hpp"

namespace aperture::sw {
namespace {

namespace po = boost::program_options;
using ioas::Ioas;

// Nothing looks behind it: no device is attached where it is mapped.
std::byte* const kNowhere = reinterpret_cast<std::byte*>(std::uintptr_t{1} << 30);
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

/// One map and one unmap of memory in such frames, behind a page table.
void map_size(benchmark::State& state, std::uint64_t frame) {
  HostTables tables;
  FramePins pins(frame);
  TableDevice device(tables, pins);
  ioas::Platform platform;
  Ioas space(platform);
  if (!space.attach(device)) std::abort();
  const auto length = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    const auto iova = space.map(kNowhere, length, ioas::Prot::kReadWrite, Iova{kGiB});
    if (!iova || !space.unmap(*iova, length)) std::abort();
  }
}

/// One copy and one unmap of what `state.range(0)` maps of 4 KiB in another space have, behind a page table.
void copy(benchmark::State& state) {
  HostTables tables;
  FramePins pins(kPageSize);
  TableDevice device(tables, pins);
  ioas::Platform platform;
  Ioas staging(platform, {.eager_pin = &pins});
  Ioas space(platform);
  if (!space.attach(device)) std::abort();
  const auto maps = static_cast<std::uint64_t>(state.range(0));
  for (std::uint64_t i = 0; i < maps; ++i) {
    if (!staging.map(kNowhere, kPageSize, ioas::Prot::kReadWrite, Iova{kGiB + i * kPageSize})) std::abort();
  }
  for (auto _ : state) {
    const auto iova = space.copy(staging, Iova{kGiB}, maps * kPageSize, ioas::Prot::kReadWrite, Iova{kGiB});
    if (!iova || !space.unmap(*iova, maps * kPageSize)) std::abort();
  }
}

/// What a guest's IOMMU does: 4 KiB of guest memory at a random IOVA of a bus, and away again, in a space that so many
/// others follow, each behind a page table of its own.
void churn(benchmark::State& state) {
  HostTables tables;
  FramePins pins(kPageSize);
  std::vector<std::unique_ptr<TableDevice>> devices;
  ioas::Platform platform;
  Ioas ram(platform, {.eager_pin = &pins});
  Ioas bus(platform);
  std::vector<std::unique_ptr<Ioas>> followers;
  std::vector<std::unique_ptr<ioas::Projection>> projections;
  if (!ram.map(kNowhere, kGiB, ioas::Prot::kReadWrite, Iova{0})) std::abort();
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    devices.push_back(std::make_unique<TableDevice>(tables, pins));
    followers.push_back(std::make_unique<Ioas>(platform));
    if (!followers.back()->attach(*devices.back())) std::abort();
    auto follows = ioas::Projection::begin(platform, bus, {{0}, {kGiB - 1}}, *followers.back(), Iova{0});
    if (!follows) std::abort();
    projections.push_back(std::move(*follows));
  }
  constexpr std::uint64_t kMapped = 4096;  // pages, of 2^18
  std::vector<Iova> at(kMapped);
  std::uint64_t random = 1;
  const auto place = [&](Iova& iova) {
    for (;;) {
      random = random * 6364136223846793005U + 1442695040888963407U;
      iova = {(random >> 46) * kPageSize};
      if (bus.copy(ram, iova, kPageSize, ioas::Prot::kReadWrite, iova)) return;
    }
  };
  for (Iova& iova : at) place(iova);
  std::size_t next = 0;
  for (auto _ : state) {
    if (!bus.unmap(at[next], kPageSize)) std::abort();
    place(at[next]);
    next = (next + 1) % at.size();
  }
}

/// One map and one unmap without an address, beside `state.range(0)` maps with a gap behind each eighth.
void map_and_unmap(benchmark::State& state) {
  ioas::Platform platform;
  Ioas space(platform);
  const auto count = static_cast<std::uint64_t>(state.range(0));
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!space.map(kNowhere, kPageSize, ioas::Prot::kRead, Iova{(i + i / 8 + 1) * kPageSize})) std::abort();
  }
  std::uint64_t next = 0;
  std::uint64_t x = 1;
  for (auto _ : state) {
    x = x * 6364136223846793005U + 1442695040888963407U;
    const Iova old{((x >> 33) % count / 8 * 9 + 1) * kPageSize};  // the first of a group of eight
    benchmark::DoNotOptimize(space.unmap(old, kPageSize));
    benchmark::DoNotOptimize(space.map(kNowhere, kPageSize, ioas::Prot::kRead, old));
    const auto iova = space.map(kNowhere, 2 * kPageSize, ioas::Prot::kRead);
    if (!iova || !space.unmap(*iova, 2 * kPageSize)) std::abort();
    ++next;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(next));
}

void negotiate(benchmark::State& state) {
  const auto count = static_cast<std::uint64_t>(state.range(0));
  ioas::MemoryPins pins;
  std::vector<std::unique_ptr<ioas::MemoryDevice>> devices;
  std::vector<ioas::Device*> all;
  std::vector<ioas::Window> windows;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Iova hole{(1000 + i) * kGiB};
    devices.push_back(std::make_unique<ioas::MemoryDevice>(
        fmt::format("device {}", i), static_cast<std::uint32_t>(i), pins,
        ioas::MemoryDeviceOptions{{}, {{{hole, hole + (kGiB - 1)}, ioas::Cause::kMsi}}, 48}));
    all.push_back(devices.back().get());
    ioas::Window window{.name = fmt::format("window {}", i), .size = kGiB};
    if (i % 2 == 0) window.base = Iova{(i + 4) * kGiB};
    windows.push_back(window);
  }
  ioas::Platform platform;
  Ioas space(platform);
  for (auto _ : state) {
    if (!space.negotiate(windows, all)) std::abort();
  }
}

/// Seconds of this thread's own.
double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

constexpr std::uint64_t kTableBytes = 512 * kPageSize;
constexpr std::uint64_t kRuns = 64;

/// The time to store, or to clear, `state.range(0)` entries of 4 KiB in each of kRuns places of a page table.
/// `scattered`: on the bus. `fresh`: with the tables that they need; else each begins in the middle of a table, and is
/// no longer than that it ends in the next one, and both are there.
void page_table(benchmark::State& state, bool clears, bool scattered, bool fresh) {
  HostTables tables;
  riscv::TablePool pool(tables);
  auto table = riscv::PageTable<riscv::Sv39>::create(pool);
  if (!table) std::abort();
  const std::uint64_t bytes = static_cast<std::uint64_t>(state.range(0)) * kPageSize;
  std::vector<card::BusExtent> extents;
  const std::uint64_t each = scattered ? kPageSize : bytes;
  for (std::uint64_t at = 0; at < bytes; at += each) {
    extents.push_back({BusAddress{kPageSize + at * (scattered ? 3 : 1)}, each});
  }
  const std::uint64_t stride = bytes + kTableBytes;
  const auto map = [&](std::uint64_t at, std::uint64_t length) {
    if (!table->map(Iova{at}, length, riscv::ExtentCursor(extents, 0), true, kPageSize)) std::abort();
  };
  const auto place = [&](std::uint64_t run) { return kGiB + run * stride + (fresh ? 0 : kTableBytes / 2); };
  for (std::uint64_t run = 0; run < kRuns && !fresh; ++run) {  // what keeps both tables there
    map(kGiB + run * stride, kPageSize);
    map(kGiB + run * stride + stride - kPageSize, kPageSize);
  }
  for (auto _ : state) {
    const double start = thread_seconds();
    for (std::uint64_t run = 0; run < kRuns; ++run) map(place(run), bytes);
    const double stored = thread_seconds();
    riscv::Removed removed;
    riscv::Quarantine quarantine;
    for (std::uint64_t run = 0; run < kRuns; ++run) {
      table->unmap({Iova{place(run)}, Iova{place(run) + (bytes - 1)}}, removed, quarantine);
    }
    const double cleared = thread_seconds();
    state.SetIterationTime(clears ? cleared - stored : stored - start);
  }
}

/// As many words in as many places, a plain loop for each: no work on a page table is less.
void store_loop(benchmark::State& state) {
  const auto entries = static_cast<std::size_t>(state.range(0));
  const std::size_t stride = entries + kTableBytes / kPageSize;
  std::vector<std::uint64_t> words(stride * kRuns);
  for (auto _ : state) {
    const double start = thread_seconds();
    for (std::size_t run = 0; run < kRuns; ++run) {
      std::uint64_t* const first = words.data() + run * stride;
      std::uint64_t value = 0xdf;
      for (std::size_t i = 0; i < entries; ++i, value += 1024) first[i] = value;
      benchmark::ClobberMemory();
    }
    state.SetIterationTime(thread_seconds() - start);
  }
}

/// Keeps the nanoseconds of each run.
class Collector final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const std::string name = run.run_name.str();
      const bool manual = name.ends_with("/manual_time");
      nanoseconds_[name.substr(0, name.find('/', name.find('/') + 1))] =
          manual ? run.GetAdjustedRealTime() / static_cast<double>(kRuns) : run.GetAdjustedCPUTime();
    }
  }
  /// Of what was registered by that name, at that size.
  double operator()(std::string_view name, std::int64_t size) const {
    return nanoseconds_.at(fmt::format("{}/{}", name, size));
  }

 private:
  std::map<std::string, double> nanoseconds_;
};

/// Entries that one map stores; the second also fills tables from end to end.
constexpr std::array<std::int64_t, 2> kEntries{512, 8192};
constexpr std::array<std::pair<std::int64_t, const char*>, 4> kSizes{
    {{4096, "4 KiB"}, {2 << 20, "2 MiB"}, {64 << 20, "64 MiB"}, {1 << 30, "1 GiB"}}};

Json row(const std::string& name, const char* unit, double value, std::optional<double> at_most) {
  Json json{{"name", name}, {"value", value}, {"unit", unit}};
  if (at_most) json["at_most"] = *at_most;
  return json;
}

std::string rows_text(const Json& section) {
  std::string text = "\n";
  for (const Json& one : section.at("rows")) {
    const std::string law =
        one.contains("at_most") ? fmt::format("at most {:g}", one.at("at_most").get<double>()) : std::string();
    text += fmt::format("   {:<52} {:>10.4g} {:<8} {}\n", string_of(one, "name"), one.at("value").get<double>(),
                        string_of(one, "unit"), law);
  }
  return text;
}

}  // namespace

Exit run_bench_ioas(const Arguments& arguments) {
  double seconds = 0;
  po::options_description own("Options");
  own.add_options()("seconds", po::value(&seconds)->default_value(0.2)->value_name("S"), "for each figure, at least");
  po::positional_options_description none;
  po::variables_map values;
  const CommonOptions common = parse("bench ioas", arguments, own, none, values);
  if (!(seconds > 0 && seconds <= 60)) throw UsageError(fmt::format("--seconds cannot be {}", seconds));

  const auto add = [&](const std::string& name, auto&& function, std::int64_t size) {
    return benchmark::RegisterBenchmark(name.c_str(), function)->Arg(size)->MinTime(seconds);
  };
  for (const auto& [size, text] : kSizes) {
    add(
        "map in frames", [](benchmark::State& state) { map_size(state, kPageSize); }, size);
    add(
        "map in one", [](benchmark::State& state) { map_size(state, kGiB); }, size);
  }
  for (const std::int64_t maps : {10, 1'000, 1'000'000}) add("map beside", map_and_unmap, maps);
  for (const std::int64_t maps : {1, 512}) add("copy", copy, maps);
  add("negotiate", negotiate, 64);
  for (const std::int64_t followers : {1, 4, 16}) add("churn", churn, followers);
  for (const std::int64_t entries : kEntries) {
    add("loop", store_loop, entries)->UseManualTime();
    add(
        "store", [](benchmark::State& s) { page_table(s, false, false, false); }, entries)
        ->UseManualTime();
    add(
        "clear", [](benchmark::State& s) { page_table(s, true, false, false); }, entries)
        ->UseManualTime();
    add(
        "scattered", [](benchmark::State& s) { page_table(s, false, true, false); }, entries)
        ->UseManualTime();
    add(
        "fresh", [](benchmark::State& s) { page_table(s, false, false, true); }, entries)
        ->UseManualTime();
  }
  Collector took;
  benchmark::RunSpecifiedBenchmarks(&took);

  Json section{{"rows", Json::array()}};
  const auto figure = [&](const std::string& name, const char* unit, double value, std::optional<double> law = {}) {
    section["rows"].push_back(row(name, unit, value, law));
    if (law) check(section, fmt::format("{}: at most {:g} {}", name, *law, unit), value <= *law);
  };
  for (const auto& [size, text] : kSizes) {
    figure(fmt::format("map and unmap {} in frames of 4 KiB", text), "ns", took("map in frames", size));
    figure(fmt::format("map and unmap {} in one piece", text), "ns", took("map in one", size));
  }
  for (const std::int64_t maps : {10, 1'000, 1'000'000}) {
    figure(fmt::format("two maps and two unmaps beside {} maps", maps), "ns", took("map beside", maps));
  }
  figure("the last over the one before", "times", took("map beside", 1'000'000) / took("map beside", 1'000), 4);
  figure("copy and unmap a map of 4 KiB", "ns", took("copy", 1));
  figure("copy and unmap 512 maps of 4 KiB, for each", "ns", took("copy", 512) / 512);
  figure("negotiate 64 windows for 64 devices", "ms", took("negotiate", 64) / 1e6, 1);
  for (const std::int64_t followers : {1, 4, 16}) {
    figure(fmt::format("map and unmap 4 KiB that {} space{}", followers, followers == 1 ? " follows" : "s follow"),
           "ns", took("churn", followers));
  }
  for (const std::int64_t entries : kEntries) {
    const double plain = took("loop", entries);
    const auto over = [&](const char* what, const char* name, std::optional<double> law = {}) {
      figure(fmt::format("{} entries: {} over the loop", entries, what), "times", took(name, entries) / plain, law);
    };
    figure(fmt::format("{} entries: plain loop that stores as many words", entries), "ns", plain);
    over("store", "store", 1.3);
    over("look and clear", "clear");
    over("store, scattered on the bus,", "scattered");
    over("store, with the tables for them,", "fresh");
  }
  Output output(common.json);
  output.section("run", {{"command", "bench ioas"}, {"seed", common.seed}},
                 [](const Json& run) { return fmt::format("{}\n", string_of(run, "command")); });
  output.section("ioas", section, rows_text);
  return output.finish();
}

}  // namespace aperture::sw
