// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where what went wrong in the simulation goes: errors of SystemC, of the bus checkers, of RTL assertions and of the
// watchdog. A simulation goes on after them; the hook makes the running test fail.

#include <cstddef>
#include <functional>
#include <string>

namespace aperture::tb {

using FailureHook = std::function<void(const std::string& text)>;

/// Without a hook failures go to standard error. An empty function takes the hook back.
void set_failure_hook(FailureHook hook);
/// Counts, and calls the hook.
void report_failure(const std::string& text);
/// Failures since the program started.
std::size_t failures();
/// Sends SystemC's errors here; its warnings go to standard error.
void install_report_handler();

}  // namespace aperture::tb
