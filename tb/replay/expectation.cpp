// SPDX-License-Identifier: Apache-2.0
#include "tb/replay/expectation.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace aperture::tb::replay {
namespace {

using formats::Key;
using formats::Kind;

constexpr std::array kMemRead{Key{"data", Kind::kBytes}, Key{"mask", Kind::kMask}};
constexpr std::array kRegRead{Key{"value", Kind::kNumber}, Key{"mask", Kind::kMask}};
constexpr std::array kAccess{Key{"status", Kind::kWord, " ok abort "},
                             Key{"pa", Kind::kNumber},
                             Key{"pbmt", Kind::kNumber},
                             Key{"memory", Kind::kWord, " ok error "},
                             Key{"data", Kind::kBytes},
                             Key{"msi", Kind::kWord, " flat mrif "},
                             Key{"nid", Kind::kNumber},
                             Key{"notice", Kind::kNumber}};
constexpr std::array kAts{Key{"status", Kind::kWord, " ok ur ca "},
                          Key{"pa", Kind::kNumber},
                          Key{"size", Kind::kNumber},
                          Key{"r", Kind::kFlag},
                          Key{"w", Kind::kFlag},
                          Key{"x", Kind::kFlag},
                          Key{"global", Kind::kFlag},
                          Key{"priv", Kind::kFlag},
                          Key{"untranslated", Kind::kFlag},
                          Key{"pbmt", Kind::kNumber}};
constexpr std::array kPageRequest{Key{"response", Kind::kNumber}};
constexpr std::array kSettle{Key{"quiet", Kind::kFlag}, Key{"cycles", Kind::kNumber}};
constexpr std::array kMsi{Key{"addr", Kind::kNumber}, Key{"data", Kind::kBytes}};
constexpr std::array kInvalidation{Key{"device_id", Kind::kNumber}, Key{"process_id", Kind::kNumber},
                                   Key{"payload", Kind::kNumber}, Key{"itag", Kind::kNumber}};
constexpr std::array kGroupResponse{Key{"device_id", Kind::kNumber}, Key{"process_id", Kind::kNumber},
                                    Key{"payload", Kind::kNumber}};
constexpr std::array kMessages{Key{"msis", Kind::kList, {}, kMsi}, Key{"invalidations", Kind::kList, {}, kInvalidation},
                               Key{"group_responses", Kind::kList, {}, kGroupResponse}, Key{"wires", Kind::kNumber}};

struct KeysOf {
  using Keys = std::span<const Key>;
  Keys operator()(const MemRead&) const { return kMemRead; }
  Keys operator()(const RegRead&) const { return kRegRead; }
  Keys operator()(const Translate& t) const { return t.access.type == AccessType::kAts ? Keys(kAts) : Keys(kAccess); }
  Keys operator()(const RequestPage&) const { return kPageRequest; }
  Keys operator()(const Settle&) const { return kSettle; }
  Keys operator()(const TakeMessages&) const { return kMessages; }
  template <typename Other>
  Keys operator()(const Other&) const {
    return {};
  }
};

/// An ATS answer may be smaller than the leaf: an expected `size` holds when the granted block lies inside the expected
/// one, and then `pa` when both send the IOVA to one address.
bool inside(const DeviceAccess& access, const Json& expect, const Json& result) {
  const auto number = [](const Json& in, const char* key) {
    const auto it = in.find(key);
    return it == in.end() ? std::nullopt : formats::to_number(*it);
  };
  const auto size = number(result, "size");
  const auto pa = number(result, "pa");
  const auto block = number(expect, "size");
  if (!size || !pa || !block || *size > *block || *size == 0) return false;
  const auto base = number(expect, "pa");
  if (!base) return true;
  const std::uint64_t target = (*base & ~(*block - 1)) | (access.iova & (*block - 1));
  return (target & ~(*size - 1)) == (*pa & ~(*size - 1));
}

}  // namespace

std::optional<Complaint> check_expectation(const Action& action, const Json& expect) {
  return formats::check_expectation(expect, std::visit(KeysOf{}, action), "/expect");
}

std::vector<Mismatch> compare(const Action& action, const Json& expect, const Json& result) {
  std::vector<Mismatch> found = formats::compare(std::visit(KeysOf{}, action), expect, result);
  const auto* translate = std::get_if<Translate>(&action);
  if (translate != nullptr && translate->access.type == AccessType::kAts && inside(translate->access, expect, result)) {
    std::erase_if(found, [](const Mismatch& m) { return m.place == "/pa" || m.place == "/size"; });
  }
  return found;
}

}  // namespace aperture::tb::replay
