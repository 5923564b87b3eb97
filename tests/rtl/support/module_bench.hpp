// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include <verilated.h>

#include "support/seed.hpp"
#include "tb/card/coverage.hpp"

namespace aperture::test {

/// A Verilated module with clk_i and rst_ni, out of reset. Inputs are set through ->; outputs are valid after settle().
template <typename Model>
class ModuleBench {
 public:
  ModuleBench() : context_(std::make_unique<VerilatedContext>()) {
    context_->threads(1);
    context_->randSeed(static_cast<int>(seed() & 0x7fffffff) + 1);
    context_->randReset(2);
    model_ = std::make_unique<Model>(context_.get());
    model_->rst_ni = 0;
  }
  ~ModuleBench() { model_->final(); }

  Model* operator->() { return model_.get(); }
  /// Inputs must have been set: clocks of reset, then out of it.
  void reset() {
    model_->rst_ni = 0;
    tick();
    tick();
    model_->rst_ni = 1;
    settle();
  }
  /// Combinational outputs follow the inputs; no clock edge.
  void settle() {
    model_->clk_i = 0;
    model_->eval();
  }
  void tick(unsigned clocks = 1) {
    for (unsigned i = 0; i < clocks; ++i) {
      settle();
      model_->clk_i = 1;
      model_->eval();
      settle();
    }
  }
  bool run_until(const std::function<bool()>& done, unsigned clocks) {
    for (unsigned i = 0; i < clocks && !done(); ++i) tick();
    return done();
  }

 private:
  std::unique_ptr<VerilatedContext> context_;
  std::unique_ptr<Model> model_;
  tb::Coverage coverage_{*context_};
};

}  // namespace aperture::test
