// SPDX-License-Identifier: Apache-2.0
#pragma once

// The order between memory that a device reaches by DMA and its registers. A C++ fence orders memory against memory
// only; these order it against device accesses, as Linux's writel and readl do.

namespace aperture::vfio {

/// Before a register write: everything written to memory so far is seen by the device first.
inline void before_register_write() {
#if defined(__x86_64__) || defined(__i386__)
  asm volatile("" ::: "memory");  // stores become visible in program order
#elif defined(__aarch64__)
  asm volatile("dmb oshst" ::: "memory");
#elif defined(__riscv)
  asm volatile("fence rw, ow" ::: "memory");
#else
#error "which barrier orders memory writes before a device write on this machine?"
#endif
}

/// After a register read: no later load of memory is done before it.
inline void after_register_read() {
#if defined(__x86_64__) || defined(__i386__)
  asm volatile("" ::: "memory");  // loads are done in program order
#elif defined(__aarch64__)
  asm volatile("dmb oshld" ::: "memory");
#elif defined(__riscv)
  asm volatile("fence i, ir" ::: "memory");
#else
#error "which barrier orders a device read before memory reads on this machine?"
#endif
}

}  // namespace aperture::vfio
