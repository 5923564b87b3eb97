// SPDX-License-Identifier: Apache-2.0
#include "riscv/device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "riscv/nested_domain.hpp"

namespace aperture::riscv {
namespace {

namespace tc = regs::dc::tc;

/// The process id that a context is found under.
std::uint32_t id_of(ioas::ProcessId process) { return process.value_or(0); }

ProcessContext process_context(const Domain& domain) {
  return {.ta = regs::pc::ta::pscid.set(regs::pc::ta::v.mask(), domain.space().pscid.value()),
          .fsc = domain.context().fsc};
}

}  // namespace

class Device::Prepared final : public ioas::PreparedAttach {
 public:
  Prepared(Device& device, std::shared_ptr<Domain> domain, ioas::ProcessId process, std::unique_ptr<Table> page,
           Quarantine spare)
      : device_(device),
        domain_(std::move(domain)),
        process_(process),
        page_(std::move(page)),
        spare_(std::move(spare)) {
    device_.prepared_.push_back(this);
    device_.domains_.try_emplace(id_of(process_));
    device_.watch(*domain_, process_);
  }
  ~Prepared() override {
    const std::scoped_lock lock(device_.iommu_.mutex());
    if (domain_) device_.unwatch(*domain_, process_);
    std::erase(device_.prepared_, this);
    const auto place = device_.domains_.find(id_of(process_));
    if (place != device_.domains_.end() && !place->second) device_.domains_.erase(place);
    page_.reset();
    spare_.free();
  }
  Result<bool> commit() noexcept override {
    const std::scoped_lock lock(device_.iommu_.mutex());
    auto done = device_.switch_to(id_of(process_), *domain_, std::move(page_), spare_);
    std::swap(device_.domains_.find(id_of(process_))->second, domain_);
    if (domain_) device_.unwatch(*domain_, process_);
    domain_.reset();
    return done;
  }
  const Domain* domain() const { return domain_.get(); }
  std::uint32_t process_id() const { return id_of(process_); }

 private:
  Device& device_;
  std::shared_ptr<Domain> domain_;
  ioas::ProcessId process_;
  std::unique_ptr<Table> page_;  ///< for the device directory
  Quarantine spare_;             ///< for the process directory
};

Device::Device(Iommu& iommu, const DeviceOptions& options)
    : iommu_(iommu),
      options_(options),
      formats_(page_table_formats(iommu.capabilities(),
                                  options.page_sizes & (iommu.options().napot ? ~std::uint64_t{0} : ~kNapotSize))) {
  std::ranges::copy_if(formats_, std::back_inserter(process_formats_),
                       [](const ioas::Format& format) { return format.stage == 1; });
}

Device::~Device() {
  while (!domains_.empty()) {
    const std::uint32_t process_id = domains_.rbegin()->first;
    (void)detach(process_id == 0 ? ioas::ProcessId{} : process_id);
    domains_.erase(process_id);
  }
}

const std::vector<ioas::Format>& Device::formats(ioas::ProcessId process) const {
  return process ? process_formats_ : formats_;
}

DeviceContext Device::complete(DeviceContext context) const {
  context.tc = tc::en_ats.set(context.tc, options_.ats);
  context.tc = tc::en_pri.set(context.tc, options_.page_requests);
  context.tc = tc::prpr.set(context.tc, options_.response_process);
  return context;
}

void Device::watch(const Domain& domain, ioas::ProcessId process) {
  if (!options_.ats) return;
  for (const Domain* one = &domain; one != nullptr; one = one->behind())
    iommu_.watch(one->space(), options_.device_id, process);
}

void Device::unwatch(const Domain& domain, ioas::ProcessId process) noexcept {
  if (!options_.ats) return;
  for (const Domain* one = &domain; one != nullptr; one = one->behind())
    iommu_.unwatch(one->space(), options_.device_id, process);
}

bool Device::has_processes() const {
  return std::ranges::any_of(domains_, [](const auto& one) { return one.first != 0 && one.second; });
}

Result<> Device::check_process(ioas::ProcessId process) const {
  if (!process) return {};
  const std::uint64_t capabilities = iommu_.capabilities();
  if (!ProcessDirectory::levels_for(capabilities, 0))
    return fail(Code::kUnsupported, EOPNOTSUPP,
                fmt::format("device {}: {} has no process directories", name(), iommu_.card().description()));
  if (*process == 0 || !ProcessDirectory::levels_for(capabilities, *process))
    return fail(Code::kInvalid, EINVAL,
                fmt::format("device {}: process {:#x} does not fit the card's process directories", name(), *process));
  return {};
}

Result<std::shared_ptr<ioas::Domain>> Device::make_domain(std::size_t format, ioas::ProcessId process) {
  if (auto done = check_process(process); !done) return std::unexpected(std::move(done.error()));
  const std::vector<ioas::Format>& choice = formats(process);
  if (format >= choice.size())
    return fail(Code::kInvalid, EINVAL, fmt::format("device {} has {} page-table formats", name(), choice.size()));
  auto domain = riscv::make_domain(iommu_, choice[format]);
  if (!domain) return std::unexpected(std::move(domain.error()));
  return std::shared_ptr<ioas::Domain>(std::move(*domain));
}

Result<std::shared_ptr<Domain>> Device::check_domain(std::shared_ptr<ioas::Domain> domain,
                                                     ioas::ProcessId process) const {
  auto ours = std::dynamic_pointer_cast<Domain>(std::move(domain));
  if (!ours || &ours->iommu() != &iommu_)
    return fail(Code::kInvalid, EINVAL, fmt::format("device {} is behind another IOMMU than the domain", name()));
  const std::vector<ioas::Format>& choice = formats(process);
  if (std::ranges::find(choice, ours->format()) == choice.end())
    return fail(
        Code::kInvalid, EINVAL,
        fmt::format("device {} cannot use the page-table format {} of the domain", name(), ours->format().name));
  return ours;
}

Result<std::unique_ptr<ioas::PreparedAttach>> Device::prepare(std::shared_ptr<Domain> domain, ioas::ProcessId process) {
  // What will be there: all that is prepared, and beside it what is attached now.
  const Domain* own = nullptr;
  bool processes = has_processes();
  if (const auto now = domains_.find(0); now != domains_.end()) own = now->second.get();
  for (const Prepared* one : prepared_) {
    if (one->process_id() != 0) processes = true;
    if (one->process_id() == 0 && one->domain() != nullptr) own = one->domain();
  }
  const bool second = process ? own != nullptr && own->space().gscid : domain->space().gscid.has_value();
  if (second && (process || processes))
    return fail(Code::kInvalid, EINVAL,
                fmt::format("device {} has processes only beside a first stage: behind a second stage their directory "
                            "would lie in a guest's memory",
                            name()));

  auto page = iommu_.prepare_context(options_.device_id);
  if (!page) return std::unexpected(std::move(page.error()));
  Quarantine spare;
  const bool directories = ProcessDirectory::levels_for(iommu_.capabilities(), 0).has_value();
  for (unsigned tables = process ? ProcessDirectory::kSpares : directories ? 1 : 0; tables > 0; --tables) {
    auto table = Table::allocate(iommu_.card().memory());
    if (!table) return std::unexpected(std::move(table.error()));
    spare.add(std::move(*table));
  }
  return std::make_unique<Prepared>(*this, std::move(domain), process, std::move(*page), std::move(spare));
}

Result<std::unique_ptr<ioas::PreparedAttach>> Device::prepare_attach(std::shared_ptr<ioas::Domain> domain,
                                                                     ioas::ProcessId process) {
  if (auto done = check_process(process); !done) return std::unexpected(std::move(done.error()));
  const std::scoped_lock lock(iommu_.mutex());
  auto ours = check_domain(std::move(domain), process);
  if (!ours) return std::unexpected(std::move(ours.error()));
  return prepare(std::move(*ours), process);
}

Result<std::unique_ptr<ioas::PreparedAttach>> Device::prepare_nest(std::shared_ptr<ioas::Domain> domain,
                                                                   const ioas::GuestTable& table) {
  const std::scoped_lock lock(iommu_.mutex());
  if (auto done = iommu_.alive(); !done) return std::unexpected(std::move(done.error()));
  auto parent = check_domain(std::move(domain), {});
  if (!parent) return std::unexpected(std::move(parent.error()));
  auto nested = NestedDomain::make(std::move(*parent), table);
  if (!nested) return std::unexpected(std::move(nested.error()));
  if (options_.ats && tc::pdtv.get((*nested)->context().tc) != 0)
    return fail(Code::kUnsupported, EOPNOTSUPP,
                fmt::format("device {} keeps translations (ATS) of processes that only its guest knows", name()));
  return prepare(std::move(*nested), {});
}

Result<bool> Device::switch_to(std::uint32_t process_id, const Domain& domain, std::unique_ptr<Table> page,
                               Quarantine& spare) noexcept {
  Quarantine old;
  if (process_id == 0 && !has_processes()) {
    if (processes_) processes_->release(old);
    processes_.reset();
    auto done = iommu_.switch_context(options_.device_id, complete(domain.context()), std::move(page));
    iommu_.dispose(old);
    return done;
  }

  const unsigned levels = *ProcessDirectory::levels_for(iommu_.capabilities(), process_id);
  if (!processes_) {
    processes_.emplace(levels, spare);
    processes_->make_way(0, spare);
    processes_->make_way(process_id, spare);
    if (const auto own = domains_.find(0); own != domains_.end() && own->second)
      processes_->write(0, process_context(*own->second));
    processes_->write(process_id, process_context(domain));
    const DeviceContext context{
        .tc = domain.context().tc | tc::pdtv.mask() | tc::dpe.mask(), .iohgatp = 0, .ta = 0, .fsc = processes_->pdtp()};
    return iommu_.switch_context(options_.device_id, complete(context), std::move(page));
  }

  const std::uint64_t before = processes_->pdtp();
  if (levels > processes_->levels()) processes_->grow(levels, spare);
  processes_->make_way(process_id, spare);
  const bool replaces = processes_->valid(process_id);
  if (replaces)
    old.add(processes_->exchange(process_id, process_context(domain), spare));
  else
    processes_->write(process_id, process_context(domain));
  // No cache holds a context that was not valid.
  auto done = replaces || processes_->pdtp() != before
                  ? iommu_.switch_processes(options_.device_id, processes_->pdtp(), old)
                  : iommu_.alive();
  if (!done) return std::unexpected(std::move(done.error()));
  return true;
}

Result<> Device::guest_invalidate(std::span<const ioas::GuestInvalidation> what) {
  const std::scoped_lock lock(iommu_.mutex());
  const auto own = domains_.find(0);
  const auto* nested = own == domains_.end() ? nullptr : dynamic_cast<const NestedDomain*>(own->second.get());
  if (nested == nullptr) return fail(Code::kInvalid, EINVAL, fmt::format("device {} has no guest's table", name()));
  std::vector<Command> commands;
  for (const ioas::GuestInvalidation& one : what) {
    auto some = nested->commands(one, options_.device_id);
    if (!some) return std::unexpected(std::move(some.error()));
    commands.insert(commands.end(), some->begin(), some->end());
  }
  return iommu_.invalidate(commands, options_.device_id);
}

Result<> Device::detach(ioas::ProcessId process) noexcept {
  const std::scoped_lock lock(iommu_.mutex());
  const auto place = domains_.find(id_of(process));
  if (place == domains_.end() || !place->second) return {};
  const std::shared_ptr<Domain> gone = std::exchange(place->second, nullptr);
  Result<> done;
  if (!processes_) {
    done = iommu_.block(options_.device_id);
  } else {
    processes_->clear(id_of(process));
    if (std::ranges::any_of(domains_, [](const auto& one) { return one.second != nullptr; })) {
      done = iommu_.forget_process(options_.device_id, id_of(process));
    } else {
      Quarantine old;
      processes_->release(old);
      processes_.reset();
      done = iommu_.block(options_.device_id);
      iommu_.dispose(old);
    }
  }
  unwatch(*gone, process);
  if (std::ranges::find(prepared_, id_of(process), &Prepared::process_id) == prepared_.end()) domains_.erase(place);
  return done;
}

}  // namespace aperture::riscv
