// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "ioas/memory_domain.hpp"
#include "ioas/report.hpp"

// The other side of a request: the caller's memory, and what the caller is told.
namespace aperture::c {

/// Whether the caller may access [address, + length) so; length > 0.
bool accessible(std::uint64_t address, std::uint64_t length, bool write);
/// Copies from, or to, the caller's memory; false: not accessible, nothing was copied.
bool read_caller(void* to, std::uint64_t from, std::size_t length);
bool write_caller(std::uint64_t to, const void* from, std::size_t length);

/// Gives the errno, and keeps the reason for aperture_explain in this thread.
int refuse(int number, std::string what);
int refuse(const ioas::Refusal& refusal);
int refuse(const Error& error);
/// No reason any more.
void forget_reason();
const std::string& reason();

/// Pins by a look at whether the memory is there.
class CallerPins : public ioas::MemoryPins {
 public:
  Result<std::unique_ptr<ioas::Residency>> pin(const ioas::Pages& pages) override;
};

}  // namespace aperture::c
