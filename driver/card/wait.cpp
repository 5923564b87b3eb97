// SPDX-License-Identifier: Apache-2.0
#include "card/wait.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "card/registers.hpp"

namespace aperture::card {
namespace {

constexpr std::uint64_t kFirstSlice = 32;
constexpr std::uint64_t kLongestSlice = 8192;
constexpr std::uint64_t kGone = ~std::uint64_t{0};
/// Linux returns from a reset when the function answers again: longer than this no card that is there reads all ones.
constexpr std::chrono::milliseconds kGoneLimit{250};

}  // namespace

Waiter::Waiter(Card& card, WaitFor wait_for)
    : card_(card),
      wait_for_(std::move(wait_for)),
      slice_(kFirstSlice),
      last_progress_(std::chrono::steady_clock::now()) {}

std::string Waiter::story(std::string_view end) const {
  return fmt::format("{} waited for {} since cycle {}: {} (CYCLE {})", wait_for_.who, wait_for_.what, first_cycle_, end,
                     last_cycle_ == kGone ? "reads all ones" : fmt::format("is {}", last_cycle_));
}

Result<bool> Waiter::poll(const std::function<bool()>& happened) {
  if (happened()) return true;

  const std::uint64_t cycle = read(card_.mmio(), regs::card::cycle);
  const std::uint64_t status = read(card_.mmio(), regs::card::status);
  const bool gone = cycle == kGone && status == 0xffff'ffff;
  if (!gone && wait_for_.idle_ends && regs::card::status_f::busy.get(status) == 0) {
    if (happened()) return true;
    if (!started_) first_cycle_ = cycle;
    last_cycle_ = cycle;
    return fail(Code::kCardIdle, EIO, story("the card is idle and it has not happened"));
  }

  const auto now = std::chrono::steady_clock::now();
  if (!started_ || (cycle != last_cycle_ && !gone)) {
    last_progress_ = now;
    if (!started_) first_cycle_ = cycle;
    started_ = true;
  }
  last_cycle_ = cycle;
  if (now - last_progress_ >= (gone ? std::min(wait_for_.wall_limit, kGoneLimit) : wait_for_.wall_limit))
    return fail(Code::kCardDead, EIO,
                story(gone ? "the card no longer answers, every read gives all ones"
                           : "the card's clock stands still although there is work"));
  const std::uint64_t spent = gone || first_cycle_ == kGone ? 0 : cycle - first_cycle_;
  if (spent >= wait_for_.cycles)
    return fail(Code::kTimedOut, ETIMEDOUT, story(fmt::format("timed out after {} cycles", spent)));

  card_.interrupts().wait(wait_for_.vectors, std::min(slice_, wait_for_.cycles - spent));
  slice_ = std::min(slice_ * 2, kLongestSlice);
  if (gone) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return false;
}

Result<> wait(Card& card, WaitFor wait_for, const std::function<bool()>& happened) {
  Waiter waiter(card, std::move(wait_for));
  for (;;) {
    auto done = waiter.poll(happened);
    if (!done) return std::unexpected(std::move(done.error()));
    if (*done) return {};
  }
}

std::uint64_t cycles(Card& card) { return read(card.mmio(), regs::card::cycle); }

Result<> reset(Card& card) {
  write(card.mmio(), regs::card::reset, regs::card::reset_f::go.mask());
  auto done = wait(card, {.who = "card", .what = "the end of RESET", .idle_ends = false},
                   [&card] { return regs::card::status_f::resetting.get(read(card.mmio(), regs::card::status)) == 0; });
  if (!done) return done;
  return card.function_reset();
}

}  // namespace aperture::card
