// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

namespace aperture::tb {

/// Whom an assertion that fails, in the RTL or at its pins, is told to: the model that is in use has one owner.
void tell_assertions_to(std::function<void(const std::string&)> owner);
void report_assertion(const std::string& text);

}  // namespace aperture::tb
