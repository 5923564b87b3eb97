// SPDX-License-Identifier: Apache-2.0
#include "riscv/command.hpp"

#include <fmt/format.h>

#include <iterator>

#include "regs/registers.hpp"

namespace aperture::riscv::command {
namespace {

namespace w0 = regs::cmd::w0;
namespace w1 = regs::cmd::w1;

std::uint64_t head(regs::Opcode opcode, regs::Func3 func3) {
  return w0::func3.set(w0::opcode.set(0, static_cast<std::uint64_t>(opcode)), static_cast<std::uint64_t>(func3));
}

/// The command to a device: its segment counts if it has one beside 0.
Command ats(regs::Func3 func3, std::uint32_t device_id, std::optional<std::uint32_t> process_id) {
  std::uint64_t word = w0::ats_rid.set(head(regs::Opcode::kAts, func3), device_id & 0xffff);
  if (device_id >> 16 != 0) word = w0::ats_dseg.set(word, device_id >> 16) | w0::ats_dsv.mask();
  if (process_id) word = w0::ats_pid.set(word, *process_id) | w0::ats_pv.mask();
  return {word, 0};
}

}  // namespace

Command iotinval_vma(std::optional<std::uint32_t> pscid, std::optional<Iova> iova, std::optional<std::uint32_t> gscid) {
  Command command{head(regs::Opcode::kIotinval, regs::Func3::kIotinvalVma), 0};
  if (gscid) command.w0 = w0::iotinval_gscid.set(command.w0, *gscid) | w0::iotinval_gv.mask();
  if (pscid) command.w0 = w0::iotinval_pscid.set(command.w0, *pscid) | w0::iotinval_pscv.mask();
  if (iova) {
    command.w0 |= w0::iotinval_av.mask();
    command.w1 = w1::iotinval_addr.set(0, iova->value >> 12);
  }
  return command;
}

Command iotinval_gvma(std::optional<std::uint32_t> gscid, std::optional<GuestPhysical> page) {
  Command command{head(regs::Opcode::kIotinval, regs::Func3::kIotinvalGvma), 0};
  if (gscid) command.w0 = w0::iotinval_gscid.set(command.w0, *gscid) | w0::iotinval_gv.mask();
  if (page) {
    command.w0 |= w0::iotinval_av.mask();
    command.w1 = w1::iotinval_addr.set(0, page->value >> 12);
  }
  return command;
}

Command iodir_inval_ddt(std::optional<std::uint32_t> device_id) {
  Command command{head(regs::Opcode::kIodir, regs::Func3::kIodirInvalDdt), 0};
  if (device_id) command.w0 = w0::iodir_did.set(command.w0, *device_id) | w0::iodir_dv.mask();
  return command;
}

Command iodir_inval_pdt(std::uint32_t device_id, std::uint32_t process_id) {
  const std::uint64_t word = head(regs::Opcode::kIodir, regs::Func3::kIodirInvalPdt) | w0::iodir_dv.mask();
  return {w0::iodir_pid.set(w0::iodir_did.set(word, device_id), process_id), 0};
}

Command iofence(const Fence& fence) {
  Command command{head(regs::Opcode::kIofence, regs::Func3::kIofenceC), 0};
  if (fence.reads) command.w0 |= w0::iofence_pr.mask();
  if (fence.writes) command.w0 |= w0::iofence_pw.mask();
  if (fence.wire) command.w0 |= w0::iofence_wsi.mask();
  if (fence.store) {
    command.w0 = w0::iofence_data.set(command.w0, fence.data) | w0::iofence_av.mask();
    command.w1 = w1::iofence_addr.set(0, fence.store->value >> 2);
  }
  return command;
}

Command ats_inval(std::uint32_t device_id, std::optional<std::uint32_t> process_id, std::optional<Iova> page) {
  Command command = ats(regs::Func3::kAtsInval, device_id, process_id);
  // All of it: S, and an address whose lowest zero is the top bit.
  command.w1 =
      page ? w1::ats_addr.set(0, page->value >> 12) : w1::ats_addr.set(w1::ats_s.mask(), w1::ats_addr.max() >> 1);
  return command;
}

Command ats_prgr(std::uint32_t device_id, std::optional<std::uint32_t> process_id, std::uint32_t group,
                 PageResponse code) {
  Command command = ats(regs::Func3::kAtsPrgr, device_id, process_id);
  command.w1 = w1::ats_code.set(w1::ats_prgi.set(0, group), static_cast<std::uint64_t>(code));
  return command;
}

std::string to_text(const Command& command) {
  const auto opcode = static_cast<regs::Opcode>(w0::opcode.get(command.w0));
  const auto func3 = static_cast<unsigned>(w0::func3.get(command.w0));
  auto flag = [&command](const regs::Field& field) { return field.get(command.w0) != 0; };
  std::string text;
  auto out = std::back_inserter(text);
  if (opcode == regs::Opcode::kIotinval && func3 <= 1) {
    fmt::format_to(out, "IOTINVAL.{}", func3 == 0 ? "VMA" : "GVMA");
    if (flag(w0::iotinval_gv)) fmt::format_to(out, " GSCID={}", w0::iotinval_gscid.get(command.w0));
    if (flag(w0::iotinval_pscv)) fmt::format_to(out, " PSCID={}", w0::iotinval_pscid.get(command.w0));
    if (flag(w0::iotinval_av)) fmt::format_to(out, " ADDR={:#x}", w1::iotinval_addr.get(command.w1) << 12);
    if (flag(w0::iotinval_nl)) text += " NL";
    if (w1::iotinval_s.get(command.w1) != 0) text += " S";
  } else if (opcode == regs::Opcode::kIofence && func3 == 0) {
    text = "IOFENCE.C";
    if (flag(w0::iofence_pr)) text += " PR";
    if (flag(w0::iofence_pw)) text += " PW";
    if (flag(w0::iofence_wsi)) text += " WSI";
    if (flag(w0::iofence_av))
      fmt::format_to(out, " ADDR={:#x} DATA={:#x}", w1::iofence_addr.get(command.w1) << 2,
                     w0::iofence_data.get(command.w0));
  } else if (opcode == regs::Opcode::kIodir && func3 <= 1) {
    fmt::format_to(out, "IODIR.INVAL_{}", func3 == 0 ? "DDT" : "PDT");
    if (flag(w0::iodir_dv)) fmt::format_to(out, " DID={:#x}", w0::iodir_did.get(command.w0));
    if (w0::iodir_pid.get(command.w0) != 0 || func3 == 1)
      fmt::format_to(out, " PID={:#x}", w0::iodir_pid.get(command.w0));
  } else if (opcode == regs::Opcode::kAts && func3 <= 1) {
    fmt::format_to(out, "ATS.{} RID={:#x}", func3 == 0 ? "INVAL" : "PRGR", w0::ats_rid.get(command.w0));
    if (flag(w0::ats_dsv)) fmt::format_to(out, " DSEG={:#x}", w0::ats_dseg.get(command.w0));
    if (flag(w0::ats_pv)) fmt::format_to(out, " PID={:#x}", w0::ats_pid.get(command.w0));
    if (func3 == 0) {
      fmt::format_to(out, " ADDR={:#x}", w1::ats_addr.get(command.w1) << 12);
      if (w1::ats_s.get(command.w1) != 0) text += " S";
      if (w1::ats_g.get(command.w1) != 0) text += " G";
    } else {
      fmt::format_to(out, " PRGI={} CODE={}", w1::ats_prgi.get(command.w1), w1::ats_code.get(command.w1));
    }
  } else {
    fmt::format_to(out, "opcode {} func3 {}", static_cast<unsigned>(opcode), func3);
  }
  fmt::format_to(out, " ({:#018x} {:#018x})", command.w0, command.w1);
  return text;
}

}  // namespace aperture::riscv::command
