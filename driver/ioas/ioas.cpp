// SPDX-License-Identifier: Apache-2.0
#include "ioas/ioas.hpp"

#include <algorithm>
#include <new>

#include "ioas/change.hpp"

namespace aperture::ioas {
namespace {

Outcome<Effect> one(Platform& platform, const Edit& edit) { return Change::apply(platform, edit); }

Outcome<> nothing(Outcome<Effect> effect) {
  if (!effect) return std::unexpected(std::move(effect.error()));
  return {};
}

Outcome<PlacedWindow> window_of(Outcome<Effect> effect) {
  if (!effect) return std::unexpected(std::move(effect.error()));
  return std::move(effect->windows.front());
}

}  // namespace

Ioas::Ioas(Platform& platform, IoasOptions options) : platform_(platform), name_(std::move(options.name)) {
  {
    const std::lock_guard lock(platform.mutex_);
    id_ = platform.next_id_++;
  }
  state_.eager = options.eager_pin;
  state_.shape.huge_pages = options.huge_pages;
  state_.shape.alignment = state_.shape.needed_alignment();
}

Ioas::~Ioas() {
  watch(nullptr);
  for (;;) {
    std::uint64_t projection = 0;
    {
      const std::shared_lock lock(platform_.links_mutex_);
      const auto& links = platform_.links_;
      const auto own = std::ranges::find_if(links, [this](const Link& l) { return l.from == this || l.to == this; });
      if (own == links.end()) break;
      projection = own->id;
    }
    (void)one(platform_, UnprojectEdit{projection});
  }
  while (!state_.shape.attachments.empty()) {
    const Attachment& next = state_.shape.attachments.front();
    (void)one(platform_, DetachEdit{next.device, next.process});
  }
  (void)one(platform_, UnmapEdit{this, {0}, kMax});
  while (!state_.shape.slots.empty()) (void)one(platform_, DropDomainEdit{this, state_.shape.slots.front().id});
}

std::string Ioas::described() const { return name_.empty() ? "an IOAS" : "IOAS \"" + name_ + "\""; }

Outcome<Iova> Ioas::map(std::byte* memory, std::uint64_t length, Prot prot, std::optional<Iova> iova,
                        std::optional<FileSpan> file) {
  auto done = one(platform_, MapEdit{this, memory, length, iova, prot, std::move(file)});
  if (!done) return std::unexpected(std::move(done.error()));
  return done->iova;
}

Outcome<Iova> Ioas::copy(Ioas& from, Iova from_iova, std::uint64_t length, Prot prot, std::optional<Iova> iova) {
  auto done = one(platform_, CopyEdit{&from, from_iova, length, this, iova, prot});
  if (!done) return std::unexpected(std::move(done.error()));
  return done->iova;
}

Outcome<std::uint64_t> Ioas::unmap(Iova iova, std::uint64_t length) {
  auto done = one(platform_, UnmapEdit{this, iova, length});
  if (!done) return std::unexpected(std::move(done.error()));
  return done->length;
}

Ranges Ioas::ranges() const {
  const std::shared_lock lock(mutex_);
  return {state_.shape.ranges(), state_.shape.alignment, state_.shape.generation};
}

std::uint64_t Ioas::generation() const {
  const std::shared_lock lock(mutex_);
  return state_.shape.generation;
}

std::vector<Reservation> Ioas::reservations() const {
  const std::shared_lock lock(mutex_);
  return {state_.shape.reservations.begin(), state_.shape.reservations.end()};
}

Outcome<> Ioas::allow(std::vector<IovaRange> ranges) {
  return nothing(one(platform_, AllowEdit{this, std::move(ranges)}));
}

std::vector<IovaRange> Ioas::allowed() const {
  const std::shared_lock lock(mutex_);
  return state_.shape.allowed;
}

Outcome<> Ioas::reserve(IovaRange range, Cause cause) {
  return nothing(one(platform_, ReserveEdit{this, range, cause}));
}

Outcome<> Ioas::unreserve(IovaRange range, std::optional<Cause> cause) {
  return nothing(one(platform_, UnreserveEdit{this, range, cause}));
}

Outcome<> Ioas::set_huge_pages(bool enable) { return nothing(one(platform_, HugePagesEdit{this, enable})); }

bool Ioas::huge_pages() const {
  const std::shared_lock lock(mutex_);
  return state_.shape.huge_pages;
}

Outcome<Attached> Ioas::attached_as(const AttachEdit& edit) {
  auto done = one(platform_, edit);
  if (!done) return std::unexpected(std::move(done.error()));
  return Attached{done->hitless, std::move(done->format), done->levels, done->domain};
}

Outcome<Attached> Ioas::attach(Device& device, ProcessId process, std::optional<std::uint64_t> generation) {
  return attached_as({this, &device, process, generation, false});
}

Outcome<Attached> Ioas::replace(Device& device, ProcessId process, std::optional<std::uint64_t> generation) {
  return attached_as({this, &device, process, generation, true});
}

Outcome<Attached> Ioas::nest(Device& device, const GuestTable& table, std::optional<std::uint64_t> generation) {
  return attached_as({this, &device, {}, generation, false, table});
}

Outcome<> Ioas::detach(Platform& platform, Device& device, ProcessId process) {
  return nothing(one(platform, DetachEdit{&device, process}));
}

Outcome<> Ioas::freeze() { return nothing(one(platform_, FreezeEdit{this})); }

bool Ioas::frozen() const {
  const std::shared_lock lock(mutex_);
  return state_.shape.frozen.has_value();
}

Outcome<std::uint64_t> Ioas::make_domain(Device& device, bool dirty_tracking) {
  auto done = one(platform_, MakeDomainEdit{this, &device, dirty_tracking});
  if (!done) return std::unexpected(std::move(done.error()));
  return done->domain;
}

Outcome<> Ioas::drop_domain(std::uint64_t domain) { return nothing(one(platform_, DropDomainEdit{this, domain})); }

Outcome<Attached> Ioas::attach_to(std::uint64_t domain, Device& device) {
  return attached_as({this, &device, {}, {}, false, {}, domain});
}

std::vector<DomainInfo> Ioas::domains() const {
  const std::shared_lock lock(mutex_);
  std::vector<DomainInfo> out;
  for (const Slot& slot : state_.shape.slots) {
    DomainInfo& info = out.emplace_back(slot.id, slot.format, slot.maker, slot.manual, slot.manual && slot.can_track);
    for (const Attachment& attachment : state_.shape.attachments) {
      if (attachment.slot == slot.id) info.devices.push_back(attachment.device);
    }
  }
  return out;
}

Outcome<> Ioas::set_dirty_tracking(bool enable, std::optional<std::uint64_t> domain) {
  return nothing(one(platform_, DirtyTrackingEdit{this, enable, domain}));
}

bool Ioas::dirty_tracking() const {
  const std::shared_lock lock(mutex_);
  return state_.shape.dirty;
}

std::vector<Device*> Ioas::attached() const {
  const std::shared_lock lock(mutex_);
  std::vector<Device*> out;
  for (const Attachment& attachment : state_.shape.attachments) out.push_back(attachment.device);
  return out;
}

Outcome<std::vector<PlacedWindow>> Ioas::require(std::vector<Window> windows) {
  auto done = one(platform_, RequireEdit{this, std::move(windows)});
  if (!done) return std::unexpected(std::move(done.error()));
  return std::move(done->windows);
}

Outcome<PlacedWindow> Ioas::resize(const std::string& window, std::uint64_t size,
                                   std::optional<std::uint64_t> granule) {
  return window_of(one(platform_, ResizeEdit{this, window, size, granule}));
}

Outcome<PlacedWindow> Ioas::bind(const std::string& window) {
  return window_of(one(platform_, BindEdit{this, window}));
}

Outcome<std::uint64_t> Ioas::release(const std::string& window, bool drop_maps) {
  auto done = one(platform_, ReleaseEdit{this, window, drop_maps});
  if (!done) return std::unexpected(std::move(done.error()));
  return done->length;
}

std::vector<PlacedWindow> Ioas::windows() const {
  const std::shared_lock lock(mutex_);
  return state_.shape.windows;
}

Outcome<Report> Ioas::negotiate(std::vector<Window> windows, std::span<Device* const> devices) {
  Change change(platform_);
  change.add(RequireEdit{this, std::move(windows)});
  for (Device* device : devices) change.add(AttachEdit{this, device, {}, {}, false});
  return change.validate();
}

Outcome<Report> Ioas::probe_attach(Device& device, ProcessId process) {
  Change change(platform_);
  change.add(AttachEdit{this, &device, process, {}, false});
  return change.validate();
}

Outcome<std::unique_ptr<Ioas>> Ioas::clone(const CloneOptions& options) {
  try {
    IoasOptions same;
    {
      const std::shared_lock lock(mutex_);
      same = {name_, state_.shape.huge_pages, state_.eager};
    }
    auto copy = std::make_unique<Ioas>(platform_, same);
    auto done = one(platform_, CloneEdit{this, copy.get(), options.ranges, options.rebase, options.prot});
    if (!done) return std::unexpected(std::move(done.error()));
    return copy;
  } catch (const std::bad_alloc&) {
    return std::unexpected(out_of_memory());
  }
}

std::optional<Ioas::MapInfo> Ioas::lookup(Iova iova) const {
  const std::shared_lock lock(mutex_);
  const auto area = state_.areas.from(iova);
  if (area == state_.areas.end() || !area->range.contains(iova)) return {};
  return MapInfo{area->range, area->prot, area->pages.get(), area->offset};
}

std::vector<MapInfo> Ioas::maps() const {
  const std::shared_lock lock(mutex_);
  std::vector<MapInfo> out;
  for (const Area& area : state_.areas) out.push_back({area.range, area.prot, area.pages.get(), area.offset});
  return out;
}

std::size_t Ioas::map_count() const {
  const std::shared_lock lock(mutex_);
  return state_.areas.size();
}

}  // namespace aperture::ioas
