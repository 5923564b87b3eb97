// SPDX-License-Identifier: Apache-2.0
#include "bench/iommu_setup.hpp"

#include <utility>

#include "support/seed.hpp"

namespace aperture::test {
namespace {

constexpr unsigned kPolls = 10'000;
constexpr std::uint64_t kTableBits = 9;

template <typename Enum>
constexpr std::uint64_t number(Enum value) {
  return static_cast<std::uint64_t>(std::to_underlying(value));
}

Command command(regs::Opcode opcode, regs::Func3 func3) {
  namespace w0 = regs::cmd::w0;
  return {w0::func3.set(w0::opcode.set(0, number(opcode)), number(func3)), 0};
}

unsigned levels_of(regs::IommuMode mode) {
  switch (mode) {
    case regs::IommuMode::k2lvl:
      return 2;
    case regs::IommuMode::k3lvl:
      return 3;
    default:
      return 1;
  }
}

}  // namespace

Command iotinval_vma(const Iotinval& what) {
  namespace w0 = regs::cmd::w0;
  Command c = command(regs::Opcode::kIotinval, regs::Func3::kIotinvalVma);
  if (what.address) {
    c.w0 |= w0::iotinval_av.mask();
    c.w1 = regs::cmd::w1::iotinval_addr.set(c.w1, *what.address >> 12);
  }
  if (what.pscid) c.w0 = w0::iotinval_pscid.set(c.w0 | w0::iotinval_pscv.mask(), *what.pscid);
  return c;
}

Command iotinval_gvma() { return command(regs::Opcode::kIotinval, regs::Func3::kIotinvalGvma); }

Command iofence(const Iofence& what) {
  namespace w0 = regs::cmd::w0;
  Command c = command(regs::Opcode::kIofence, regs::Func3::kIofenceC);
  if (what.address) {
    c.w0 = w0::iofence_data.set(c.w0 | w0::iofence_av.mask(), what.data);
    c.w1 = regs::cmd::w1::iofence_addr.set(0, *what.address >> 2);
  }
  if (what.wsi) c.w0 |= w0::iofence_wsi.mask();
  if (what.reads) c.w0 |= w0::iofence_pr.mask();
  if (what.writes) c.w0 |= w0::iofence_pw.mask();
  return c;
}

Command inval_ddt(std::optional<std::uint32_t> device_id) {
  namespace w0 = regs::cmd::w0;
  Command c = command(regs::Opcode::kIodir, regs::Func3::kIodirInvalDdt);
  if (device_id) c.w0 = w0::iodir_did.set(c.w0 | w0::iodir_dv.mask(), *device_id);
  return c;
}

Command inval_pdt(std::uint32_t device_id, std::uint32_t process_id) {
  namespace w0 = regs::cmd::w0;
  Command c = command(regs::Opcode::kIodir, regs::Func3::kIodirInvalPdt);
  c.w0 = w0::iodir_pid.set(w0::iodir_did.set(c.w0 | w0::iodir_dv.mask(), device_id), process_id);
  return c;
}

// ---- page tables ---------------------------------------------------------------------------------------------------

PageTable::PageTable(Iommu& iommu, regs::SatpMode mode) : iommu_(&iommu), mode_(mode), root_(iommu.frame()) {}

unsigned PageTable::top() const { return mode_ == regs::SatpMode::kSv57 ? 4 : mode_ == regs::SatpMode::kSv48 ? 3 : 2; }

std::uint64_t PageTable::entry(std::uint64_t iova, unsigned level) {
  std::uint64_t table = root_;
  for (unsigned at = top();; --at) {
    const std::uint64_t index = iova >> (12 + kTableBits * at) & ((1U << kTableBits) - 1);
    const std::uint64_t address = table + regs::pte::kSize * index;
    if (at == level) return address;
    std::uint64_t pte = iommu_->memory().read64(address);
    if ((pte & kV) == 0) {
      pte = regs::pte::e::ppn.set(kV, iommu_->frame() >> 12);
      iommu_->memory().write64(address, pte);
    }
    table = regs::pte::e::ppn.get(pte) << 12;
  }
}

std::uint64_t PageTable::map(std::uint64_t iova, std::uint64_t page, std::uint64_t flags, unsigned level) {
  const std::uint64_t address = entry(iova, level);
  iommu_->memory().write64(address, regs::pte::e::ppn.set(flags, page >> 12));
  return address;
}

DeviceContext PageTable::context(std::uint32_t pscid) const {
  namespace fsc = regs::dc::fsc;
  DeviceContext dc;
  dc.ta = regs::dc::ta::pscid.set(0, pscid);
  dc.fsc = fsc::mode.set(fsc::ppn.set(0, root_ >> 12), number(mode_));
  return dc;
}

// ---- registers -----------------------------------------------------------------------------------------------------

std::uint64_t Iommu::read(const regs::Register& reg) {
  const auto bar = static_cast<card::Bar>(reg.bar);
  card::Mmio& mmio = bench_.card().mmio();
  return reg.size == 8 ? mmio.read64(bar, reg.offset) : mmio.read32(bar, reg.offset);
}

void Iommu::write(const regs::Register& reg, std::uint64_t value) {
  const auto bar = static_cast<card::Bar>(reg.bar);
  card::Mmio& mmio = bench_.card().mmio();
  if (reg.size == 8) {
    mmio.write64(bar, reg.offset, value);
  } else {
    mmio.write32(bar, reg.offset, static_cast<std::uint32_t>(value));
  }
}

void Iommu::write32(std::uint64_t offset, std::uint32_t value) {
  bench_.card().mmio().write32(card::Bar::kIommu, offset, value);
}
void Iommu::write64(std::uint64_t offset, std::uint64_t value) {
  bench_.card().mmio().write64(card::Bar::kIommu, offset, value);
}
std::uint32_t Iommu::read32(std::uint64_t offset) { return bench_.card().mmio().read32(card::Bar::kIommu, offset); }

bool Iommu::wait_for(const regs::Register& reg, const regs::Field& field, std::uint64_t value) {
  for (unsigned i = 0; i < kPolls; ++i) {
    if (get(reg, field) == value) return true;
  }
  return false;
}

std::uint64_t Iommu::frame(unsigned count) {
  const std::uint64_t first = next_frame_;
  next_frame_ += std::uint64_t{count} * kPageSize;
  return first;
}

// ---- device directory ----------------------------------------------------------------------------------------------

void Iommu::write_ddtp(regs::IommuMode mode, std::uint64_t root) {
  namespace f = regs::iommu::ddtp_f;
  write(regs::iommu::ddtp, f::ppn.set(f::iommu_mode.set(0, number(mode)), root >> 12));
  wait_for(regs::iommu::ddtp, f::busy, 0);
  mode_ = mode;
  root_ = root;
}

void Iommu::switch_on(regs::IommuMode mode) { write_ddtp(mode, frame()); }

std::uint64_t Iommu::directory_entry(std::uint32_t device_id, unsigned level) {
  const auto index = [&](unsigned at) { return at == 2 ? device_id >> 16 : device_id >> 7 & 0x1ff; };
  std::uint64_t table = root_;
  for (unsigned at = levels_of(mode_) - 1;; --at) {
    const std::uint64_t address = table + regs::ddte::kSize * index(at);
    std::uint64_t entry = memory().read64(address);
    if ((entry & regs::ddte::e::v.mask()) == 0) {
      entry = regs::ddte::e::ppn.set(regs::ddte::e::v.mask(), frame() >> 12);
      memory().write64(address, entry);
    }
    if (at == level) return address;
    table = regs::ddte::e::ppn.get(entry) << 12;
  }
}

std::uint64_t Iommu::context_address(std::uint32_t device_id) {
  std::uint64_t table = root_;
  if (levels_of(mode_) > 1) table = regs::ddte::e::ppn.get(memory().read64(directory_entry(device_id, 1))) << 12;
  return table + regs::dc::kSize * (device_id & 0x7f);
}

void Iommu::set_context(std::uint32_t device_id, const DeviceContext& context) {
  const std::uint64_t address = context_address(device_id);
  memory().write64(address + 8 * regs::dc::fsc::kWord, context.fsc);
  memory().write64(address + 8 * regs::dc::ta::kWord, context.ta);
  memory().write64(address + 8 * regs::dc::iohgatp::kWord, context.iohgatp);
  memory().write64(address + 8 * regs::dc::tc::kWord, context.tc);
}

// ---- queues --------------------------------------------------------------------------------------------------------

namespace {

std::uint64_t queue_base(std::uint64_t address, unsigned log2) {
  namespace f = regs::iommu::cqb_f;
  return f::ppn.set(f::log2szm1.set(0, log2 - 1), address >> 12);
}

unsigned frames_of(unsigned log2, std::size_t entry) {
  return static_cast<unsigned>(((entry << log2) + kPageSize - 1) / kPageSize);
}

}  // namespace

void Iommu::enable_command_queue(unsigned log2, bool interrupt) {
  namespace f = regs::iommu::cqcsr_f;
  cq_ = frame(frames_of(log2, regs::cmd::kSize));
  cq_mask_ = (std::uint64_t{1} << log2) - 1;
  cq_tail_ = 0;
  write(regs::iommu::cqb, queue_base(cq_, log2));
  write(regs::iommu::cqt, 0);
  write(regs::iommu::cqcsr, f::cqen.mask() | (interrupt ? f::cie.mask() : 0));
  wait_for(regs::iommu::cqcsr, f::busy, 0);
}

void Iommu::submit(const Command& command) {
  memory().write64(cq_ + regs::cmd::kSize * cq_tail_, command.w0);
  memory().write64(cq_ + regs::cmd::kSize * cq_tail_ + 8, command.w1);
  cq_tail_ = (cq_tail_ + 1) & cq_mask_;
  write(regs::iommu::cqt, cq_tail_);
}

bool Iommu::finish() {
  namespace f = regs::iommu::cqcsr_f;
  for (unsigned i = 0; i < kPolls; ++i) {
    if (read(regs::iommu::cqh) == cq_tail_) return true;
    const std::uint64_t csr = read(regs::iommu::cqcsr);
    if ((csr & (f::cqmf.mask() | f::cmd_to.mask() | f::cmd_ill.mask())) != 0) return false;
  }
  return false;
}

bool Iommu::flush() {
  submit(iotinval_vma());
  submit(inval_ddt());
  submit(iofence());
  return finish();
}

void Iommu::enable_fault_queue(unsigned log2, bool interrupt) {
  namespace f = regs::iommu::fqcsr_f;
  fq_ = frame(frames_of(log2, regs::fault::kSize));
  fq_mask_ = (std::uint64_t{1} << log2) - 1;
  fq_head_ = 0;
  write(regs::iommu::fqb, queue_base(fq_, log2));
  write(regs::iommu::fqh, 0);
  write(regs::iommu::fqcsr, f::fqen.mask() | (interrupt ? f::fie.mask() : 0));
  wait_for(regs::iommu::fqcsr, f::busy, 0);
}

Fault Iommu::fault_at(std::uint64_t index) const {
  namespace w0 = regs::fault::w0;
  const std::uint64_t address = fq_ + regs::fault::kSize * index;
  const tb::Memory& memory = bench_.memory();
  const std::uint64_t word = memory.read64(address);
  Fault fault;
  fault.cause = static_cast<regs::Cause>(w0::cause.get(word));
  fault.type = static_cast<regs::Ttyp>(w0::ttyp.get(word));
  fault.device_id = static_cast<std::uint32_t>(w0::did.get(word));
  if (w0::pv.get(word) != 0) fault.process_id = static_cast<std::uint32_t>(w0::pid.get(word));
  fault.privileged = w0::priv.get(word) != 0;
  fault.iotval = memory.read64(address + 8 * regs::fault::iotval::kWord);
  fault.iotval2 = memory.read64(address + 8 * regs::fault::iotval2::kWord);
  return fault;
}

std::vector<Fault> Iommu::faults() {
  std::vector<Fault> found;
  bench_.settle();
  const std::uint64_t tail = read(regs::iommu::fqt);
  for (; fq_head_ != tail; fq_head_ = (fq_head_ + 1) & fq_mask_) found.push_back(fault_at(fq_head_));
  write(regs::iommu::fqh, fq_head_);
  return found;
}

tb::Straps first_stage() {
  tb::Straps straps;
  straps.capabilities &= kFirstStage;
  return straps;
}

tb::Bench& power_on(tb::Profile profile, unsigned latency, unsigned width) {
  tb::Options options;
  options.profile = profile;
  options.latency = latency;
  options.width = width;
  options.seed = seed();
  options.straps = first_stage();
  options.straps.fctl =
      static_cast<std::uint8_t>(regs::iommu::fctl_f::wsi.mask());  // wires; messages have tests of their own
  return tb::Bench::start(options);
}

void start(Iommu& iommu, regs::IommuMode mode) {
  iommu.enable_command_queue();
  iommu.enable_fault_queue();
  iommu.switch_on(mode);
}

}  // namespace aperture::test
