// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <fstream>

#include "command.hpp"
#include "options.hpp"
#include "session.hpp"
#include "transfer.hpp"

namespace aperture::sw {

namespace {

namespace po = boost::program_options;

constexpr std::uint32_t kDeviceId = 0x10;

std::string text(const Json& section) {
  return fmt::format(
      "channel {} copied {} ({} bytes) from {} to {}\n{} cycles, {:.2f} bytes per cycle, {:.0f} kHz, CRC-32 {}\n",
      number_of(section, "channel"), string_of(section, "file"), number_of(section, "bytes"),
      string_of(section, "source"), string_of(section, "destination"), number_of(section, "cycles"),
      section.at("bytes_per_cycle").get<double>(), section.at("kilohertz").get<double>(), string_of(section, "crc"));
}

void write_file(const std::string& name, std::span<const std::byte> bytes) {
  std::ofstream stream(name, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!stream.flush()) {
    throw Failure(Exit::kEnvironment, name + ": cannot be written");
  }
}

Json copy_file(Session& session, const std::string& file, unsigned channel_index, const std::string& out) {
  session.bring_up();
  StagedFile staged(session, file);
  ioas::Device& device = session.add_device("dma", kDeviceId);
  ioas::Ioas ioas(session.platform());
  take(ioas.attach(device));
  const Iova source = staged.file_into(ioas);
  const Iova destination = staged.copy_into(ioas);
  const auto channel = take(dma::Channel::open(session.iommu(), channel_index, {.device_id = kDeviceId}));
  const Transfer done = transfer(session, *channel, regs::DmaOp::kCopy, source, destination, staged.length());
  Json section = {{"file", file},
                  {"channel", channel_index},
                  {"bytes", done.bytes},
                  {"source", hex(source.value)},
                  {"destination", hex(destination.value)},
                  {"cycles", done.cycles},
                  {"bytes_per_cycle", done.bytes_per_cycle()},
                  {"kilohertz", done.kilohertz()},
                  {"crc", fmt::format("{:#010x}", done.crc)}};
  check(section, "the card's CRC-32 is zlib's", done.crc == crc32_of(staged.file()));
  check(section, "the copy is equal, byte for byte", std::ranges::equal(staged.file(), staged.copy()));
  if (!out.empty()) {
    write_file(out, staged.copy());
    section["out"] = out;
  }
  return section;
}

}  // namespace

Exit run_dma(const Arguments& arguments) {
  std::string file;
  std::string out;
  std::string channel;
  po::options_description own("Options");
  auto add = own.add_options();
  add("file", po::value(&file)->value_name("FILE"), "what to copy (or the first argument)");
  add("channel", po::value(&channel)->default_value("0")->value_name("N"), "which DMA channel copies");
  add("out", po::value(&out)->value_name("FILE"), "where to store the copy");
  po::variables_map values;
  const CommonOptions common =
      parse("dma", arguments, own, po::positional_options_description().add("file", 1), values);
  if (file.empty()) {
    throw UsageError("which file? FILE is missing");
  }
  const std::uint64_t index = parse_number("--channel", channel);
  Session session(common);
  if (index >= session.identity().channels) {
    throw UsageError(fmt::format("option '--channel': the card has channels 0 to {}", session.identity().channels - 1));
  }
  Output output(common.json);
  session.announce(output, "dma");
  output.section("dma", copy_file(session, file, static_cast<unsigned>(index), out), text);
  return output.finish();
}

}  // namespace aperture::sw
