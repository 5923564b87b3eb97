// SPDX-License-Identifier: Apache-2.0
#include "c/objects.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "c/context.hpp"

namespace aperture::c {

std::uint32_t Objects::add(Object object) {
  std::uint32_t id = 1;
  for (auto taken = objects_.begin(); taken != objects_.end() && taken->first == id; ++taken) ++id;
  objects_.emplace(id, std::move(object));
  return id;
}

void Objects::follow_domains() {
  std::set<std::pair<const ioas::Ioas*, std::uint64_t>> living;
  std::vector<HwptObject> fresh;
  for (const auto& [id, object] : objects_) {
    const auto* space = std::get_if<IoasObject>(&object);
    if (space == nullptr) continue;
    for (const ioas::DomainInfo& domain : space->ioas->domains()) {
      living.emplace(space->ioas.get(), domain.id);
      if (!find_domain(*space->ioas, domain.id)) fresh.push_back({space->ioas, domain.id, domain.can_track});
    }
  }
  for (HwptObject& one : fresh) add(std::move(one));
  std::erase_if(objects_, [&](const auto& entry) {
    const auto* hwpt = std::get_if<HwptObject>(&entry.second);
    return hwpt != nullptr && !living.contains({hwpt->ioas.get(), hwpt->domain});
  });
}

std::optional<std::uint32_t> Objects::find_domain(const ioas::Ioas& ioas, std::uint64_t domain) const {
  for (const auto& [id, object] : objects_) {
    const auto* hwpt = std::get_if<HwptObject>(&object);
    if (hwpt != nullptr && hwpt->ioas.get() == &ioas && hwpt->domain == domain) return id;
  }
  return {};
}

bool Objects::made_any(const ioas::Device& device) const {
  return std::ranges::any_of(objects_, [&](const auto& entry) {
    const auto* space = std::get_if<IoasObject>(&entry.second);
    return space != nullptr && std::ranges::any_of(space->ioas->domains(), [&](const ioas::DomainInfo& domain) {
             return domain.maker == &device;
           });
  });
}

aperture_context* open(ioas::Platform& platform) { return new aperture_context(platform); }

Result<std::uint32_t> bind(aperture_context& context, ioas::Device& device) {
  const std::lock_guard lock(context.mutex);
  return context.objects.add(DeviceObject{&device, nullptr});
}

Result<> unbind(aperture_context& context, std::uint32_t device_id) {
  const std::lock_guard lock(context.mutex);
  const auto* object = context.objects.find<DeviceObject>(device_id);
  if (object == nullptr || object->own) {
    return fail(Code::kNotFound, ENOENT, "no bound device has the id " + std::to_string(device_id));
  }
  if (Objects::attached(context.platform, *object->device) || context.objects.made_any(*object->device)) {
    return fail(Code::kInUse, EBUSY, object->device->name() + " is attached, or has made a page table that is in use");
  }
  context.objects.remove(device_id);
  return {};
}

std::shared_ptr<ioas::Ioas> find_ioas(aperture_context& context, std::uint32_t ioas_id) {
  return context.find_ioas(ioas_id);
}

}  // namespace aperture::c

std::shared_ptr<aperture::ioas::Ioas> aperture_context::find_ioas(std::uint32_t id) {
  const std::lock_guard lock(mutex);
  const auto* object = objects.find<aperture::c::IoasObject>(id);
  return object == nullptr ? nullptr : object->ioas;
}

aperture_context::~aperture_context() {
  std::vector<std::shared_ptr<aperture::ioas::MemoryDevice>> devices(retired.begin(), retired.end());
  for (const auto& [id, object] : objects.all()) {
    if (const auto* device = std::get_if<aperture::c::DeviceObject>(&object)) devices.push_back(device->own);
  }
  objects = {};  // the address spaces before the devices that they know
}
