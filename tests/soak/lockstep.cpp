// SPDX-License-Identifier: Apache-2.0
#include "soak/lockstep.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "regs/registers.hpp"
#include "tb/replay/execute.hpp"
#include "tb/replay/expectation.hpp"
#include "tb/replay/write.hpp"

namespace aperture::soak {
namespace {

namespace rp = tb::replay;

rp::Json outcome(tb::BusCard& card, const Operation& operation) {
  auto result = rp::execute(card, operation);
  if (!result) return {{"error", result.error().what}};
  if (std::holds_alternative<rp::Settle>(operation.action)) result->erase("cycles");
  return std::move(*result);
}

/// What the card's pins do not show of an access that an interrupt file takes: its memory type, and, without an update
/// of the file, which file it was.
void forget_hidden(rp::Json& one, rp::Json& other) {
  if (one.value("msi", "") != "mrif" || other.value("msi", "") != "mrif") return;
  const bool update = one.value("notice", "") != "0x0";
  for (const char* key : {"pbmt", "pa", "nid", "notice"}) {
    one.erase(key);
    other.erase(key);
    if (update) return;
  }
}

/// The block of a tr_response: first address, and bytes; nothing for a fault.
std::optional<std::pair<std::uint64_t, std::uint64_t>> debug_block(std::uint64_t response) {
  namespace f = regs::iommu::tr_response_f;
  if (f::fault.get(response) != 0) return std::nullopt;
  const std::uint64_t page = f::ppn.get(response);
  if (f::s.get(response) == 0) return std::pair{page << 12, std::uint64_t{4096}};
  const std::uint64_t pages = std::uint64_t{2} << std::countr_one(page);
  return std::pair{(page & ~(pages - 1)) << 12, pages << 12};
}

/// An answer for less than the whole page says the same.
bool same_debug_answer(const rp::Json& first, const rp::Json& second) {
  const auto one = formats::to_number(first.value("value", rp::Json()));
  const auto other = formats::to_number(second.value("value", rp::Json()));
  if (!one || !other) return false;
  const auto a = debug_block(*one);
  const auto b = debug_block(*other);
  if (!a || !b) return *one == *other;
  const std::uint64_t pbmt = regs::iommu::tr_response_f::pbmt.mask();
  const std::uint64_t larger = ~(std::max(a->second, b->second) - 1);
  return (a->first & larger) == (b->first & larger) && (*one & pbmt) == (*other & pbmt);
}

/// Whether both answers may be given: an ATS completion of one may be a part of the other's.
bool agree(const Operation& operation, rp::Json& first, rp::Json& second) {
  if (first == second) return true;
  const auto* read = std::get_if<rp::RegRead>(&operation.action);
  if (read != nullptr && read->offset == regs::iommu::tr_response.offset) return same_debug_answer(first, second);
  const auto* translate = std::get_if<rp::Translate>(&operation.action);
  if (translate == nullptr) return false;
  if (translate->access.type == tb::AccessType::kAts) {
    return rp::compare(operation.action, first, second).empty() || rp::compare(operation.action, second, first).empty();
  }
  forget_hidden(first, second);
  forget_hidden(second, first);
  return first == second;
}

bool differs(tb::BusCard& first, tb::BusCard& second, const std::vector<Step>& steps, const CommandQueue& queue) {
  Count count;
  return run(first, second, lower(steps, queue), count).has_value();
}

}  // namespace

std::optional<Difference> run(tb::BusCard& first, tb::BusCard& second, const std::vector<Operation>& operations,
                              Count& count) {
  for (std::size_t i = 0; i < operations.size(); ++i) {
    rp::Json one = outcome(first, operations[i]);
    rp::Json other = outcome(second, operations[i]);
    ++count.operations;
    if (std::holds_alternative<rp::Translate>(operations[i].action)) ++count.translations;
    if (!agree(operations[i], one, other)) return Difference{i, std::move(one), std::move(other)};
  }
  return std::nullopt;
}

std::vector<Step> shrink(tb::BusCard& first, tb::BusCard& second, std::vector<Step> steps, const CommandQueue& queue,
                         unsigned runs) {
  for (std::size_t size = steps.size() / 2; size != 0; size /= 2) {
    for (std::size_t from = 0; from < steps.size() && runs != 0;) {
      const std::size_t to = std::min(from + size, steps.size());
      std::vector<Step> fewer;
      for (std::size_t i = 0; i < steps.size(); ++i) {
        if (i < from || i >= to || steps[i].needed) fewer.push_back(steps[i]);
      }
      --runs;
      if (fewer.size() < steps.size() && differs(first, second, fewer, queue)) {
        steps = std::move(fewer);
      } else {
        from = to;
      }
    }
  }
  return steps;
}

std::string trace_of(const std::vector<Operation>& operations, const Difference& difference) {
  std::string text;
  for (std::size_t i = 0; i <= difference.operation; ++i) {
    rp::Json line = rp::to_json(operations[i]);
    if (i == difference.operation) {
      line["expect"] = difference.first;
      line["comment"] = "the other card answered " + difference.second.dump();
    }
    text += line.dump() + "\n";
  }
  return text;
}

}  // namespace aperture::soak
