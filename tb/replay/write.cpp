// SPDX-License-Identifier: Apache-2.0
#include "tb/replay/write.hpp"

#include <string>

namespace aperture::tb::replay {
namespace {

Json straps_of(const Straps& s) {
  const Straps normal;
  Json json = Json::object();
  const auto put = [&](const char* key, auto value, auto otherwise) {
    if (value != otherwise) json[key] = value;
  };
  if (s.capabilities != normal.capabilities) json["capabilities"] = hex(s.capabilities);
  put("fctl", s.fctl, normal.fctl);
  put("fctl_be_writable", s.fctl_be_writable, normal.fctl_be_writable);
  put("fctl_gxl_writable", s.fctl_gxl_writable, normal.fctl_gxl_writable);
  put("ddt_levels_max", s.ddt_levels_max, normal.ddt_levels_max);
  put("device_id_mask", s.device_id_mask, normal.device_id_mask);
  put("hpm_counters", s.hpm_counters, normal.hpm_counters);
  put("hpm_counter_bits", s.hpm_counter_bits, normal.hpm_counter_bits);
  put("hpm_event_max", s.hpm_event_max, normal.hpm_event_max);
  put("vectors_log2", s.vectors_log2, normal.vectors_log2);
  put("rcid_bits", s.rcid_bits, normal.rcid_bits);
  put("mcid_bits", s.mcid_bits, normal.mcid_bits);
  put("queue_log2_max", s.queue_log2_max, normal.queue_log2_max);
  put("ats_timeout", s.ats_timeout, normal.ats_timeout);
  if (s.reset_bare) json["reset_mode"] = "bare";
  return json;
}

template <typename Request>
void put_requester(Json& json, const Request& request) {
  json["device_id"] = hex(request.device_id);
  if (request.process_id) json["process_id"] = hex(*request.process_id);
  if (request.privileged) json["privileged"] = true;
  if (request.exec) json["exec"] = true;
}

struct Write {
  Json operator()(const Reset& op) const { return {{"op", "reset"}, {"straps", straps_of(op.straps)}}; }
  Json operator()(const MemWrite& op) const {
    return {{"op", "mem_write"}, {"addr", hex(op.address)}, {"data", hex_bytes(op.data)}};
  }
  Json operator()(const MemRead& op) const {
    return {{"op", "mem_read"}, {"addr", hex(op.address)}, {"len", op.length}};
  }
  Json operator()(const MemFault& op) const {
    const char* kind = op.kind == MemoryFault::kError ? "error" : op.kind == MemoryFault::kPoison ? "poison" : "none";
    return {{"op", "mem_fault"}, {"addr", hex(op.address)}, {"len", op.length}, {"kind", kind}};
  }
  Json operator()(const RegWrite& op) const {
    return {{"op", "reg_write"}, {"offset", hex(op.offset)}, {"size", op.size}, {"value", hex(op.value)}};
  }
  Json operator()(const RegRead& op) const {
    return {{"op", "reg_read"}, {"offset", hex(op.offset)}, {"size", op.size}};
  }
  Json operator()(const Translate& op) const {
    const DeviceAccess& access = op.access;
    Json json{{"op", "translate"}};
    put_requester(json, access);
    json["iova"] = hex(access.iova);
    if (access.write) json["write"] = true;
    if (access.type == AccessType::kAts) json["type"] = "ats";
    if (access.type == AccessType::kTranslated) json["type"] = "translated";
    if (access.data) {
      json["data"] = hex_bytes(*access.data);
    } else if (access.type != AccessType::kAts) {
      json["len"] = access.length;
    }
    return json;
  }
  Json operator()(const RequestPage& op) const {
    Json json{{"op", "page_request"}};
    put_requester(json, op.request);
    json["payload"] = hex(op.request.payload);
    return json;
  }
  Json operator()(const Settle& op) const {
    Json json{{"op", "settle"}};
    if (op.max_cycles != Settle::kMaxCycles) json["max_cycles"] = op.max_cycles;
    return json;
  }
  Json operator()(const Advance& op) const { return {{"op", "advance"}, {"cycles", op.cycles}}; }
  Json operator()(const TakeMessages&) const { return {{"op", "messages"}}; }
  Json operator()(const CompleteInvalidation& op) const {
    return {{"op", "complete_invalidation"},
            {"device_id", hex(op.device_id)},
            {"itag_vector", hex(op.itag_vector)},
            {"cc", op.cc}};
  }
};

}  // namespace

Json to_json(const Operation& operation) {
  Json json = std::visit(Write{}, operation.action);
  if (operation.expect) json["expect"] = *operation.expect;
  return json;
}

}  // namespace aperture::tb::replay
