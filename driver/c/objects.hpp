// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>

#include "c/caller.hpp"
#include "ioas/ioas.hpp"
#include "ioas/memory_domain.hpp"
#include "ioas/platform.hpp"

namespace aperture::c {

struct IoasObject {
  std::shared_ptr<ioas::Ioas> ioas;
};

/// A domain of an IOAS, whoever made it: a request, or an attach.
struct HwptObject {
  std::shared_ptr<ioas::Ioas> ioas;
  std::uint64_t domain{};
  bool can_track{};
};

struct DeviceObject {
  ioas::Device* device{};
  std::shared_ptr<ioas::MemoryDevice> own;  ///< null: the caller's
};

using Object = std::variant<IoasObject, HwptObject, DeviceObject>;

/// Everything with an id. Not thread-safe.
class Objects {
 public:
  /// The lowest id that is free, from 1 on.
  std::uint32_t add(Object object);
  void remove(std::uint32_t id) { objects_.erase(id); }
  bool empty() const { return objects_.empty(); }
  const std::map<std::uint32_t, Object>& all() const { return objects_; }
  bool has(std::uint32_t id) const { return objects_.contains(id); }
  template <typename Kind>
  const Kind* find(std::uint32_t id) const {
    const auto found = objects_.find(id);
    return found == objects_.end() ? nullptr : std::get_if<Kind>(&found->second);
  }

  /// Gives every domain of the IOASes an id, and takes away those of domains that are gone.
  void follow_domains();
  std::optional<std::uint32_t> find_domain(const ioas::Ioas& ioas, std::uint64_t domain) const;
  /// Whether a domain was made by the device, or the device uses it.
  bool made_any(const ioas::Device& device) const;
  static bool attached(const ioas::Platform& platform, const ioas::Device& device) {
    return platform.attached_to(device, {}) != nullptr;
  }

 private:
  std::map<std::uint32_t, Object> objects_;
};

}  // namespace aperture::c

/// What aperture_open gives. `mutex` is held for a moment by requests that only look an id up, and throughout by those
/// that change objects or attach devices; recursively, since handlers of IOASes' events may make requests.
struct aperture_context {
  aperture_context() = default;
  explicit aperture_context(aperture::ioas::Platform& platform) : platform(platform) {}
  ~aperture_context();
  aperture_context(const aperture_context&) = delete;
  aperture_context& operator=(const aperture_context&) = delete;

  std::shared_ptr<aperture::ioas::Ioas> find_ioas(std::uint32_t id);

  aperture::c::CallerPins pins;
  aperture::ioas::Platform own_platform;
  aperture::ioas::Platform& platform{own_platform};
  std::recursive_mutex mutex;
  aperture::c::Objects objects;
  /// Destroyed, but the maker of a domain that others use.
  std::list<std::shared_ptr<aperture::ioas::MemoryDevice>> retired;
  bool process_accounting{};  ///< IOMMU_OPTION_RLIMIT_MODE
};
