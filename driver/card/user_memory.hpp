// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace aperture::card {

/// Whether whole pages of this process may be read, and written where asked for; faults them in as pinning does.
/// Kernels before 5.14 only say whether they are mapped.
bool accessible(std::byte* first, std::size_t size, bool writable);

}  // namespace aperture::card
