// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "selftest/bench.hpp"
#include "selftest/verdict.hpp"

namespace aperture::sw::selftest {

/// One step of the self-test.
struct Step {
  const char* name;            ///< as --step takes it
  const char* proves;          ///< one sentence
  const char* check;           ///< what to look at when it fails, where a finding has no better advice
  std::uint64_t capabilities;  ///< bits that `capabilities` has to announce, else the step is skipped
  bool needed;                 ///< by all steps behind it: where it fails the program gives up
  void (*run)(Bench& bench, Verdict& verdict);
};

/// All of them, in their order: the table in steps.cpp.
std::span<const Step> steps();

void test_identity(Bench& bench, Verdict& verdict);
void test_clock(Bench& bench, Verdict& verdict);
void test_reset(Bench& bench, Verdict& verdict);
void test_registers(Bench& bench, Verdict& verdict);
void test_halves(Bench& bench, Verdict& verdict);
void test_warl(Bench& bench, Verdict& verdict);
void test_queues(Bench& bench, Verdict& verdict);
void test_loopback(Bench& bench, Verdict& verdict);

void test_command_vector(Bench& bench, Verdict& verdict);
void test_fault_vector(Bench& bench, Verdict& verdict);
void test_counter_vector(Bench& bench, Verdict& verdict);
void test_page_request_vector(Bench& bench, Verdict& verdict);
void test_channel_vectors(Bench& bench, Verdict& verdict);
void test_messages(Bench& bench, Verdict& verdict);

void test_directories(Bench& bench, Verdict& verdict);
void test_sv32(Bench& bench, Verdict& verdict);
void test_sv39(Bench& bench, Verdict& verdict);
void test_sv48(Bench& bench, Verdict& verdict);
void test_sv57(Bench& bench, Verdict& verdict);
void test_svnapot(Bench& bench, Verdict& verdict);
void test_svpbmt(Bench& bench, Verdict& verdict);
void test_svrsw60t59b(Bench& bench, Verdict& verdict);
void test_sv32x4(Bench& bench, Verdict& verdict);
void test_sv39x4(Bench& bench, Verdict& verdict);
void test_sv48x4(Bench& bench, Verdict& verdict);
void test_sv57x4(Bench& bench, Verdict& verdict);
void test_two_stages(Bench& bench, Verdict& verdict);
void test_hardware_updates(Bench& bench, Verdict& verdict);

void test_pd8(Bench& bench, Verdict& verdict);
void test_pd17(Bench& bench, Verdict& verdict);
void test_pd20(Bench& bench, Verdict& verdict);

void test_msi_flat(Bench& bench, Verdict& verdict);
void test_msi_mrif(Bench& bench, Verdict& verdict);
void test_amo_mrif(Bench& bench, Verdict& verdict);

void test_ats(Bench& bench, Verdict& verdict);
void test_t2gpa(Bench& bench, Verdict& verdict);
void test_page_requests(Bench& bench, Verdict& verdict);

void test_endianness(Bench& bench, Verdict& verdict);
void test_counters(Bench& bench, Verdict& verdict);
void test_debug(Bench& bench, Verdict& verdict);
void test_qosid(Bench& bench, Verdict& verdict);
void test_address_width(Bench& bench, Verdict& verdict);

void test_faults(Bench& bench, Verdict& verdict);
void test_invalidation(Bench& bench, Verdict& verdict);
void test_nonleaf_invalidation(Bench& bench, Verdict& verdict);
void test_range_invalidation(Bench& bench, Verdict& verdict);
void test_isolation(Bench& bench, Verdict& verdict);
void test_throughput(Bench& bench, Verdict& verdict);

}  // namespace aperture::sw::selftest
