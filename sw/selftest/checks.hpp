// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "dma/channel.hpp"
#include "riscv/fault_queue.hpp"
#include "selftest/verdict.hpp"
#include "selftest/world.hpp"

namespace aperture::sw::selftest {

/// zlib's CRC-32.
std::uint32_t crc(std::span<const std::byte> bytes);
/// What the card's GENERATE writes (docs/registers.md, "descriptor").
void pseudo_random(std::span<std::byte> bytes, std::uint64_t seed);
/// The first place where `bytes` are not what GENERATE writes, as a sentence; empty: none.
std::string difference(std::span<const std::byte> bytes, std::uint64_t seed);

/// What a channel may do somewhere.
enum class Rights : std::uint8_t { kRead, kReadWrite };

/// Whether a channel that accesses `iova` reaches `memory`: what it reads is what is there (by CRC), and where it may
/// write, what it writes arrives there. Else, and if anything is recorded as a fault, a finding. `where` names what is
/// tried.
bool reaches(Verdict& verdict, World& world, dma::Channel& channel, std::uint64_t iova, std::span<std::byte> memory,
             const std::string& where, Rights rights = Rights::kReadWrite);

/// The record that an access of 8 bytes at `iova` by this channel leaves, where it is refused for `cause`.
riscv::Fault record_of(const dma::Channel& channel, regs::Cause cause, std::uint64_t iova, bool write,
                       std::uint64_t iotval2 = 0);
/// Whether such an access is refused with exactly this record; else a finding.
bool refused(Verdict& verdict, World& world, dma::Channel& channel, const riscv::Fault& record,
             const std::string& where);
/// Whether the fault queue holds exactly this record; else a finding.
bool recorded(Verdict& verdict, World& world, const riscv::Fault& record, const std::string& where);
/// Whether an access to `iova` is refused, whatever is recorded.
bool stopped(Verdict& verdict, World& world, dma::Channel& channel, std::uint64_t iova, bool write,
             const std::string& where);

/// "read_error at 0x1000", and the records that are in the fault queue.
std::string outcome(World& world, const dma::Completion& done);

}  // namespace aperture::sw::selftest
