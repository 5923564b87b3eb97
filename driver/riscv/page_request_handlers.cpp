// SPDX-License-Identifier: Apache-2.0
#include "riscv/page_request_handlers.hpp"

#include <new>

#include "riscv/iommu.hpp"

namespace aperture::riscv {

void PageRequestHandlers::set(std::uint32_t device_id, std::optional<std::uint32_t> process_id, Handler handler) {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return !serving_ || *serving_ == std::this_thread::get_id(); });
  const Asker asker{device_id, process_id};
  if (handler)
    handlers_[asker] = std::make_shared<const Handler>(std::move(handler));
  else
    handlers_.erase(asker);
  if (handlers_.empty()) pending_.clear();
}

std::uint64_t PageRequestHandlers::rounds() {
  const std::scoped_lock lock(mutex_);
  return rounds_;
}

std::uint64_t PageRequestHandlers::vectors() {
  {
    const std::scoped_lock lock(mutex_);
    if (handlers_.empty()) return 0;
  }
  return iommu_.page_requests().vectors();
}

void PageRequestHandlers::forget() {
  const std::scoped_lock lock(mutex_);
  pending_.clear();
}

void PageRequestHandlers::wait_for_others() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return !serving_ || *serving_ == std::this_thread::get_id(); });
}

Result<PageRequestHandlers::Served> PageRequestHandlers::serve() {
  const auto self = std::this_thread::get_id();
  {
    const std::scoped_lock lock(mutex_);
    if (serving_) return *serving_ == self ? Served::kNothing : Served::kElsewhere;
    if (handlers_.empty()) return Served::kNothing;
    serving_ = self;
  }
  struct Serving {
    PageRequestHandlers& of;
    bool some = false;
    ~Serving() {
      const std::scoped_lock lock(of.mutex_);
      of.serving_.reset();
      if (some) ++of.rounds_;
      of.idle_.notify_all();
    }
  } serving{*this};

  if (!iommu_.page_requests().ready()) return Served::kNothing;
  const DrainedPageRequests drained = iommu_.page_requests().drain();
  const bool lossy = drained.overflow || drained.memory_fault;
  serving.some = lossy || !drained.requests.empty();
  for (const PageRequest& request : drained.requests) {
    const auto group = take(request);
    if (!group) continue;
    if (auto done = answer(request, ask(*group)); !done) return std::unexpected(std::move(done.error()));
  }
  if (lossy) forget();
  return serving.some ? Served::kSome : Served::kNothing;
}

std::optional<PageRequestHandlers::Pending> PageRequestHandlers::take(const PageRequest& request) {
  const std::scoped_lock lock(mutex_);
  const Asker asker{request.device_id, request.process_id};
  if (request.stop_marker()) {
    std::erase_if(pending_, [&](const auto& one) { return one.first.first == asker; });
    return {};
  }
  const Group key{asker, request.group};
  Pending& group = pending_[key];
  if (group.requests.size() < kGroupMax)
    group.requests.push_back(request);
  else
    group.flooded = true;
  if (!request.last) return {};
  std::optional<Pending> whole(std::move(group));
  pending_.erase(key);
  return whole;
}

command::PageResponse PageRequestHandlers::ask(const Pending& group) {
  std::shared_ptr<const Handler> handler;
  {
    const std::scoped_lock lock(mutex_);
    const PageRequest& first = group.requests.front();
    const auto found = handlers_.find({first.device_id, first.process_id});
    if (found != handlers_.end()) handler = found->second;
  }
  if (!handler || group.flooded) return command::PageResponse::kInvalidRequest;
  try {
    return (*handler)(group.requests);
  } catch (const std::bad_alloc&) {
    return command::PageResponse::kInvalidRequest;
  }
}

Result<> PageRequestHandlers::answer(const PageRequest& request, command::PageResponse code) {
  const std::scoped_lock lock(iommu_.mutex());
  const bool wanted = regs::dc::tc::prpr.get(iommu_.context(request.device_id).tc) != 0;
  const bool with_process = wanted || code == command::PageResponse::kFailure;
  if (auto done = iommu_.commands().push(respond(request, code, with_process)); !done) return done;
  iommu_.commands().ring();
  return {};
}

}  // namespace aperture::riscv
