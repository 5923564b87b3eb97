// SPDX-License-Identifier: Apache-2.0
#include "tb/replay/parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tb/replay/expectation.hpp"

namespace aperture::tb::replay {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kRegisterPage = 0x1000;
/// Of mem_read: what a trace can reasonably look at in one line.
constexpr std::uint64_t kLongestRead = std::uint64_t{16} << 20;
constexpr unsigned kDeviceBits = 24;
constexpr unsigned kProcessBits = 20;

void in_memory(Fields& f, std::uint64_t address, std::uint64_t length) {
  const std::uint64_t end = std::uint64_t{1} << Memory::kAddressBits;
  if (address >= end || length > end - address) {
    f.judge("addr", fmt::format("memory ends at 2^{}", Memory::kAddressBits));
  }
}

Action reset(Fields& f) {
  Reset reset;
  const Json* straps = f.find("straps");
  if (straps == nullptr) return reset;
  if (!straps->is_object()) {
    f.complain("straps", "expected an object");
    return reset;
  }
  auto parsed = parse_iommu_straps(straps->dump());
  if (parsed) {
    reset.straps = *parsed;
  } else {
    f.complain_at(pointer("/straps", parsed.error().key), parsed.error().what);
  }
  return reset;
}

Action mem_write(Fields& f) {
  MemWrite op{f.number("addr"), f.bytes("data")};
  in_memory(f, op.address, op.data.size());
  return op;
}

Action mem_read(Fields& f) {
  const MemRead op{f.number("addr"), f.number("len")};
  in_memory(f, op.address, op.length);
  if (op.length > kLongestRead) f.judge("len", fmt::format("at most {} bytes are read in one line", kLongestRead));
  return op;
}

Action mem_fault(Fields& f) {
  const MemFault op{
      f.number("addr"), f.number("len"),
      f.word<MemoryFault>(
          "kind", {{"error", MemoryFault::kError}, {"poison", MemoryFault::kPoison}, {"none", MemoryFault::kNone}})};
  in_memory(f, op.address, op.length);
  if (op.length == 0) f.judge("len", "a range of no bytes");
  return op;
}

unsigned register_size(Fields& f) {
  const std::uint64_t size = f.number("size");
  if (size != 4 && size != 8) f.complain("size", "expected 4 or 8");
  return static_cast<unsigned>(size);
}

std::uint32_t register_offset(Fields& f, unsigned size) {
  const std::uint64_t offset = f.number("offset");
  if (offset >= kRegisterPage) f.judge("offset", fmt::format("registers end at {:#x}", kRegisterPage));
  if (size != 0 && offset % size != 0) f.judge("offset", "not a multiple of the size");
  return static_cast<std::uint32_t>(offset);
}

Action reg_write(Fields& f) {
  RegWrite op;
  op.size = register_size(f);
  op.offset = register_offset(f, op.size);
  op.value = f.narrow<std::uint64_t>("value", 8 * op.size);
  return op;
}

Action reg_read(Fields& f) {
  RegRead op;
  op.size = register_size(f);
  op.offset = register_offset(f, op.size);
  return op;
}

/// device_id, process_id, privileged, exec.
template <typename Request>
void requester(Fields& f, Request& request) {
  request.device_id = f.narrow<std::uint32_t>("device_id", kDeviceBits);
  if (f.has("process_id")) request.process_id = f.narrow<std::uint32_t>("process_id", kProcessBits);
  request.privileged = f.flag("privileged");
  request.exec = f.flag("exec");
}

void access_size(Fields& f, DeviceAccess& access) {
  if (f.has("data")) {
    access.data = f.bytes("data");
    if (!access.write) f.complain("data", "only a write has data");
    if (access.data->empty() || access.data->size() > kPage) f.complain("data", "an access has 1 to 4096 bytes");
  }
  const std::uint64_t length = f.number("len", access.data ? access.data->size() : DeviceAccess{}.length);
  if (length == 0 || length > kPage) f.complain("len", "an access has 1 to 4096 bytes");
  if (access.data && length != access.data->size()) f.complain("len", "not the length of data");
  access.length = static_cast<unsigned>(length);
  if (access.iova % kPage + length > kPage) f.complain(f.has("len") ? "len" : "iova", "the access crosses 4 KiB");
}

Action translate(Fields& f) {
  Translate op;
  DeviceAccess& access = op.access;
  requester(f, access);
  access.write = f.flag("write");
  if (f.has("type")) {
    access.type = f.word<AccessType>("type", {{"untranslated", AccessType::kUntranslated},
                                              {"translated", AccessType::kTranslated},
                                              {"ats", AccessType::kAts}});
  }
  access.iova = f.number("iova");
  if (access.type != AccessType::kAts) {
    if (access.exec && access.write) f.complain("exec", "an access that executes is no write, except for ats");
    access_size(f, access);
    return op;
  }
  for (const char* key : {"len", "data"}) {
    if (f.has(key)) f.complain(key, "an ATS request has none");
  }
  return op;
}

Action page_request(Fields& f) {
  RequestPage op;
  requester(f, op.request);
  op.request.payload = f.number("payload");
  return op;
}

Action settle(Fields& f) { return Settle{f.number("max_cycles", Settle::kMaxCycles)}; }
Action advance(Fields& f) { return Advance{f.number("cycles")}; }
Action messages(Fields&) { return TakeMessages{}; }

Action complete_invalidation(Fields& f) {
  CompleteInvalidation op;
  op.device_id = f.narrow<std::uint32_t>("device_id", kDeviceBits);
  op.itag_vector = f.narrow<std::uint32_t>("itag_vector", 32);
  op.cc = f.narrow<unsigned>("cc", 3);
  return op;
}

using Reader = Action (*)(Fields&);
constexpr std::pair<std::string_view, Reader> kReaders[]{
    {"reset", reset},         {"mem_write", mem_write},       {"mem_read", mem_read},
    {"mem_fault", mem_fault}, {"reg_write", reg_write},       {"reg_read", reg_read},
    {"translate", translate}, {"page_request", page_request}, {"settle", settle},
    {"advance", advance},     {"messages", messages},         {"complete_invalidation", complete_invalidation}};

}  // namespace

std::expected<Operation, Complaint> parse(std::string_view line, Json* document) {
  auto json = formats::parse_object(line);
  if (!json) return std::unexpected(std::move(json.error()));
  Fields fields(*json, "");
  const Reader reader = fields.word<Reader>("op", kReaders);
  if (fields.complaint()) return std::unexpected(*fields.complaint());
  Operation operation;
  operation.action = reader(fields);
  if (const Json* comment = fields.find("comment"); comment != nullptr && !comment->is_string()) {
    fields.complain("comment", "expected a string");
  }
  const Json* expect = fields.find("expect");
  fields.finish();
  if (fields.complaint()) return std::unexpected(*fields.complaint());
  operation.senseless = fields.out_of_range();
  if (expect != nullptr) {
    if (auto wrong = check_expectation(operation.action, *expect)) return std::unexpected(std::move(*wrong));
    operation.expect = *expect;
  }
  if (document != nullptr) *document = std::move(*json);
  return operation;
}

}  // namespace aperture::tb::replay
