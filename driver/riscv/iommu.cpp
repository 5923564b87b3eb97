// SPDX-License-Identifier: Apache-2.0
#include "riscv/iommu.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "card/registers.hpp"
#include "card/wait.hpp"
#include "riscv/device.hpp"
#include "riscv/residency.hpp"

namespace aperture::riscv {
namespace {

namespace caps = regs::iommu::capabilities_f;
namespace ddtp = regs::iommu::ddtp_f;

constexpr std::uint64_t kVersion = 0x10;

regs::IommuMode mode_of(unsigned levels) {
  return levels == 1 ? regs::IommuMode::k1lvl : levels == 2 ? regs::IommuMode::k2lvl : regs::IommuMode::k3lvl;
}

}  // namespace

Iommu::Iommu(card::Card& card, const IommuOptions& options)
    : card_(card),
      options_(options),
      table_pool_(card.memory()),
      commands_(card, mutex_),
      faults_(card, mutex_),
      page_requests_(card, mutex_),
      handlers_(*this),
      provider_(std::make_unique<PinProvider>(card, mutex_)) {}

Result<std::unique_ptr<Iommu>> Iommu::bring_up(card::Card& card, const IommuOptions& options) {
  std::unique_ptr<Iommu> iommu(new Iommu(card, options));
  const std::scoped_lock lock(iommu->mutex_);
  if (auto done = iommu->start(); !done) return std::unexpected(std::move(done.error()));
  return iommu;
}

Iommu::~Iommu() {
  const std::scoped_lock lock(mutex_);
  if (!directory_) return;
  if (lost_) {
    (void)card::reset(card_);
    return;
  }
  (void)set_mode(regs::IommuMode::kOff, 0);
  (void)commands_.stop();
  (void)faults_.stop();
  (void)page_requests_.stop();
}

Result<> Iommu::start() {
  capabilities_ = card::read(card_.mmio(), regs::iommu::capabilities);
  if (capabilities_ == ~std::uint64_t{0})
    return fail(Code::kCardDead, EIO,
                card_.description() + ": the IOMMU's registers read all ones; the card does not answer");
  if (caps::version.get(capabilities_) != kVersion)
    return fail(Code::kUnsupported, ENODEV,
                fmt::format("{}: the IOMMU states version {:#x}, this driver knows {:#x}", card_.description(),
                            caps::version.get(capabilities_), kVersion));
  const auto pas = static_cast<unsigned>(caps::pas.get(capabilities_));
  const auto outer = card_.memory().outer_ranges();
  if (std::ranges::none_of(outer, [pas](const BusRange& range) { return range.first.value >> pas == 0; }))
    return fail(Code::kUnsupported, EOPNOTSUPP,
                fmt::format("{}: the transport gives no bus address below 2^{}, which is all that the IOMMU can name",
                            card_.description(), pas));

  if (auto done = leave_off(); !done) return done;
  if (auto done = write_features(); !done) return done;
  if (auto done = commands_.start(options_.command_log2, options_.wait_cycles); !done) return done;
  if (auto done = faults_.start(options_.fault_log2, options_.wait_cycles); !done) return done;
  if (caps::ats.get(capabilities_) != 0)
    if (auto done = page_requests_.start(options_.page_request_log2, options_.wait_cycles); !done) return done;
  const auto& pending = regs::iommu::ipsr;
  card::write(card_.mmio(), pending, card::read(card_.mmio(), pending));
  if (auto done = enable_directory(); !done) return done;

  if (auto done = commands_.push(command::iodir_inval_ddt({})); !done) return done;
  if (auto done = commands_.push(command::iotinval_vma({}, {})); !done) return done;
  if (auto done = commands_.push(command::iotinval_gvma({}, {})); !done) return done;
  return commands_.fence();
}

Result<> Iommu::leave_off() {
  auto used = [this] {
    const std::uint64_t mode = ddtp::iommu_mode.get(card::read(card_.mmio(), regs::iommu::ddtp));
    return mode > static_cast<std::uint64_t>(regs::IommuMode::kBare) ||
           regs::iommu::cqcsr_f::cqon.get(card::read(card_.mmio(), regs::iommu::cqcsr)) != 0 ||
           regs::iommu::fqcsr_f::fqon.get(card::read(card_.mmio(), regs::iommu::fqcsr)) != 0 ||
           regs::iommu::pqcsr_f::pqon.get(card::read(card_.mmio(), regs::iommu::pqcsr)) != 0;
  };
  if (used())
    if (auto done = card::reset(card_); !done) return done;
  return set_mode(regs::IommuMode::kOff, 0);
}

Result<> Iommu::write_features() {
  card::Mmio& mmio = card_.mmio();
  namespace fctl = regs::iommu::fctl_f;
  const bool wires = caps::igs.get(capabilities_) != static_cast<std::uint64_t>(regs::Igs::kMsi);
  const std::uint64_t wanted = fctl::wsi.set(0, wires ? 1 : 0);
  card::write(mmio, regs::iommu::fctl, wanted);
  const std::uint64_t features = card::read(mmio, regs::iommu::fctl);
  if (fctl::be.get(features) != 0)
    return fail(Code::kUnsupported, EOPNOTSUPP,
                card_.description() + ": the IOMMU's structures are big-endian (fctl.BE)");
  if (fctl::gxl.get(features) != 0)
    return fail(Code::kUnsupported, EOPNOTSUPP,
                card_.description() + ": the IOMMU's second stages are 32 bits wide (fctl.GXL)");
  if (fctl::wsi.get(features) != fctl::wsi.get(wanted))
    return fail(Code::kUnsupported, EOPNOTSUPP,
                card_.description() + ": the IOMMU does not take fctl.WSI as capabilities.IGS says");
  // One vector for each cause; fields keep the bits that the card has.
  namespace icvec = regs::iommu::icvec_f;
  card::write(mmio, regs::iommu::icvec, icvec::fiv.set(icvec::pmiv.set(icvec::piv.set(0, 3), 2), 1));
  card::write(mmio, regs::card::irq_enable, card::read(mmio, regs::card::irq_enable) | 0xffff);
  card::write(mmio, regs::card::irq_rearm, 0xffff);
  return {};
}

Result<> Iommu::set_mode(regs::IommuMode mode, std::uint64_t ppn) {
  auto settled = [this] { return ddtp::busy.get(card::read(card_.mmio(), regs::iommu::ddtp)) == 0; };
  const card::WaitFor quiet{.who = "IOMMU", .what = "the end of ddtp.busy", .cycles = options_.wait_cycles};
  if (auto done = card::wait(card_, quiet, settled); !done) return done;
  card::write(card_.mmio(), regs::iommu::ddtp, ddtp::ppn.set(static_cast<std::uint64_t>(mode), ppn));
  return card::wait(card_, quiet, settled);
}

Result<> Iommu::enable_directory() {
  const bool again = directory_.has_value();
  for (unsigned levels = again ? directory_->levels() : std::clamp(options_.levels, 1U, 3U); levels > 0; --levels) {
    if (!again) {
      auto made = DeviceDirectory::create(card_.memory(), levels, caps::msi_flat.get(capabilities_) != 0);
      if (!made) return std::unexpected(std::move(made.error()));
      directory_.emplace(std::move(*made));
    }
    const std::uint64_t ppn = directory_->root().value >> 12;
    if (auto done = set_mode(mode_of(levels), ppn); !done) return done;
    if (card::read(card_.mmio(), regs::iommu::ddtp) == ddtp::ppn.set(static_cast<std::uint64_t>(mode_of(levels)), ppn))
      return {};
    if (again) break;
  }
  return fail(Code::kUnsupported, EOPNOTSUPP,
              fmt::format("{}: ddtp takes no directory of 1 to {} levels", card_.description(), options_.levels));
}

Result<std::unique_ptr<ioas::Device>> Iommu::make_device(const DeviceOptions& options) {
  const std::scoped_lock lock(mutex_);
  if (options.device_id > last_device_id())
    return fail(Code::kInvalid, EINVAL,
                fmt::format("device {}: id {:#x} does not fit a directory of {} levels, whose last id is {:#x}",
                            options.name, options.device_id, directory_->levels(), last_device_id()));
  if (options.ats && caps::ats.get(capabilities_) == 0)
    return fail(Code::kUnsupported, EOPNOTSUPP,
                fmt::format("device {}: {} has no ATS", options.name, card_.description()));
  if (options.page_requests && !options.ats)
    return fail(Code::kInvalid, EINVAL, fmt::format("device {}: page requests need ATS", options.name));
  if (options.response_process && !options.page_requests)
    return fail(Code::kInvalid, EINVAL,
                fmt::format("device {}: answers with a process id need page requests", options.name));
  auto device = std::make_unique<Device>(*this, options);
  if (device->formats({}).empty())
    return fail(Code::kUnsupported, EOPNOTSUPP,
                fmt::format("{}: the IOMMU has no page-table format", card_.description()));
  return device;
}

DeviceContext Iommu::context(std::uint32_t device_id) {
  const std::scoped_lock lock(mutex_);
  return directory_->read(device_id);
}

Result<> Iommu::pass_through(std::uint32_t device_id) {
  const std::scoped_lock lock(mutex_);
  const DeviceContext bare{.tc = regs::dc::tc::v.mask()};
  if (directory_->read(device_id) == bare) return {};
  if (directory_->valid(device_id))
    return fail(Code::kInUse, EBUSY, fmt::format("device id {:#x} is attached to an address space", device_id));
  auto page = prepare_context(device_id);
  if (!page) return std::unexpected(std::move(page.error()));
  auto done = switch_context(device_id, bare, std::move(*page));
  if (!done) return std::unexpected(std::move(done.error()));
  return {};
}

bool Iommu::lost() {
  const std::scoped_lock lock(mutex_);
  return lost_;
}

Result<> Iommu::alive() {
  if (!lost_) return {};
  return fail(Code::kCardDead, EIO,
              card_.description() + ": the card is lost since a fence failed; it has to be reset");
}

Result<> Iommu::restart() {
  const std::scoped_lock lock(mutex_);
  if (auto done = card::reset(card_); !done) return done;
  quarantine_.free();
  handlers_.forget();
  asking_.clear();
  lost_ = false;
  auto done = start();
  if (!done) lost_ = true;
  return done;
}

Result<> Iommu::conclude(Result<> pushed) noexcept {
  if (pushed) pushed = commands_.fence();
  if (pushed) return {};
  lost_ = true;
  return fail(pushed.error().code, EIO, "the card is lost: " + pushed.error().what);
}

Result<std::unique_ptr<Table>> Iommu::prepare_context(std::uint32_t device_id) {
  if (auto done = alive(); !done) return std::unexpected(std::move(done.error()));
  if (device_id > last_device_id())
    return fail(Code::kInvalid, EINVAL,
                fmt::format("device id {:#x} is beyond the directory's last, {:#x}", device_id, last_device_id()));
  if (auto done = directory_->make_way(device_id); !done) return std::unexpected(std::move(done.error()));
  return directory_->spare();
}

void Iommu::unwatch(const AddressSpace& space, std::uint32_t device_id, ioas::ProcessId process) noexcept {
  const auto [first, last] = caching_.equal_range(space);
  const auto one =
      std::find_if(first, last, [who = Caching{device_id, process}](const auto& entry) { return entry.second == who; });
  if (one != last) caching_.erase(one);
}

Result<> Iommu::forget(const Caching& who) noexcept {
  const bool asks = std::ranges::any_of(asking_, [&](const auto& one) { return one.second == who.device_id; });
  if (!asks && !external_.contains(who.device_id)) return {};
  auto done = commands_.push(command::iofence({.reads = false, .writes = false}));
  if (done) done = commands_.push(command::ats_inval(who.device_id, who.process, {}));
  return done;
}

Result<> Iommu::forget_all(std::uint32_t device_id) noexcept {
  Result<> done = forget({device_id, {}});
  for (auto at = caching_.begin(); at != caching_.end(); ++at)
    if (done && at->second.device_id == device_id && at->second.process) done = forget(at->second);
  return done;
}

Result<bool> Iommu::switch_context(std::uint32_t device_id, const DeviceContext& context,
                                   std::unique_ptr<Table> page) noexcept {
  bool hitless = true;
  const bool cached = directory_->read(device_id).ats();
  Result<> done{};
  if (!directory_->valid(device_id)) {
    directory_->write(device_id, context);
    done = alive();
  } else if (directory_->levels() > 1) {
    directory_->exchange(device_id, context, page);
    done = alive();
    if (done) {
      auto pushed = commands_.push(command::iodir_inval_ddt({}));
      if (pushed && cached) pushed = forget_all(device_id);
      done = conclude(std::move(pushed));
    }
  } else {
    hitless = false;
    done = block(device_id);
    directory_->write(device_id, context);
  }
  if (done) return hitless;
  quarantine_.add(std::move(page));
  return std::unexpected(std::move(done.error()));
}

Result<> Iommu::block(std::uint32_t device_id) noexcept {
  const std::scoped_lock lock(mutex_);
  if (device_id > last_device_id() || !directory_->valid(device_id)) return alive();
  const bool cached = directory_->read(device_id).ats();
  directory_->clear(device_id);
  if (auto done = alive(); !done) return done;
  auto pushed = commands_.push(command::iodir_inval_ddt(device_id));
  if (pushed && cached) pushed = forget_all(device_id);
  return conclude(std::move(pushed));
}

Result<> Iommu::switch_processes(std::uint32_t device_id, std::uint64_t pdtp, Quarantine& old) noexcept {
  if (directory_->read(device_id).fsc != pdtp) directory_->set_fsc(device_id, pdtp);
  auto done = alive();
  if (done) {
    auto pushed = commands_.push(command::iodir_inval_ddt(device_id));
    if (pushed && directory_->read(device_id).ats()) pushed = forget_all(device_id);
    done = conclude(std::move(pushed));
  }
  dispose(old);
  return done;
}

Result<> Iommu::forget_process(std::uint32_t device_id, std::uint32_t process_id) noexcept {
  if (auto done = alive(); !done) return done;
  auto pushed = commands_.push(command::iodir_inval_pdt(device_id, process_id));
  if (pushed && directory_->read(device_id).ats())
    pushed = forget({device_id, process_id == 0 ? ioas::ProcessId{} : process_id});
  return conclude(std::move(pushed));
}

Result<> Iommu::flush(const AddressSpace& space, const Removed& removed, Quarantine& quarantine) noexcept {
  auto done = alive();
  if (done) {
    if (removed.listed())
      for (const std::uint64_t iova : removed.addresses()) {
        if (done) done = commands_.push(space.invalidation(Iova{iova}));
      }
    else
      done = commands_.push(space.invalidation({}));
    const auto [first, last] = caching_.equal_range(space);
    // A device may hold any part of a large leaf: it forgets everything.
    for (auto at = first; at != last; ++at)
      if (done) done = forget(at->second);
    done = conclude(std::move(done));
  }
  dispose(quarantine);
  return done;
}

Result<> Iommu::invalidate(std::span<const Command> commands, std::uint32_t device_id) noexcept {
  if (auto done = alive(); !done) return done;
  Result<> pushed;
  for (const Command& command : commands)
    if (pushed) pushed = commands_.push(command);
  if (pushed && directory_->read(device_id).ats()) pushed = forget_all(device_id);
  return conclude(std::move(pushed));
}

void Iommu::retire(const AddressSpace& space, std::unique_ptr<Table> root) noexcept {
  auto done = alive();
  if (done) done = conclude(commands_.push(space.invalidation({})));
  if (!done) {
    if (root) quarantine_.add(std::move(root));
    return;
  }
  if (space.pscid)
    pscids_.give_back(*space.pscid);
  else
    gscids_.give_back(*space.gscid);
}

void Iommu::dispose(Quarantine& tables) noexcept {
  if (lost_)
    quarantine_.add(tables);
  else
    tables.free();
}

}  // namespace aperture::riscv
