// SPDX-License-Identifier: Apache-2.0
#include "transfer.hpp"

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>

#include "card/wait.hpp"
#include "progress.hpp"

namespace aperture::sw {

namespace {

constexpr std::uint64_t kPiece = 64 * 1024;

std::uint64_t piece_length(std::uint64_t length, std::uint64_t index) {
  return std::min(kPiece, length - index * kPiece);
}

}  // namespace

Transfer transfer(Session& session, dma::Channel& channel, regs::DmaOp op, Iova source, Iova destination,
                  std::uint64_t length) {
  const std::uint64_t pieces = (length + kPiece - 1) / kPiece;
  const std::uint64_t first_cycle = card::cycles(session.card());
  const auto start = std::chrono::steady_clock::now();
  Progress progress(length, first_cycle);
  Transfer result;
  dma::Ticket first_ticket = 0;
  std::uint64_t submitted = 0;
  for (std::uint64_t done = 0; done < pieces; ++done) {
    for (; submitted < pieces && submitted - done < channel.capacity(); ++submitted) {
      const std::uint64_t offset = submitted * kPiece;
      const dma::Ticket ticket = take(channel.submit({.op = op,
                                                      .source = source + offset,
                                                      .destination = destination + offset,
                                                      .length = piece_length(length, submitted)}));
      first_ticket = submitted == 0 ? ticket : first_ticket;
    }
    const dma::Completion completion = take(channel.wait(first_ticket + done));
    if (!completion.ok()) {
      throw Failure(Exit::kCheckFailed, fmt::format("channel {}: {} at {} after {} bytes", channel.index(),
                                                    regs::to_string(completion.status), hex(completion.address),
                                                    result.bytes + completion.bytes));
    }
    const std::uint64_t bytes = piece_length(length, done);
    result.crc = static_cast<std::uint32_t>(crc32_combine(result.crc, completion.crc, static_cast<z_off_t>(bytes)));
    result.bytes += bytes;
    progress.update(result.bytes, card::cycles(session.card()));
  }
  result.cycles = card::cycles(session.card()) - first_cycle;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

std::uint32_t crc32_of(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

StagedFile::StagedFile(Session& session, const std::filesystem::path& file)
    : length_(load_file(memory_, kFile, file)), staging_(session.platform()) {
  for (const GuestPhysical at : {kFile, kCopy}) {
    const std::uint64_t size = whole_pages(length_);
    take(staging_.map(memory_.at(at, size).data(), size, ioas::Prot::kReadWrite, Iova{at.value}));
  }
}

Iova StagedFile::file_into(ioas::Ioas& ioas, std::optional<Iova> iova) {
  return take(ioas.copy(staging_, {kFile.value}, whole_pages(length_), ioas::Prot::kRead, iova));
}

Iova StagedFile::copy_into(ioas::Ioas& ioas, std::optional<Iova> iova) {
  return take(ioas.copy(staging_, {kCopy.value}, whole_pages(length_), ioas::Prot::kWrite, iova));
}

}  // namespace aperture::sw
