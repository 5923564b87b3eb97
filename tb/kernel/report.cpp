// SPDX-License-Identifier: Apache-2.0
#include "tb/kernel/report.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstring>
#include <systemc>
#include <utility>

namespace aperture::tb {
namespace {

FailureHook& hook() {
  static FailureHook the_hook;
  return the_hook;
}
std::size_t count = 0;

void handle(const sc_core::sc_report& report, const sc_core::sc_actions&) {
  const std::string text = fmt::format("{}: {}", report.get_msg_type(), report.get_msg());
  if (report.get_severity() >= sc_core::SC_ERROR) {
    report_failure(text);
  } else if (report.get_severity() == sc_core::SC_WARNING &&
             std::strcmp(report.get_msg_type(), sc_core::SC_ID_NO_SC_START_ACTIVITY_) != 0) {
    fmt::print(stderr, "warning: {}\n", text);
  }
}

}  // namespace

void set_failure_hook(FailureHook new_hook) { hook() = std::move(new_hook); }

void report_failure(const std::string& text) {
  ++count;
  if (hook()) {
    hook()(text);
  } else {
    fmt::print(stderr, "simulation: {}\n", text);
  }
}

std::size_t failures() { return count; }

void install_report_handler() { sc_core::sc_report_handler::set_handler(handle); }

}  // namespace aperture::tb
