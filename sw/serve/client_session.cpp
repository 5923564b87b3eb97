// SPDX-License-Identifier: Apache-2.0
#include "serve/client_session.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <utility>

namespace aperture::sw::serve {

namespace vu = card::vfio_user;

namespace {

/// Cycles between two looks at the socket: a fraction of a millisecond of a simulated card.
constexpr std::uint64_t kSlice = 64;
/// The same while the client's memory is waited for, when most of the card only waits with us.
constexpr std::uint64_t kWaitingSlice = 16;
constexpr unsigned kMessagesPerStep = 64;
/// Replies that nobody reads: no more requests are read then.
constexpr std::size_t kMostQueued = 4U << 20;

}  // namespace

ClientSession::ClientSession(vu::Connection connection, Function& function, ClientMemory& memory, Log log)
    : connection_(std::move(connection)),
      function_(function),
      memory_(memory),
      log_(std::move(log)),
      config_(function.layout()),
      msix_(function.layout()) {
  memory_.clear();
  function_.reset();
}

ClientSession::~ClientSession() {
  memory_.clear();
  function_.reset();
}

short ClientSession::events() const { return connection_.queued() < kMostQueued ? connection_.events() : POLLOUT; }

int ClientSession::patience() const {
  if (ended_) return 0;
  if (!function_.busy()) return memory_.waiting() ? 1000 : -1;
  return memory_.waiting() ? 1 : 0;
}

bool ClientSession::step() {
  if (ended_) return false;
  if (!ending_ && receive()) work();
  if (ended_) return false;
  if (const auto sent = connection_.flush(); !sent) end(sent.error().what);
  if (ending_) end(summary_.end);
  summary_.interrupts = msix_.signalled();
  summary_.traffic = memory_.traffic();
  return !ended_;
}

bool ClientSession::receive() {
  for (unsigned i = 0; i < kMessagesPerStep && connection_.queued() < kMostQueued; ++i) {
    auto message = connection_.receive();
    if (!message) {
      if (message.error().number != ECONNRESET) log(message.error().what);
      end(message.error().what);
      return false;
    }
    if (!*message) break;
    handle(**message);
    if (ending_) return false;
  }
  return true;
}

void ClientSession::work() {
  if (const std::size_t expired = memory_.expire(Clock::now() - kReplyLimit); expired != 0)
    log(fmt::format("{} DMA requests were not answered within {} s", expired, kReplyLimit.count()));
  if (function_.busy()) function_.run(memory_.waiting() ? kWaitingSlice : kSlice);
  after_function();
}

void ClientSession::end(std::string why) {
  ended_ = true;
  summary_.end = std::move(why);
}

void ClientSession::log(const std::string& line) {
  if (++lines_ <= kMostLines) log_(line);
  if (lines_ == kMostLines) log_("further lines about this client are left out");
}

void ClientSession::after_function() {
  if (memory_.unanswered() > ClientMemory::kMostUnanswered) {
    const std::string why = fmt::format("{} DMA requests stay without a reply", memory_.unanswered());
    log(why);
    end(why);
    return;
  }
  for (Message& request : memory_.take_requests()) {
    ++summary_.sent[vu::name(request.command())];
    connection_.queue(std::move(request));
  }
  if (const std::uint64_t vectors = function_.take_messages(); vectors != 0) hold(vectors);
  while (!held_.empty() && config_.bus_master() && memory_.done_before(held_.front().first)) {
    msix_.raise(held_.front().second);
    held_.pop_front();
  }
}

void ClientSession::hold(std::uint64_t vectors) {
  if (!held_.empty() && held_.back().first == memory_.place()) {
    held_.back().second |= vectors;
  } else {
    held_.emplace_back(memory_.place(), vectors);
  }
}

void ClientSession::handle(Message& message) {
  if (message.is_reply()) {
    if (const auto taken = memory_.answer(message); !taken) {
      log(taken.error().what);
      end(taken.error().what);
      ending_ = true;
    }
    return;
  }
  ++summary_.received[vu::name(message.command())];
  Reply reply = reply_to(message);
  if (!reply) {
    log(reply.error().what);
    ++summary_.error_replies;
    reply = make_error(message, reply.error().number);
    // A client that does not get past VERSION has nothing to say.
    if (!versioned_) {
      ending_ = true;
      summary_.end = "was refused";
    }
  }
  if (message.wants_reply()) connection_.queue(std::move(*reply));
}

ClientSession::Reply ClientSession::reply_to(Message& request) {
  const vu::Command command = request.command();
  if (!versioned_ && command != vu::Command::kVersion)
    return fail(Code::kInvalid, EINVAL, fmt::format("{} before VERSION", vu::name(command)));
  if (!request.fds.empty() && command != vu::Command::kDmaMap && command != vu::Command::kDeviceSetIrqs)
    return fail(Code::kInvalid, EINVAL, fmt::format("{} with descriptors", vu::name(command)));
  switch (command) {
    case vu::Command::kVersion:
      return version(request);
    case vu::Command::kDmaMap:
      return dma_map(request);
    case vu::Command::kDmaUnmap:
      return dma_unmap(request);
    case vu::Command::kDeviceGetInfo:
      return device_info(request);
    case vu::Command::kDeviceGetRegionInfo:
      return region_info(request);
    case vu::Command::kDeviceGetIrqInfo:
      return irq_info(request);
    case vu::Command::kDeviceSetIrqs:
      return set_irqs(request);
    case vu::Command::kRegionRead:
      return region_read(request);
    case vu::Command::kRegionWrite:
      return region_write(request);
    case vu::Command::kDeviceReset:
      return device_reset(request);
    default:
      return fail(Code::kUnsupported, ENOTSUP,
                  fmt::format("command {} ({}) is not served", request.header.command, vu::name(command)));
  }
}

void ClientSession::reset_function() {
  function_.reset();
  memory_.forget();
  held_.clear();
  msix_.reset();
  config_.reset();
  settle_config();
}

void ClientSession::settle_config() { memory_.set_master(config_.bus_master()); }

}  // namespace aperture::sw::serve
