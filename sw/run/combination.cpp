// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "run/check.hpp"

namespace aperture::sw::run {
namespace {

using Wrong = std::optional<Complaint>;
using formats::pointer;

class Keys {
 public:
  Keys(const Json& object, const std::string& at) : object_(object), at_(at) {}
  bool has(std::string_view key) const { return object_.contains(key); }
  bool is(std::string_view key, const Json& value) const { return has(key) && *object_.find(key) == value; }
  Wrong needs(std::string_view key) const { return has(key) ? Wrong{} : Complaint{pointer(at_, key), "is missing"}; }
  /// `key` makes no sense here.
  Wrong without(std::string_view key, std::string_view why) const {
    return has(key) ? Complaint{pointer(at_, key), std::string(why)} : Wrong{};
  }

 private:
  const Json& object_;
  const std::string& at_;
};

Wrong space(const Keys& keys, const std::string& at) {
  if (keys.has("ioas") && keys.has("mirror")) return keys.without("mirror", "either \"ioas\" or \"mirror\"");
  if (!keys.has("ioas") && !keys.has("mirror")) return Complaint{pointer(at, "ioas"), "is missing, or \"mirror\""};
  return {};
}

Wrong ioas(const Keys& keys) {
  if (keys.has("from")) return {};
  for (const char* key : {"ranges", "rebase", "prot"}) {
    if (auto bad = keys.without(key, "only a clone has it: \"from\" is missing")) return bad;
  }
  return {};
}

Wrong memory(const Json& step, const std::string& at) {
  const auto fill = step.find("fill");
  if (fill == step.end()) return {};
  const std::string here = pointer(at, "fill");
  const Keys keys(*fill, here);
  if (keys.has("hex") && keys.has("file")) return keys.without("file", "either \"hex\" or \"file\"");
  if (!keys.has("hex") && !keys.has("file")) return Complaint{here, "expected \"hex\" or \"file\""};
  if (keys.is("hex", "")) return Complaint{pointer(here, "hex"), "expected at least one byte"};
  return {};
}

Wrong unmap(const Keys& keys, const std::string& at) {
  if (auto bad = space(keys, at)) return bad;
  if (keys.is("all", true)) {
    for (const char* key : {"iova", "length"}) {
      if (auto bad = keys.without(key, "\"all\" unmaps everything")) return bad;
    }
    return {};
  }
  for (const char* key : {"iova", "length"}) {
    if (auto bad = keys.needs(key)) return bad;
  }
  return {};
}

/// What a kind of DMA does not look at may be there.
Wrong dma(const Keys& keys, const std::string& at) {
  const bool reads = keys.is("kind", "copy") || keys.is("kind", "check") || keys.is("kind", "crc");
  const bool writes = keys.is("kind", "copy") || keys.is("kind", "fill") || keys.is("kind", "generate");
  if (keys.is("kind", "stray")) {
    if (keys.has("src") || keys.has("dst")) return {};
    return Complaint{pointer(at, "dst"), "is missing, or \"src\""};
  }
  if (reads) {
    if (auto bad = keys.needs("src")) return bad;
  }
  if (writes) {
    if (auto bad = keys.needs("dst")) return bad;
  }
  return keys.needs("length");
}

}  // namespace

std::optional<Complaint> check_combination(std::string_view kind, const Json& step, const std::string& at) {
  const Keys keys(step, at);
  if (kind == "ioas") return ioas(keys);
  if (kind == "memory") return memory(step, at);
  if (kind == "map") return space(keys, at);
  if (kind == "unmap") return unmap(keys, at);
  if (kind == "dma") return dma(keys, at);
  return {};
}

}  // namespace aperture::sw::run
