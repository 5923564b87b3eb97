// SPDX-License-Identifier: Apache-2.0
#include "tb/replay/execute.hpp"

#include <utility>

namespace aperture::tb::replay {
namespace {

Json to_json(const AccessResult& result) {
  if (!result.ok) return {{"status", "abort"}};
  Json json{{"status", "ok"}, {"pa", hex(result.pa)}, {"pbmt", result.pbmt}};
  json["memory"] = result.memory_error ? "error" : "ok";
  if (!result.data.empty()) json["data"] = hex_bytes(result.data);
  if (result.msi == AccessResult::Msi::kFlat) json["msi"] = "flat";
  if (result.msi == AccessResult::Msi::kMrif) {
    json["msi"] = "mrif";
    json["nid"] = result.nid;
    json["notice"] = hex(result.notice);
  }
  return json;
}

Json to_json(const AtsResult& result) {
  if (result.status == AtsResult::Status::kUnsupportedRequest) return {{"status", "ur"}};
  if (result.status == AtsResult::Status::kCompleterAbort) return {{"status", "ca"}};
  return {{"status", "ok"},          {"pa", hex(result.pa)}, {"size", hex(result.size)},
          {"r", result.r},           {"w", result.w},        {"x", result.x},
          {"global", result.global}, {"priv", result.priv},  {"untranslated", result.untranslated},
          {"pbmt", result.pbmt}};
}

template <typename Message>
Json from(const Message& message) {
  Json json{{"device_id", hex(message.device_id)}};
  if (message.process_id) json["process_id"] = hex(*message.process_id);
  json["payload"] = hex(message.payload);
  return json;
}

Json to_json(const Messages& messages) {
  Json json{{"msis", Json::array()},
            {"invalidations", Json::array()},
            {"group_responses", Json::array()},
            {"wires", messages.wires}};
  for (const auto& msi : messages.msis)
    json["msis"].push_back({{"addr", hex(msi.address)}, {"data", hex_bytes(msi.data)}});
  for (const auto& invalidation : messages.invalidations) {
    json["invalidations"].push_back(from(invalidation));
    json["invalidations"].back()["itag"] = invalidation.itag;
  }
  for (const auto& response : messages.group_responses) json["group_responses"].push_back(from(response));
  return json;
}

class Execute {
 public:
  explicit Execute(BusCard& card) : card_(card) {}

  Result<Json> operator()(const Reset& op) {
    if (auto done = card_.reset(op.straps); !done) return std::unexpected(done.error());
    return Json();
  }
  Result<Json> operator()(const MemWrite& op) {
    card_.write_memory(op.address, op.data);
    return Json();
  }
  Result<Json> operator()(const MemRead& op) {
    return Json{{"data", hex_bytes(card_.read_memory(op.address, op.length))}};
  }
  Result<Json> operator()(const MemFault& op) {
    card_.set_fault(op.address, op.length, op.kind);
    return Json();
  }
  Result<Json> operator()(const RegWrite& op) {
    card_.write_register(op.offset, op.size, op.value);
    return Json();
  }
  Result<Json> operator()(const RegRead& op) { return Json{{"value", hex(card_.read_register(op.offset, op.size))}}; }
  Result<Json> operator()(const Translate& op) {
    return op.access.type == AccessType::kAts ? answer(card_.ats(op.access)) : answer(card_.access(op.access));
  }
  Result<Json> operator()(const RequestPage& op) {
    const auto response = card_.page_request(op.request);
    if (!response) return std::unexpected(response.error());
    Json json = Json::object();
    if (*response) json["response"] = **response;
    return json;
  }
  Result<Json> operator()(const Settle& op) {
    const Settled settled = card_.settle(op.max_cycles);
    return Json{{"quiet", settled.quiet}, {"cycles", settled.cycles}};
  }
  Result<Json> operator()(const Advance& op) {
    card_.advance(op.cycles);
    return Json();
  }
  Result<Json> operator()(const TakeMessages&) { return to_json(card_.messages()); }
  Result<Json> operator()(const CompleteInvalidation& op) {
    card_.complete_invalidation(op.device_id, op.itag_vector, op.cc);
    return Json();
  }

 private:
  template <typename T>
  static Result<Json> answer(const Result<T>& result) {
    if (!result) return std::unexpected(result.error());
    return to_json(*result);
  }

  BusCard& card_;
};

}  // namespace

Result<Json> execute(BusCard& card, const Operation& operation) {
  if (operation.senseless) {
    return fail(Code::kInvalid, EINVAL, operation.senseless->pointer + ": " + operation.senseless->what);
  }
  return std::visit(Execute(card), operation.action);
}

}  // namespace aperture::tb::replay
