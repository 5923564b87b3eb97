// SPDX-License-Identifier: Apache-2.0
// aperture bench ioas: what the driver's books and page tables cost the host, beside what is promised for them.
#include "bench_ioas.hpp"

#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>

#include "ioas/ioas.hpp"
#include "ioas/memory_domain.hpp"
#include "options.hpp"
#include "output.hpp"
#include "riscv/page_table.hpp"

namespace aperture::sw {
namespace {

namespace po = boost::program_options;
using ioas::Ioas;

// Nothing looks behind it: no device is attached where it is mapped.
std::byte* const kNowhere = reinterpret_cast<std::byte*>(std::uintptr_t{1} << 30);

/// Tables in host memory, for a page table that no card reads.
class HostTables final : public card::DmaMemory {
 public:
  Result<std::unique_ptr<card::DmaBuffer>> allocate(std::uint64_t size, std::uint64_t alignment) override {
    return std::make_unique<Buffer>(size, alignment);
  }
  Result<std::unique_ptr<card::PinnedMemory>> pin(std::byte*, std::uint64_t, bool) override {
    return fail(Code::kUnsupported, EOPNOTSUPP, "tables only");
  }
  std::vector<BusRange> outer_ranges() const override { return {{{0}, {~std::uint64_t{0}}}}; }

 private:
  class Buffer final : public card::DmaBuffer {
   public:
    Buffer(std::uint64_t size, std::uint64_t alignment)
        : size_(size), data_(static_cast<std::byte*>(std::aligned_alloc(alignment, size))) {
      if (!data_) throw std::bad_alloc();
      std::fill_n(data_.get(), size, std::byte{0});
    }
    BusAddress address() const override { return {reinterpret_cast<std::uintptr_t>(data_.get())}; }
    std::span<std::byte> bytes() override { return {data_.get(), size_}; }

   private:
    struct Free {
      void operator()(std::byte* p) const { std::free(p); }
    };
    std::uint64_t size_;
    std::unique_ptr<std::byte, Free> data_;
  };
};

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
  constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
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

/// Fills and clears `state.range(0)` entries of 4 KiB, scattered on the bus or not.
void page_table(benchmark::State& state, bool scattered) {
  HostTables tables;
  auto table = riscv::PageTable<riscv::Sv39>::create(tables);
  if (!table) std::abort();
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  std::vector<card::BusExtent> extents;
  const std::uint64_t each = scattered ? kPageSize : entries * kPageSize;
  for (std::uint64_t at = 0; at < entries * kPageSize; at += each) {
    extents.push_back({BusAddress{0x1000 + at * (scattered ? 3 : 1)}, each});
  }
  // A neighbour at either end keeps the tables alive: entries are what counts.
  const std::uint64_t first = 0x40000000 + kPageSize;
  const std::vector<card::BusExtent> page{{BusAddress{0x1000}, kPageSize}};
  for (std::uint64_t at = 0x40000000; at <= first + entries * kPageSize; at += 512 * kPageSize) {
    if (!table->map(Iova{at}, kPageSize, riscv::ExtentCursor(page, 0), true, kPageSize)) std::abort();
  }
  const std::uint64_t run = std::min<std::uint64_t>(entries, 511);
  for (auto _ : state) {
    for (std::uint64_t done = 0; done < entries; done += run) {
      const std::uint64_t count = std::min(run, entries - done);
      const Iova at{first + done / run * 512 * kPageSize};
      if (!table->map(at, count * kPageSize, riscv::ExtentCursor(extents, done * kPageSize), true, kPageSize)) {
        std::abort();
      }
    }
    riscv::Removed removed;
    riscv::Quarantine quarantine;
    for (std::uint64_t done = 0; done < entries; done += run) {
      const std::uint64_t count = std::min(run, entries - done);
      const Iova at{first + done / run * 512 * kPageSize};
      table->unmap({at, at + (count * kPageSize - 1)}, removed, quarantine);
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(entries) * static_cast<std::int64_t>(state.iterations()));
}

/// What page_table has to do at the very least: an entry stored, looked at and cleared.
void store_loop(benchmark::State& state) {
  const auto entries = static_cast<std::size_t>(state.range(0));
  std::vector<std::uint64_t> words(entries);
  for (auto _ : state) {
    std::uint64_t value = 0xdf;
    for (std::uint64_t& word : words) {
      std::atomic_ref(word).store(value, std::memory_order_release);
      value += 1024;
    }
    for (std::uint64_t& word : words) {
      if (std::atomic_ref(word).load(std::memory_order_acquire) != 0)
        std::atomic_ref(word).store(0, std::memory_order_release);
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(entries) * static_cast<std::int64_t>(state.iterations()));
}

/// Keeps the nanoseconds of each run.
class Collector final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) nanoseconds_[run.run_name.str()] = run.GetAdjustedCPUTime();
  }
  double operator[](const std::string& name) const { return nanoseconds_.at(name); }

 private:
  std::map<std::string, double> nanoseconds_;
};

Json row(const char* name, const char* unit, double value, std::optional<double> at_most) {
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

  const auto add = [&](const char* name, auto&& function, std::int64_t size) {
    benchmark::RegisterBenchmark(name, function)->Arg(size)->MinTime(seconds);
  };
  for (const std::int64_t maps : {1'000, 1'000'000}) add("map", map_and_unmap, maps);
  add("negotiate", negotiate, 64);
  for (const std::int64_t entries : {511, 8176}) {
    add(
        "table", [](benchmark::State& state) { page_table(state, false); }, entries);
    add(
        "scattered", [](benchmark::State& state) { page_table(state, true); }, entries);
    add("store", store_loop, entries);
  }
  Collector took;
  benchmark::RunSpecifiedBenchmarks(&took);

  const auto time = [&](const char* name, std::int64_t size) {
    return took[fmt::format("{}/{}/min_time:{:.3f}", name, size, seconds)];
  };
  Json section{{"rows", Json::array()}};
  const auto figure = [&](const char* name, const char* unit, double value, std::optional<double> law = {}) {
    section["rows"].push_back(row(name, unit, value, law));
    if (law) check(section, fmt::format("{}: at most {:g} {}", name, *law, unit), value <= *law);
  };
  const double few = time("map", 1'000);
  const double many = time("map", 1'000'000);
  figure("two maps and two unmaps beside 1000 maps", "ns", few);
  figure("two maps and two unmaps beside 1000000 maps", "ns", many);
  figure("the second over the first", "times", many / few, 4);
  figure("negotiate 64 windows for 64 devices", "ms", time("negotiate", 64) / 1e6, 1);
  for (const std::int64_t entries : {511, 8176}) {
    const double plain = time("store", entries);
    figure(entries == 511 ? "511 entries: store and clear, plain loop" : "8176 entries: store and clear, plain loop",
           "ns/entry", plain / static_cast<double>(entries));
    figure(entries == 511 ? "511 entries: map and unmap over the loop" : "8176 entries: map and unmap over the loop",
           "times", time("table", entries) / plain, 3);
    figure(entries == 511 ? "511 entries, scattered on the bus: over the loop"
                          : "8176 entries, scattered on the bus: over the loop",
           "times", time("scattered", entries) / plain);
  }
  Output output(common.json);
  output.section("run", {{"command", "bench ioas"}, {"seed", common.seed}},
                 [](const Json& run) { return fmt::format("{}\n", string_of(run, "command")); });
  output.section("ioas", section, rows_text);
  return output.finish();
}

}  // namespace aperture::sw
