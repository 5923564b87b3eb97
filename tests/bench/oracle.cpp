// SPDX-License-Identifier: Apache-2.0
// Sections are those of the RISC-V IOMMU specification, version 1.0, by name; "Privileged" is the RISC-V privileged
// architecture, section "Sv39: Page-Based 39-bit Virtual-Memory System" and "Virtual Address Translation Process".
#include "bench/oracle.hpp"

#include <cinttypes>
#include <cstdio>

namespace aperture::oracle {
namespace {

constexpr std::uint64_t bits(std::uint64_t word, unsigned high, unsigned low) {
  return (word >> low) & (high - low == 63 ? ~std::uint64_t{0} : (std::uint64_t{1} << (high - low + 1)) - 1);
}
constexpr bool bit(std::uint64_t word, unsigned at) { return bits(word, at, at) != 0; }

// Fault record CAUSE field encodings.
enum Cause : unsigned {
  kInstructionAccessFault = 1,
  kReadAccessFault = 5,
  kWriteAccessFault = 7,
  kInstructionPageFault = 12,
  kReadPageFault = 13,
  kWritePageFault = 15,
  kAllInboundDisallowed = 256,
  kDdtLoadAccessFault = 257,
  kDdtNotValid = 258,
  kDdtMisconfigured = 259,
  kTypeDisallowed = 260,
  kDdtCorruption = 268,
  kPtCorruption = 274,
};

/// Fault record CAUSE field encodings, column "Reported if DTF is 1?".
bool reported_despite_dtf(unsigned cause) {
  return cause == kAllInboundDisallowed || cause == kDdtLoadAccessFault || cause == kDdtNotValid ||
         cause == kDdtMisconfigured || cause == kDdtCorruption;
}

struct DeviceContext {
  std::uint64_t tc, iohgatp, ta, fsc;
  bool dtf() const { return bit(tc, 4); }
  bool pdtv() const { return bit(tc, 5); }
  unsigned fsc_mode() const { return static_cast<unsigned>(bits(fsc, 63, 60)); }
};

class Translation {
 public:
  Translation(const Iommu& iommu, const Request& request, const ReadMemory& memory)
      : iommu_(iommu), request_(request), memory_(memory) {}

  Answer run();

 private:
  bool capability(unsigned at) const { return bit(iommu_.capabilities, at); }
  unsigned access_fault() const {
    return request_.write ? kWriteAccessFault : request_.exec ? kInstructionAccessFault : kReadAccessFault;
  }
  unsigned page_fault() const {
    return request_.write ? kWritePageFault : request_.exec ? kInstructionPageFault : kReadPageFault;
  }
  /// Memory-mapped register interface, capabilities: addressable are 0 to 2^PAS - 1.
  bool addressable(std::uint64_t address) const {
    const auto pas = static_cast<unsigned>(bits(iommu_.capabilities, 37, 32));
    return pas >= 64 || (address >> pas) == 0;
  }
  Word read(const std::string& what, std::uint64_t address) {
    const Word word = addressable(address) ? memory_(address) : Word{Access::kError, 0};
    answer_.path.push_back({what, address, word});
    return word;
  }

  // Each stops at the first fault: returns false with answer_.fault set.
  bool fail(unsigned cause);
  bool locate_device_context();
  bool check_device_context();
  bool translate_first_stage(unsigned levels, std::uint64_t root);
  bool take_leaf(std::uint64_t pte, unsigned level);
  bool arrive(std::uint64_t address);

  const Iommu& iommu_;
  const Request& request_;
  const ReadMemory& memory_;
  DeviceContext dc_{};
  bool dtf_ = false;  ///< Fault/Event-Queue: 0 is assumed until a valid device context is located
  Answer answer_{};
};

bool Translation::fail(unsigned cause) {
  // Fault/Event-Queue: TTYP; PID and PRIV are 0 if PV is 0; iotval is the IOVA; iotval2 is for guest-page faults.
  const std::uint64_t pv = request_.process_id ? 1 : 0;
  const std::uint64_t pid = request_.process_id.value_or(0);
  const std::uint64_t priv = pv != 0 && request_.privileged ? 1 : 0;
  // A translated request asks for execution only with a process id (Process to translate an IOVA).
  const bool exec = request_.exec && (!request_.translated || request_.process_id);
  const std::uint64_t ttyp = (request_.write ? 3U : exec ? 1U : 2U) + (request_.translated ? 4U : 0U);
  Fault fault;
  fault.cause = cause;
  fault.logged = !dtf_ || reported_despite_dtf(cause);
  fault.record = {cause | pid << 12 | pv << 32 | priv << 33 | ttyp << 34 | std::uint64_t{request_.device_id} << 40, 0,
                  request_.iova, 0};
  answer_.fault = fault;
  return false;
}

/// Process to translate an IOVA.
Answer Translation::run() {
  const auto mode = static_cast<unsigned>(bits(iommu_.ddtp, 3, 0));
  const bool done = [&] {
    if (mode == 0) return fail(kAllInboundDisallowed);  // step 1
    if (mode == 1) {                                    // step 2
      if (request_.translated) return fail(kTypeDisallowed);
      return arrive(request_.iova);
    }
    // steps 3, 5: base format, DDI[1] is device_id[15:7], DDI[2] is device_id[23:16]
    if (mode == 3 && bits(request_.device_id, 23, 16) != 0) return fail(kTypeDisallowed);
    if (mode == 2 && bits(request_.device_id, 23, 7) != 0) return fail(kTypeDisallowed);
    if (!locate_device_context()) return false;             // step 6
    if (request_.translated) return fail(kTypeDisallowed);  // step 7.1: EN_ATS is 0, as ATS is not supported
    if (request_.process_id && !dc_.pdtv()) return fail(kTypeDisallowed);  // step 7.2
    if (dc_.pdtv()) return arrive(request_.iova);  // steps 12, 13: pdtp.MODE is Bare, other modes were refused
    switch (dc_.fsc_mode()) {                      // steps 10, 17
      case 8:
        return translate_first_stage(3, bits(dc_.fsc, 43, 0) << 12);
      case 9:
        return translate_first_stage(4, bits(dc_.fsc, 43, 0) << 12);
      case 10:
        return translate_first_stage(5, bits(dc_.fsc, 43, 0) << 12);
      default:
        return arrive(request_.iova);  // Bare
    }
  }();
  if (done != !answer_.fault) answer_.path.push_back({"oracle is inconsistent", 0, {}});
  return answer_;
}

/// Process to locate the Device-context.
bool Translation::locate_device_context() {
  const std::uint64_t id = request_.device_id;
  const std::array<std::uint64_t, 3> ddi = {bits(id, 6, 0), bits(id, 15, 7), bits(id, 23, 16)};
  std::uint64_t a = bits(iommu_.ddtp, 53, 10) << 12;  // step 1: LEVELS is iommu_mode - 1
  for (auto i = static_cast<unsigned>(bits(iommu_.ddtp, 3, 0)) - 2; i != 0; --i) {
    const Word ddte = read("ddte level " + std::to_string(i), a + ddi[i] * 8);
    if (ddte.access == Access::kError) return fail(kDdtLoadAccessFault);                               // step 3
    if (ddte.access == Access::kPoison) return fail(kDdtCorruption);                                   // step 4
    if (!bit(ddte.value, 0)) return fail(kDdtNotValid);                                                // step 5
    if (bits(ddte.value, 9, 1) != 0 || bits(ddte.value, 63, 54) != 0) return fail(kDdtMisconfigured);  // step 6
    a = bits(ddte.value, 53, 10) << 12;                                                                // step 7
  }
  std::array<Word, 4> words;  // step 8
  const std::array<const char*, 4> names = {"dc.tc", "dc.iohgatp", "dc.ta", "dc.fsc"};
  bool error = false;
  bool poison = false;
  for (unsigned i = 0; i < 4; ++i) {
    words[i] = read(names[i], a + ddi[0] * 32 + i * 8);
    error |= words[i].access == Access::kError;
    poison |= words[i].access == Access::kPoison;
  }
  if (error) return fail(kDdtLoadAccessFault);
  if (poison) return fail(kDdtCorruption);
  dc_ = {words[0].value, words[1].value, words[2].value, words[3].value};
  if (!bit(dc_.tc, 0)) return fail(kDdtNotValid);               // step 9
  if (!check_device_context()) return fail(kDdtMisconfigured);  // step 10
  dtf_ = dc_.dtf();
  return true;
}

/// Device-context configuration checks. false: misconfigured.
bool Translation::check_device_context() {
  const std::uint64_t tc = dc_.tc;
  // Reserved bits; tc[31:24] are for custom use. Without QOSID, RCID and MCID are reserved.
  if (bits(tc, 23, 12) != 0 || bits(tc, 63, 32) != 0) return false;
  if (bits(dc_.ta, 11, 0) != 0 || bits(dc_.ta, 39, 32) != 0 || bits(dc_.ta, 63, 40) != 0) return false;
  if (bits(dc_.fsc, 59, 44) != 0) return false;
  if (bit(tc, 1) || bit(tc, 2) || bit(tc, 6)) return false;  // ATS is 0: EN_ATS, EN_PRI, PRPR
  if (bit(tc, 3)) return false;                              // T2GPA is 0
  if (bit(tc, 7) || bit(tc, 8)) return false;                // AMO_HWAD is 0: GADE, SADE
  if (bit(tc, 10)) return false;                             // END is 0 and fctl.BE is 0: SBE
  const bool sxl = bit(tc, 11);
  if (sxl && !iommu_.gxl_writable) return false;
  if (bits(dc_.iohgatp, 63, 60) != 0) return false;  // no SvNx4 mode is supported
  if (dc_.pdtv()) return dc_.fsc_mode() == 0;        // PD8, PD17, PD20 are 0; others are reserved
  if (bit(tc, 9)) return false;                      // DPE without PDTV
  switch (dc_.fsc_mode()) {
    case 0:
      return true;
    case 8:
      return sxl ? capability(8) : capability(9);
    case 9:
      return !sxl && capability(10);
    case 10:
      return !sxl && capability(11);
    default:
      return false;
  }
}

/// Process to translate an IOVA, step 17; Privileged, Virtual Address Translation Process.
bool Translation::translate_first_stage(unsigned levels, std::uint64_t root) {
  // Privileged, Sv39: the bits above the highest one of the virtual address must all equal it.
  const unsigned top = 12 + 9 * levels - 1;
  const std::uint64_t above = bits(request_.iova, 63, top);
  if (above != 0 && above != bits(~std::uint64_t{0}, 63, top)) return fail(page_fault());

  std::uint64_t a = root;
  for (unsigned i = levels; i-- != 0;) {
    const std::uint64_t vpn = bits(request_.iova, 20 + 9 * i, 12 + 9 * i);
    const Word word = read("pte level " + std::to_string(i), a + vpn * 8);  // step 2
    if (word.access == Access::kError) return fail(access_fault());
    if (word.access == Access::kPoison) return fail(kPtCorruption);
    const std::uint64_t pte = word.value;
    const bool r = bit(pte, 1);
    const bool w = bit(pte, 2);
    const bool x = bit(pte, 3);
    if (!bit(pte, 0)) return fail(page_fault());            // step 3: V
    if (w && !r) return fail(page_fault());                 // reserved encoding, also with X
    if (bits(pte, 60, 54) != 0) return fail(page_fault());  // reserved without Svrsw60t59b
    if (bits(pte, 62, 61) != 0) return fail(page_fault());  // reserved without Svpbmt
    if (r || x) return take_leaf(pte, i);                   // step 4
    // Privileged, Sv39: D, A and U of non-leaf entries are reserved; Svnapot: so is N.
    if (bit(pte, 7) || bit(pte, 6) || bit(pte, 4) || bit(pte, 63)) return fail(page_fault());
    a = bits(pte, 53, 10) << 12;
  }
  return fail(page_fault());  // step 4: i < 0
}

bool Translation::take_leaf(std::uint64_t pte, unsigned level) {
  std::uint64_t low = (std::uint64_t{1} << (9 * level)) - 1;  // bits of the page number that the IOVA gives
  std::uint64_t ppn = bits(pte, 53, 10);
  if (bit(pte, 63)) {
    // Svnapot: only 64 KiB at level 0 is defined, encoded as ppn[3:0] = 1000.
    if (level != 0 || bits(ppn, 3, 0) != 8) return fail(page_fault());
    low = 15;
    ppn &= ~low;
  }
  if ((ppn & low) != 0) return fail(page_fault());  // step 5: misaligned superpage
  // Placement and data flow: without a process_id the mode is User. SUM and privilege belong to process contexts, and
  // a request with a process_id was refused or has no first stage.
  if (!bit(pte, 4)) return fail(page_fault());
  if (request_.write ? !bit(pte, 2) : request_.exec ? !bit(pte, 3) : !bit(pte, 1)) return fail(page_fault());
  // Translation control: SADE is 0, so A = 0, or D = 0 for a store, is a page fault.
  if (!bit(pte, 6) || (request_.write && !bit(pte, 7))) return fail(page_fault());
  answer_.leaf_pages = low + 1;
  return arrive((ppn | (bits(request_.iova, 63, 12) & low)) << 12 | bits(request_.iova, 11, 0));
}

/// Placement and data flow: checks of physical addresses apply to all accesses, also with Bare.
bool Translation::arrive(std::uint64_t address) {
  if (iommu_.bounds_data && !addressable(address)) return fail(access_fault());
  answer_.address = address;
  return true;
}

std::string hex(std::uint64_t value) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "0x%" PRIx64, value);
  return text.data();
}

}  // namespace

Answer translate(const Iommu& iommu, const Request& request, const ReadMemory& memory) {
  return Translation(iommu, request, memory).run();
}

std::string describe(const Request& r) {
  return std::string(r.translated ? "translated " : "") + (r.privileged ? "privileged " : "") +
         (r.write  ? (r.exec ? "write (exec)" : "write")
          : r.exec ? "exec read"
                   : "read") +
         " of " + hex(r.iova) + " by device " + hex(r.device_id) +
         (r.process_id ? " process " + hex(*r.process_id) : "");
}

std::string describe(const Record& r) {
  return "cause " + std::to_string(bits(r[0], 11, 0)) + " (" + hex(r[0]) + " " + hex(r[1]) + " " + hex(r[2]) + " " +
         hex(r[3]) + ")";
}

std::string describe(const Answer& a) {
  std::string text;
  for (const Step& s : a.path) {
    text += "  " + s.what + " at " + hex(s.address) + " = " + hex(s.word.value) +
            (s.word.access == Access::kError    ? " (access error)"
             : s.word.access == Access::kPoison ? " (poison)"
                                                : "") +
            "\n";
  }
  if (!a.fault) return text + "  expected: address " + hex(a.address) + "\n";
  return text + "  expected: " + (a.fault->logged ? "logged " : "silenced ") + describe(a.fault->record) + "\n";
}

}  // namespace aperture::oracle
