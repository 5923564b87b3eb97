// SPDX-License-Identifier: Apache-2.0
#include "tb/bench.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

#include "regs/registers.hpp"
#include "tb/card/card_model.hpp"
#include "tb/kernel/kernel.hpp"
#include "tb/memory/host_memory.hpp"
#include "tb/sim_card.hpp"

namespace aperture::tb {
namespace {

// Lives until the process ends: SystemC cannot be taken down and set up again.
Bench* the_bench = nullptr;

std::function<void(CardModel&)>& builder() {
  static std::function<void(CardModel&)> the_builder;
  return the_builder;
}

void check(const Options& options) {
  if (options.top == Top::kFpga) {
    if (!has_fpga()) throw std::invalid_argument("this program has no card as an FPGA has it");
    if (options.payload != 128 && options.payload != 256) throw std::invalid_argument("the payload is 128 or 256");
  } else if (!has_width(options.width)) {
    throw std::invalid_argument("this program has no card of " + std::to_string(options.width) + " bits");
  }
  if (options.latency == 0) throw std::invalid_argument("memory latency is at least 1 cycle");
  if (options.frame_run == 0 || (options.frame_run & (options.frame_run - 1)) != 0) {
    throw std::invalid_argument("the run of frames is a power of two");
  }
}

}  // namespace

struct Bench::Parts {
  explicit Parts(const Options& o)
      : options(o),
        memory(o.seed),
        kernel("kernel"),
        model("card", kernel),
        host("host"),
        host_memory("memory", memory),
        card(host, model, memory, kernel, options),
        device([this]() -> DeviceMaster& { return model.device_master(); },
               [this]() -> DeviceStreams& { return model.device_streams(); }, kernel) {
    host.socket.bind(model.mmio);
    model.data.bind(host_memory.data);
    model.iommu.bind(host_memory.iommu);
    if (builder()) builder()(model);
  }

  Options options;
  Memory memory;
  Kernel kernel;
  CardModel model;
  Host host;
  HostMemory host_memory;
  SimCard card;
  Device device;
};

Bench::Bench(const Options& options) : parts_(std::make_unique<Parts>(options)) {}
Bench::~Bench() = default;

void Bench::elaborate_with(std::function<void(CardModel&)> build) {
  if (the_bench != nullptr) throw std::logic_error("SystemC has elaborated; a module comes too late");
  builder() = std::move(build);
}

Bench* Bench::instance() { return the_bench; }

Bench& Bench::start(const Options& options) {
  check(options);
  if (the_bench == nullptr) {
    ::setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 0);
    install_report_handler();
    the_bench = new Bench(options);
    // Once before the first request: its event would otherwise be notified before anything waits for it.
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    std::atexit([] { the_bench->parts_->model.finish_waves(); });
  }
  the_bench->power_on(options);
  return *the_bench;
}

void Bench::power_on(const Options& options) {
  check(options);
  parts_->options = options;
  parts_->memory.set_frame_run(options.frame_run);
  parts_->memory.seed(options.seed);
  parts_->model.power_on(options);
  reset(options.straps);
}

void Bench::reset(const Straps& straps) {
  parts_->options.straps = straps;
  parts_->memory.clear();
  parts_->memory.clear_faults();
  parts_->memory.set_space(straps.pas());
  parts_->model.reset(straps);
}

std::uint64_t Bench::implemented() {
  const Straps straps = parts_->options.straps;
  Straps all = straps;
  all.capabilities = ~std::uint64_t{0};
  reset(all);
  const std::uint64_t capabilities = card().mmio().read64(card::Bar::kIommu, regs::iommu::capabilities.offset);
  reset(straps);
  return capabilities;
}

const Options& Bench::options() const { return parts_->options; }
card::Card& Bench::card() { return parts_->card; }
Device& Bench::device() { return parts_->device; }
Memory& Bench::memory() { return parts_->memory; }
void Bench::connect(MemoryTarget& data, MemoryTarget& iommu) { parts_->host_memory.connect(data, iommu); }
void Bench::divert_messages(HostMemory::MessageSink sink) { parts_->host_memory.divert_messages(std::move(sink)); }
BusLog& Bench::log() { return parts_->model.log(); }
std::uint64_t Bench::cycle() const { return parts_->kernel.cycle(); }

void Bench::run(std::uint64_t cycles) {
  const std::uint64_t until = cycle() + cycles;
  parts_->model.keep_running(cycles);
  parts_->kernel.wait_until([&] { return cycle() >= until; }, cycles, "bench", "cycles to pass");
}

Outcome Bench::settle(std::uint64_t cycles) {
  return parts_->kernel.wait_until([] { return false; }, cycles, "bench", "the card to be idle");
}

Outcome Bench::wait_until(const std::function<bool()>& happened, std::uint64_t cycles, const std::string& what) {
  return parts_->kernel.wait_until(happened, cycles, "test", what);
}

void Bench::run_threads(const std::vector<std::function<void()>>& jobs) { parts_->kernel.run_threads(jobs); }

std::uint32_t Bench::wires() const { return parts_->model.pins().wires; }
bool Bench::busy() const { return parts_->model.pins().busy; }

double Bench::simulated_khz() const {
  const double seconds = parts_->kernel.seconds();
  return seconds == 0 ? 0 : static_cast<double>(cycle()) / seconds / 1000;
}

bool Bench::open_waves(const std::filesystem::path& file) { return parts_->model.open_waves(file); }
void Bench::close_waves() { parts_->model.close_waves(); }
std::string Bench::history() const { return parts_->model.history().text(); }

}  // namespace aperture::tb
