// SPDX-License-Identifier: Apache-2.0
#include "serve/client_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace aperture::sw::serve {

namespace vu = card::vfio_user;

Answer ClientMemory::refuse() {
  ++traffic_.unsupported;
  return Answer::kUnsupported;
}

Answer ClientMemory::finish(std::uint64_t access) {
  const auto found = pending_.find(access);
  if (found->second.pieces != 0) return Answer::kPending;
  const bool unsupported = found->second.unsupported;
  pending_.erase(found);
  return unsupported ? refuse() : Answer::kOk;
}

Answer ClientMemory::read(std::uint64_t access, std::uint64_t address, std::span<std::byte> data) {
  if (const auto found = pending_.find(access); found != pending_.end()) {
    std::memcpy(data.data(), found->second.data.data(), data.size());
    return finish(access);
  }
  if (!master_ || data.size() > kLongest) return refuse();
  if (!writing(true) && maps_.read(address, data)) {
    traffic_.file_read += data.size();
    return Answer::kOk;
  }
  ask(false, false, address, access, 0, data.size(), nullptr);
  return Answer::kPending;
}

Answer ClientMemory::write(std::uint64_t access, std::uint64_t address, std::span<const std::byte> data,
                           std::uint32_t strobes) {
  if (pending_.contains(access)) return finish(access);
  if (!master_ || data.size() > kLongest) return refuse();
  if (data.size() < 32) strobes &= (1U << data.size()) - 1;
  bool pending = false;
  while (strobes != 0) {
    const auto offset = static_cast<std::size_t>(std::countr_zero(strobes));
    const auto size = static_cast<std::size_t>(std::countr_one(strobes >> offset));
    strobes = offset + size == 32 ? 0 : strobes >> (offset + size) << (offset + size);
    const bool behind = writing(false);
    if (!behind && maps_.write(address + offset, data.subspan(offset, size))) {
      traffic_.file_written += size;
      continue;
    }
    ask(true, behind, address + offset, access, offset, size, data.data() + offset);
    pending = true;
  }
  return pending ? Answer::kPending : Answer::kOk;
}

Answer ClientMemory::exchange(std::uint64_t access, std::uint64_t address, std::span<const std::byte> expected,
                              std::span<const std::byte> data, bool& held) {
  held = false;
  const auto found = pending_.find(access);
  if (found == pending_.end()) {
    if (!master_) return refuse();
    if (const auto done = writing(true) ? std::nullopt : maps_.exchange(address, expected, data)) {
      held = *done;
      traffic_.file_read += expected.size();
      if (held) traffic_.file_written += data.size();
      return Answer::kOk;
    }
    ask(false, false, address, access, 0, expected.size(), nullptr);
    return Answer::kPending;
  }
  Access& state = found->second;
  if (state.pieces != 0) return Answer::kPending;
  const bool as_expected = std::equal(expected.begin(), expected.end(), state.data.begin());
  if (!state.unsupported && !state.exchanged && as_expected) {
    state.exchanged = true;
    ask(true, writing(false), address, access, 0, data.size(), data.data());
    return Answer::kPending;
  }
  held = state.exchanged && !state.unsupported;
  return finish(access);
}

bool ClientMemory::writing(bool shared) const {
  const auto open = [shared](const Request& request) {
    return request.write && (request.shared || !shared) && !request.pieces.empty();
  };
  return std::ranges::any_of(fresh_, open) ||
         std::ranges::any_of(sent_, [&](const auto& item) { return open(item.second); });
}

void ClientMemory::ask(bool write, bool shared, std::uint64_t address, std::uint64_t access, std::size_t offset,
                       std::size_t size, const std::byte* data) {
  while (size != 0) {
    const std::size_t piece = std::min<std::uint64_t>(size, limit_);
    const bool joins = !fresh_.empty() && fresh_.back().write == write &&
                       fresh_.back().address + fresh_.back().size == address && fresh_.back().size + piece <= limit_;
    if (!joins) fresh_.push_back({write, shared, address, 0, write ? ++writes_ : 0, {}, {}, {}});
    Request& request = fresh_.back();
    request.shared = request.shared || shared;
    request.size += piece;
    if (write) request.data.insert(request.data.end(), data, data + piece);
    request.pieces.push_back({access, offset, piece});
    ++pending_[access].pieces;
    address += piece;
    offset += piece;
    data = write ? data + piece : nullptr;
    size -= piece;
  }
}

std::vector<vu::Message> ClientMemory::take_requests() {
  std::vector<Message> messages;
  for (Request& request : fresh_) {
    while (sent_.contains(next_id_)) ++next_id_;
    Message message = make_command(request.write ? vu::Command::kDmaWrite : vu::Command::kDmaRead, next_id_);
    message.append(vu::DmaAccess{request.address, request.size});
    message.append(std::span<const std::byte>(request.data));
    request.data = {};
    request.since = Clock::now();
    sent_.emplace(next_id_++, std::move(request));
    messages.push_back(std::move(message));
  }
  fresh_.clear();
  return messages;
}

Result<> ClientMemory::answer(const Message& reply) {
  const auto found = sent_.find(reply.header.id);
  if (found == sent_.end() || reply.command() != (found->second.write ? vu::Command::kDmaWrite : vu::Command::kDmaRead))
    return fail(Code::kInvalid, EPROTO,
                fmt::format("the reply {} to {}, which was not asked", reply.header.id, vu::name(reply.command())));
  const Request request = std::move(found->second);
  sent_.erase(found);
  if (reply.error() != 0) {
    conclude(request, false, {});
    return {};
  }
  // Of a write, QEMU sends the header back alone.
  if (request.write && reply.payload.empty()) {
    conclude(request, true, {});
    return {};
  }
  const auto split = vu::decode_with_data<vu::DmaAccess>(reply);
  const std::size_t wanted = request.write ? 0 : request.size;
  if (!split || split->head.address != request.address || split->head.count != request.size ||
      split->data.size() != wanted) {
    conclude(request, false, {});
    return fail(Code::kInvalid, EPROTO,
                fmt::format("a reply to {} of {} bytes at {:#x} that has another address or length",
                            vu::name(reply.command()), request.size, request.address));
  }
  conclude(request, true, split->data);
  return {};
}

void ClientMemory::conclude(const Request& request, bool ok, std::span<const std::byte> data) {
  for (const Piece& piece : request.pieces) {
    const auto found = pending_.find(piece.access);
    if (found == pending_.end()) continue;
    Access& access = found->second;
    --access.pieces;
    access.unsupported = access.unsupported || !ok;
    if (!ok) continue;
    (request.write ? traffic_.message_written : traffic_.message_read) += piece.size;
    if (request.write) continue;
    std::memcpy(access.data.data() + piece.offset, data.data(), piece.size);
    data = data.subspan(piece.size);
  }
}

std::size_t ClientMemory::expire(Clock::time_point since) {
  std::size_t expired = 0;
  for (auto& [id, request] : sent_) {
    if (request.since >= since || request.pieces.empty()) continue;
    conclude(request, false, {});
    // Its reply may still come, and is taken then.
    request.pieces.clear();
    ++expired;
  }
  return expired;
}

bool ClientMemory::done_before(std::uint64_t place) const {
  const auto before = [place](const Request& request) {
    return request.write && request.place <= place && !request.pieces.empty();
  };
  return std::ranges::none_of(fresh_, before) &&
         std::ranges::none_of(sent_, [&](const auto& item) { return before(item.second); });
}

bool ClientMemory::waiting() const {
  return !fresh_.empty() || std::ranges::any_of(sent_, [](const auto& item) { return !item.second.pieces.empty(); });
}

void ClientMemory::forget() {
  pending_.clear();
  fresh_.clear();
  for (auto& [id, request] : sent_) request.pieces.clear();
}

void ClientMemory::clear() {
  forget();
  sent_.clear();
  maps_.clear();
  master_ = false;
  limit_ = vu::kMaxTransfer;
  traffic_ = {};
}

}  // namespace aperture::sw::serve
