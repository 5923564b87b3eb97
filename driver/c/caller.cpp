// SPDX-License-Identifier: Apache-2.0
#include "c/caller.hpp"

#include <cstring>
#include <limits>

#include "card/user_memory.hpp"
#include "ioas/text.hpp"

namespace aperture::c {
namespace {

thread_local std::string last_reason;

std::byte* pointer(std::uint64_t address) { return reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(address)); }

}  // namespace

bool accessible(std::uint64_t address, std::uint64_t length, bool write) {
  const std::uint64_t offset = address % kPageSize;
  if (length > std::numeric_limits<std::uint64_t>::max() - address - kPageSize) return false;
  const std::uint64_t pages = (offset + length + kPageSize - 1) / kPageSize;
  return card::accessible(pointer(address - offset), pages * kPageSize, write);
}

bool read_caller(void* to, std::uint64_t from, std::size_t length) {
  if (length == 0) return true;
  if (!accessible(from, length, false)) return false;
  std::memcpy(to, pointer(from), length);
  return true;
}

bool write_caller(std::uint64_t to, const void* from, std::size_t length) {
  if (length == 0) return true;
  if (!accessible(to, length, true)) return false;
  std::memcpy(pointer(to), from, length);
  return true;
}

int refuse(int number, std::string what) {
  last_reason = std::move(what);
  return number;
}

int refuse(const Error& error) { return refuse(error.number, error.what); }

int refuse(const ioas::Refusal& refusal) {
  // The report's text has the reason in it.
  return refuse(refusal.number, refusal.report->subject.empty() ? refusal.what : ioas::to_text(*refusal.report));
}

void forget_reason() { last_reason.clear(); }

const std::string& reason() { return last_reason; }

Result<std::unique_ptr<ioas::Residency>> CallerPins::pin(const ioas::Pages& pages) {
  if (!card::accessible(pages.data(), pages.size(), pages.writable())) {
    return fail(Code::kFault, EFAULT,
                "memory at " + ioas::hex(reinterpret_cast<std::uintptr_t>(pages.data())) + " cannot be " +
                    (pages.writable() ? "written" : "read"));
  }
  return MemoryPins::pin(pages);
}

}  // namespace aperture::c
