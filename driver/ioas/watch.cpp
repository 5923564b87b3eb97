// SPDX-License-Identifier: Apache-2.0
// What an IOAS tells: events, and the pages that devices have written.
#include <algorithm>
#include <bit>
#include <new>

#include "ioas/ioas.hpp"
#include "ioas/text.hpp"

namespace aperture::ioas {

std::vector<Event> Ioas::events(std::uint64_t since) const {
  const std::shared_lock lock(mutex_);
  return state_.journal.since(since);
}

std::uint64_t Ioas::events_forgotten() const {
  const std::shared_lock lock(mutex_);
  return state_.journal.forgotten();
}

void Ioas::watch(std::function<void(const Event&)> handler) {
  std::unique_lock lock(watch_mutex_);
  handler_ = handler ? std::make_shared<Handler>(std::move(handler)) : nullptr;
  watched_ = handler_ != nullptr;
  delivered_ = generation();
  idle_.wait(lock, [this] { return delivering_ == std::thread::id{} || delivering_ == std::this_thread::get_id(); });
}

void Ioas::deliver() {
  std::unique_lock lock(watch_mutex_);
  if (delivering_ != std::thread::id{}) return;
  delivering_ = std::this_thread::get_id();
  const auto give = [&] {
    while (handler_) {
      const std::vector<Event> events = this->events(delivered_);
      if (events.empty()) return;
      const std::shared_ptr<Handler> handler = handler_;
      for (const Event& event : events) {
        delivered_ = event.generation;
        lock.unlock();
        (*handler)(event);
        lock.lock();
        if (handler_ != handler) break;
      }
    }
  };
  try {
    give();
  } catch (const std::bad_alloc&) {  // they come with the next ones
    if (!lock.owns_lock()) lock.lock();
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    delivering_ = {};
    idle_.notify_all();
    throw;
  }
  delivering_ = {};
  idle_.notify_all();
}

namespace {

std::unexpected<Refusal> refuse(const Ioas& ioas, const Shape& shape, Code code, int number, const std::string& what) {
  Report report;
  report.subject = "dirty";
  report.reason = what;
  report.generation = shape.generation;
  report.ranges_before = report.ranges_after = shape.ranges();
  report.alignment_before = report.alignment_after = shape.alignment;
  return std::unexpected(Refusal{{code, number, what}, std::make_shared<const Report>(std::move(report)), &ioas, 0});
}

/// The first address of `range` that no area covers.
std::optional<Iova> hole(const Areas& areas, IovaRange range) {
  Iova at = range.first;
  for (auto area = areas.from(at); area != areas.end() && area->range.first <= at; ++area) {
    if (area->range.last >= range.last) return {};
    at = area->range.last + 1;
  }
  return at;
}

}  // namespace

Outcome<std::vector<IovaRange>> Ioas::dirty(Iova iova, std::uint64_t length, std::uint64_t page_size, bool clear,
                                            std::optional<std::uint64_t> domain) {
  const std::unique_lock lock(mutex_);
  const Shape& shape = state_.shape;
  if (length == 0 || !std::has_single_bit(page_size)) {
    return refuse(*this, shape, Code::kInvalid, EINVAL, "the length is 0, or the page size is no power of two");
  }
  if (iova.value > kMax - (length - 1)) {
    return refuse(*this, shape, Code::kInvalid, EOVERFLOW, "the range passes the end of the space");
  }
  if (((iova.value | length) & (std::max(page_size, shape.alignment) - 1)) != 0) {
    return refuse(*this, shape, Code::kInvalid, EINVAL, "the range is no multiple of the page size or the alignment");
  }
  const auto one = std::ranges::find_if(shape.slots, [&](const Slot& slot) { return slot.id == domain; });
  if (domain && one == shape.slots.end()) {
    return refuse(*this, shape, Code::kNotFound, ENOENT, "there is no such domain");
  }
  if (!(domain ? one->dirty : shape.dirty)) {
    return refuse(*this, shape, Code::kInvalid, EINVAL, "writes are not tracked");
  }
  const IovaRange range{iova, iova + (length - 1)};
  if (const auto gap = hole(state_.areas, range)) {
    return refuse(*this, shape, Code::kNotFound, ENOENT, "nothing is mapped at " + hex(gap->value));
  }
  std::vector<IovaRange> found;
  for (const Slot& slot : shape.slots) {
    if (domain && slot.id != *domain) continue;
    if (auto done = slot.domain->read_dirty(range, clear, found); !done) {
      return refuse(*this, shape, done.error().code, done.error().number, done.error().what);
    }
  }
  for (IovaRange& one : found) {
    one.first.value = std::max(one.first, range.first).value & ~(page_size - 1);
    one.last.value = std::min(one.last, range.last).value | (page_size - 1);
  }
  return RangeSet(found).ranges();
}

}  // namespace aperture::ioas
