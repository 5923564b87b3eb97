// SPDX-License-Identifier: Apache-2.0
// iommu_ats_cmd, iommu_msg and iommu_ats alone: tags and their time, messages and completions of a port that is
// isolated. Fields of the bundles as rtl/common/ats_pkg.sv has them.

#include <gtest/gtest.h>

#include <utility>

#include "Viommu_ats.h"
#include "Viommu_ats_cmd.h"
#include "Viommu_msg.h"
#include "regs/registers.hpp"
#include "rtl/support/bundle.hpp"
#include "rtl/support/module_bench.hpp"

namespace aperture::test {
namespace {

constexpr unsigned kMessageBits = 116, kCompletionBits = 59, kRequestBits = 120, kAnswerBits = 77;
constexpr unsigned kDevice = 0x1'0203;

// ---- iommu_ats_cmd: invalidations
// -------------------------------------------------------------------------------------

class Invalidations : public ::testing::Test {
 protected:
  static constexpr unsigned kTime = 50;

  Invalidations() {
    bench->timeout_i = kTime;
    bench->stale_i = 0;
    bench->cmd_valid_i = 0;
    bench->msg_ready_i = 1;
    bench->sent_i = 0;
    bench->isolated_i = 0;
    bench->id_base_i = bench->id_mask_i = 0;
    bench->cpl_valid_i = 0;
    bench->timed_out_clear_i = 0;
    bench.reset();
  }
  void command(regs::Func3 func3, unsigned device) {
    namespace w0 = regs::cmd::w0;
    std::uint64_t word = w0::func3.set(0, std::to_underlying(func3)) | w0::ats_dsv.mask();
    word = w0::ats_dseg.set(w0::ats_rid.set(word, device & 0xffff), device >> 16);
    put(bench->cmd_i, 0, 64, word);
    put(bench->cmd_i, 64, 64, 0);
  }
  /// Takes a command, whose message leaves at once. Its tag.
  unsigned send(unsigned device) {
    command(regs::Func3::kAtsInval, device);
    bench->cmd_valid_i = 1;
    bench.settle();
    EXPECT_TRUE(bench->cmd_taken_o);
    const auto tag = static_cast<unsigned>(get(bench->msg_o, 0, 5));
    for (unsigned i = 0; i < 4; ++i) bench->sent_msg_i[i] = bench->msg_o[i];
    bench.tick();
    bench->cmd_valid_i = 0;
    bench->sent_i = 1;
    bench.tick();
    bench->sent_i = 0;
    bench.settle();
    return tag;
  }
  void complete(unsigned device, unsigned tags, unsigned count, unsigned port = 1) {
    const unsigned at = port * kCompletionBits;
    put(bench->cpl_i, at, 3, count);
    put(bench->cpl_i, at + 3, 32, tags);
    put(bench->cpl_i, at + 35, 24, device);
    bench->cpl_valid_i = static_cast<CData>(1U << port);
    bench.settle();
    EXPECT_TRUE(bench->cpl_ready_o >> port & 1);
    bench.tick();
    bench->cpl_valid_i = 0;
    bench.settle();
  }
  ModuleBench<Viommu_ats_cmd> bench;
};

TEST_F(Invalidations, TakeTheLowestFreeTag) {
  EXPECT_EQ(send(kDevice), 0U);
  EXPECT_EQ(send(kDevice), 1U);
  complete(kDevice, 1, 1);
  EXPECT_EQ(send(kDevice), 0U);
}

TEST_F(Invalidations, WaitForAFreeTag) {
  send(kDevice);
  send(kDevice);
  bench->cmd_valid_i = 1;
  bench.settle();
  EXPECT_FALSE(bench->cmd_taken_o);
  EXPECT_TRUE(bench->waiting_o);
  complete(kDevice, 2, 1);
  EXPECT_TRUE(bench->cmd_taken_o);
}

TEST_F(Invalidations, WaitForTranslationRequestsThatMayBeStale) {
  bench->stale_i = 1;
  bench->cmd_valid_i = 1;
  command(regs::Func3::kAtsInval, kDevice);
  bench.settle();
  EXPECT_FALSE(bench->cmd_taken_o);
  EXPECT_FALSE(bench->waiting_o);
  command(regs::Func3::kAtsPrgr, kDevice);  // a group response need not
  bench.settle();
  EXPECT_TRUE(bench->cmd_taken_o);
}

TEST_F(Invalidations, EndAfterAsManyCompletionsAsTheySay) {
  for (const unsigned count : {1U, 2U, 7U, 8U}) {
    send(kDevice);
    for (unsigned i = 0; i < count; ++i) {
      EXPECT_TRUE(bench->pending_o) << i << " of " << count;
      complete(kDevice, 1, count % 8);
    }
    EXPECT_FALSE(bench->pending_o) << count;
    EXPECT_FALSE(bench->timed_out_o);
  }
}

TEST_F(Invalidations, OneCompletionCanEndSeveral) {
  send(kDevice);
  send(kDevice);
  complete(kDevice, 3, 1);
  EXPECT_FALSE(bench->pending_o);
}

TEST_F(Invalidations, CompletionsThatDoNotBelongCountForNothing) {
  send(kDevice);
  complete(kDevice + 1, 1, 1);  // another device
  complete(kDevice, 2, 1);      // another tag
  bench->isolated_i = 2;
  complete(kDevice, 1, 1, 1);  // an isolated port
  bench->isolated_i = 0;
  put(bench->cpl_i, 0, 1, 0);
  bench->id_mask_i = std::uint64_t{0xff'ffff} << 24;
  bench->id_base_i = std::uint64_t{7} << 24;
  complete(kDevice, 1, 1, 1);  // a port that may not use the id
  EXPECT_TRUE(bench->pending_o);
  complete(kDevice, 1, 1, 0);
  EXPECT_FALSE(bench->pending_o);
}

TEST_F(Invalidations, RunOutOfTimeExactlyThen) {
  send(kDevice);
  bench.tick(kTime - 1);
  EXPECT_TRUE(bench->pending_o);
  EXPECT_FALSE(bench->timed_out_o);
  bench.tick(2);
  EXPECT_FALSE(bench->pending_o);
  EXPECT_TRUE(bench->timed_out_o);
  bench->timed_out_clear_i = 1;
  bench.tick();
  EXPECT_FALSE(bench->timed_out_o);
}

TEST_F(Invalidations, HaveNoTimeRunningWhileTheirMessageWaits) {
  command(regs::Func3::kAtsInval, kDevice);
  bench->cmd_valid_i = 1;
  bench.tick();
  bench->cmd_valid_i = 0;
  bench.tick(10 * kTime);
  EXPECT_TRUE(bench->pending_o);
  EXPECT_FALSE(bench->timed_out_o);
}

// ---- iommu_msg
// -----------------------------------------------------------------------------------------------------------

class MessageOutput : public ::testing::Test {
 protected:
  MessageOutput() {
    bench->isolated_i = 0;
    bench->in_valid_i = 0;
    bench->out_ready_i = 0;
    bench->route_port_i = 1;
    bench.reset();
  }
  /// Until it is taken.
  void give(unsigned input, unsigned mark) {
    put(bench->in_i, input * kMessageBits, 5, mark);
    bench->in_valid_i = static_cast<CData>(1U << input);
    bench.settle();
    EXPECT_TRUE(bench.run_until([&] { return (bench->in_ready_o >> input & 1) != 0; }, 20));
    bench.tick();
    bench->in_valid_i = 0;
    bench.tick(2);
  }
  unsigned mark(unsigned port) { return static_cast<unsigned>(get(bench->out_o, port * kMessageBits, 5)); }
  ModuleBench<Viommu_msg> bench;
};

TEST_F(MessageOutput, BothSourcesHaveTheirTurn) {
  bench->out_ready_i = 3;
  bench->in_valid_i = 3;
  put(bench->in_i, 0, 5, 1);
  put(bench->in_i, kMessageBits, 5, 2);
  unsigned seen[3]{};
  for (unsigned i = 0; i < 20; ++i) {
    bench.settle();
    if (bench->out_valid_o == 2) ++seen[mark(1)];
    bench.tick();
  }
  EXPECT_GE(seen[1], 3U);
  EXPECT_GE(seen[2], 3U);
}

TEST_F(MessageOutput, APortThatTakesNothingHoldsUpNoOther) {
  give(0, 9);
  bench->route_port_i = 0;
  give(0, 8);
  EXPECT_EQ(bench->out_valid_o, 3U);
  EXPECT_EQ(mark(1), 9U);
  EXPECT_EQ(mark(0), 8U);
}

TEST_F(MessageOutput, WhatAPortHasSeenStaysWhenItIsIsolatedAndTheRestIsDropped) {
  give(0, 9);
  bench->isolated_i = 2;
  give(0, 7);
  give(1, 6);
  EXPECT_EQ(bench->out_valid_o, 2U);
  EXPECT_EQ(mark(1), 9U);
  EXPECT_TRUE(bench->idle_o);
  bench->out_ready_i = 2;
  bench.tick();
  EXPECT_EQ(bench->out_valid_o, 0U);
  give(0, 5);
  EXPECT_EQ(bench->out_valid_o, 0U);
}

// ---- iommu_ats: translation requests
// -----------------------------------------------------------------------------------

class TranslationRequests : public ::testing::Test {
 protected:
  TranslationRequests() {
    bench->isolated_i = 0;
    bench->id_base_i = bench->id_mask_i = 0;
    bench->req_valid_i = 0;
    bench->rsp_ready_i = 0;
    bench->side_accept_i = bench->side_done_i = 0;
    bench->fence_taken_i = bench->inval_i = 0;
    bench.reset();
  }
  void ask(unsigned port, unsigned tag) {
    put(bench->req_i, port * kRequestBits, 64, 0);
    put(bench->req_i, port * kRequestBits + 112, 8, tag);
    bench->req_valid_i = static_cast<CData>(1U << port);
    bench.settle();
    EXPECT_TRUE(bench->req_ready_o >> port & 1);
    bench.tick();
    bench->req_valid_i = 0;
    bench.settle();
  }
  void walk() {
    ASSERT_TRUE(bench->side_valid_o);
    bench->side_accept_i = 1;
    bench.tick();
    bench->side_accept_i = 0;
    bench->side_done_i = 1;
    bench.tick();
    bench->side_done_i = 0;
    bench.settle();
  }
  unsigned tag(unsigned port) { return static_cast<unsigned>(get(bench->rsp_o, port * kAnswerBits + 69, 8)); }
  ModuleBench<Viommu_ats> bench;
};

TEST_F(TranslationRequests, APortThatTakesNoCompletionHoldsUpNoOther) {
  ask(1, 3);
  walk();
  ask(0, 4);
  walk();
  EXPECT_EQ(bench->rsp_valid_o, 3U);
  EXPECT_EQ(tag(1), 3U);
  EXPECT_EQ(tag(0), 4U);
}

TEST_F(TranslationRequests, AFenceIsFreeOnceAnEarlierCompletionWasTaken) {
  ask(1, 3);
  bench->fence_taken_i = 1;
  bench.tick();
  bench->fence_taken_i = 0;
  walk();
  EXPECT_FALSE(bench->old_none_o);
  ask(0, 4);  // younger than the fence
  bench->rsp_ready_i = 2;
  bench.tick();
  bench->rsp_ready_i = 0;
  bench.settle();
  EXPECT_TRUE(bench->old_none_o);
}

TEST_F(TranslationRequests, CompletionsOfAnIsolatedPortCountAsTaken) {
  ask(1, 3);
  bench->inval_i = 1;
  bench->fence_taken_i = 1;
  bench.tick();
  bench->inval_i = 0;
  bench->fence_taken_i = 0;
  walk();
  EXPECT_TRUE(bench->stale_o);
  bench->isolated_i = 2;
  bench.tick(2);
  EXPECT_FALSE(bench->stale_o);
  EXPECT_TRUE(bench->old_none_o);
  EXPECT_EQ(bench->rsp_valid_o, 2U) << "what was shown stays";
  ask(1, 5);
  bench.tick();
  EXPECT_EQ(tag(1), 3U);
  EXPECT_TRUE(bench->idle_o);
}

TEST_F(TranslationRequests, AForeignIdIsUnsupportedWithoutAWalk) {
  bench->id_mask_i = std::uint64_t{0xff} << 24;
  bench->id_base_i = std::uint64_t{1} << 24;
  ask(1, 6);
  EXPECT_FALSE(bench->side_valid_o);
  EXPECT_EQ(bench->rsp_valid_o, 2U);
  EXPECT_EQ(get(bench->rsp_o, kAnswerBits + 66, 3), 1U);
  EXPECT_EQ(tag(1), 6U);
}

}  // namespace
}  // namespace aperture::test
