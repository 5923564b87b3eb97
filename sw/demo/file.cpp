// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "demo/steps.hpp"

namespace aperture::sw::demo {

namespace {

constexpr std::uint32_t kNicId = 0x10;
constexpr std::uint32_t kDiskId = 0x20;
constexpr std::uint64_t kPattern = 0x5a5a'5a5a'5a5a'5a5a;

std::string crc_text(std::uint32_t crc) { return fmt::format("{:#010x}", crc); }

Json transfer_json(const Transfer& done) {
  return {{"bytes", done.bytes},
          {"cycles", done.cycles},
          {"bytes_per_cycle", done.bytes_per_cycle()},
          {"kilohertz", done.kilohertz()},
          {"crc", crc_text(done.crc)}};
}

Json fault_json(const riscv::Fault& fault) {
  return {{"cause", static_cast<std::uint32_t>(fault.cause)},
          {"name", regs::to_string(fault.cause)},
          {"device_id", hex(fault.device_id)},
          {"ttyp", regs::to_string(fault.ttyp)},
          {"iova", hex(fault.iotval)},
          {"text", riscv::to_text(fault)}};
}

/// What the queue in memory holds after an access that was to fault.
std::vector<riscv::Fault> faults(riscv::Iommu& iommu) {
  take(iommu.faults().wait(1'000'000));
  return iommu.faults().drain().faults;
}

bool one_fault(const std::vector<riscv::Fault>& found, regs::Cause cause, std::uint32_t device_id, Iova iova) {
  return found.size() == 1 && found[0].cause == cause && found[0].device_id == device_id &&
         found[0].iotval == iova.value;
}

}  // namespace

FileStory::FileStory(Session& session, const std::filesystem::path& file)
    : session_(session),
      name_(file.string()),
      staged_(session, file),
      nic_(session.add_device("nic", kNicId, 48)),
      disk_(session.add_device("disk", kDiskId)),
      nic_space_(session.platform()),
      disk_space_(session.platform()) {
  take(nic_space_.attach(nic_));
  take(disk_space_.attach(disk_));
  nic_file_ = staged_.file_into(nic_space_, Iova{StagedFile::kFile.value});
  nic_copy_ = staged_.copy_into(nic_space_, Iova{StagedFile::kCopy.value});
  disk_file_ = staged_.file_into(disk_space_);
  nic_channel_ = take(dma::Channel::open(session.iommu(), 0, {.device_id = kNicId}));
  disk_channel_ = take(dma::Channel::open(session.iommu(), 1, {.device_id = kDiskId}));
}

Json FileStory::move_file() {
  const std::uint64_t size = whole_pages(staged_.length());
  const auto frames = take(session_.card().memory().pin(const_cast<std::byte*>(staged_.file().data()), size, false));
  Json section = {{"file", name_},
                  {"bytes", staged_.length()},
                  {"guest_physical", hex(StagedFile::kFile.value)},
                  {"pages", size / kPageSize},
                  {"bus_extents", frames->extents().size()},
                  {"nic", {{"file", hex(nic_file_.value)}, {"copy", hex(nic_copy_.value)}}},
                  {"disk", {{"file", hex(disk_file_.value)}}}};
  const Transfer copied = transfer(session_, *nic_channel_, regs::DmaOp::kCopy, nic_file_, nic_copy_, staged_.length());
  section["copy"] = transfer_json(copied);
  const Transfer read = transfer(session_, *disk_channel_, regs::DmaOp::kCrc, disk_file_, {}, staged_.length());
  section["read"] = transfer_json(read);
  const std::uint32_t expected = crc32_of(staged_.file());
  section["zlib_crc"] = crc_text(expected);
  check(section, "the card's CRC-32 is zlib's", copied.crc == expected);
  check(section, "the copy is equal, byte for byte", std::ranges::equal(staged_.file(), staged_.copy()));
  check(section, "the second device reads the same at its own IOVA", read.crc == expected && disk_file_ != nic_file_);
  return section;
}

std::string move_text(const Json& section) {
  const Json& copy = section.at("copy");
  return fmt::format(
      "\n3. A real file: {}, {} bytes\n"
      "   guest physical {}, {} pages in {} places on the bus; nic sees it at {}, disk at {}\n"
      "   channel 0, as nic, copies it to {} in {} cycles: {:.2f} bytes per cycle, {:.0f} kHz\n"
      "   channel 1, as disk, reads it; CRC-32: card {}, zlib {}\n",
      string_of(section, "file"), number_of(section, "bytes"), string_of(section, "guest_physical"),
      number_of(section, "pages"), number_of(section, "bus_extents"), string_of(section.at("nic"), "file"),
      string_of(section.at("disk"), "file"), string_of(section.at("nic"), "copy"), number_of(copy, "cycles"),
      copy.at("bytes_per_cycle").get<double>(), copy.at("kilohertz").get<double>(), string_of(copy, "crc"),
      string_of(section, "zlib_crc"));
}

Json FileStory::stray() {
  Json section = Json::object();
  session_.iommu().faults().drain();
  // The second device's space has nothing where the first one has its copy.
  const auto written = take(disk_channel_->stray_write(nic_copy_, kPattern));
  const auto strayed = faults(session_.iommu());
  section["stray"] = {{"device", disk_.name()},
                      {"iova", hex(nic_copy_.value)},
                      {"status", regs::to_string(written.status)},
                      {"faults", Json::array()}};
  for (const riscv::Fault& fault : strayed) {
    section["stray"]["faults"].push_back(fault_json(fault));
  }
  check(section, "the stray write fails", written.status == regs::DmaStatus::kWriteError);
  check(section, "the record names cause, device and address",
        one_fault(strayed, regs::Cause::kWritePageFault, kDiskId, nic_copy_));
  check(section, "nothing was written", std::ranges::equal(staged_.file(), staged_.copy()));

  const std::uint64_t unmapped = take(nic_space_.unmap(nic_file_, whole_pages(staged_.length())));
  const auto read = take(nic_channel_->copy(nic_file_, nic_copy_, std::min<std::uint64_t>(64, staged_.length())));
  const auto late = faults(session_.iommu());
  section["unmapped"] = {{"device", nic_.name()},
                         {"iova", hex(nic_file_.value)},
                         {"bytes", unmapped},
                         {"status", regs::to_string(read.status)},
                         {"faults", Json::array()}};
  for (const riscv::Fault& fault : late) {
    section["unmapped"]["faults"].push_back(fault_json(fault));
  }
  check(section, "after unmap and IOFENCE, the old IOVA faults too",
        read.status == regs::DmaStatus::kReadError && one_fault(late, regs::Cause::kReadPageFault, kNicId, nic_file_));
  return section;
}

std::string stray_text(const Json& section) {
  const Json& stray = section.at("stray");
  const Json& unmapped = section.at("unmapped");
  std::string text = fmt::format("\n4. Isolation\n   {} writes to {}, which only nic has: {}\n",
                                 string_of(stray, "device"), string_of(stray, "iova"), string_of(stray, "status"));
  for (const Json& fault : stray.at("faults")) {
    text += "      " + string_of(fault, "text") + "\n";
  }
  text += fmt::format("   {} bytes unmapped from {}, fenced; {} reads {}: {}\n", number_of(unmapped, "bytes"),
                      string_of(unmapped, "device"), string_of(unmapped, "device"), string_of(unmapped, "iova"),
                      string_of(unmapped, "status"));
  for (const Json& fault : unmapped.at("faults")) {
    text += "      " + string_of(fault, "text") + "\n";
  }
  return text;
}

}  // namespace aperture::sw::demo
