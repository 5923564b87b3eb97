// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "output.hpp"
#include "selftest/run.hpp"

namespace aperture::sw::selftest {

/// All that a run said, also while it is going on. Thread-safe: whoever ends a run that hangs reports it too.
class Report final : public Listener {
 public:
  /// `tap`: prints each result at once, as version 14 of the Test Anything Protocol.
  explicit Report(bool tap) : tap_(tap) {}

  void plan(const std::vector<const Step*>& steps) override;
  void begin(const Step& step) override;
  void done(const Done& done) override;
  void bail_out(const std::string& reason) override;

  /// Every step that ran passed or was skipped, and the run came to its end.
  bool ok() const;
  /// {"steps": [...], "bail_out": ...}, with the checks that Output counts.
  Json json() const;
  /// JUnit's XML, as CI servers read it.
  std::string junit() const;

 private:
  mutable std::mutex mutex_;
  bool tap_;
  std::vector<const Step*> plan_;
  std::vector<Done> done_;
  const Step* running_{};
  std::optional<std::string> bail_out_;
};

/// Figures by name.
Json facts_json(const Verdict& verdict);
/// One result as TAP has it: the line, and its diagnostics as a YAML block.
std::string tap_line(std::size_t number, const Done& done);
std::string bail_out_line(const std::string& reason);
/// Results as a JUnit document; steps of the plan that did not run are skipped with `bail_out` as the reason.
std::string junit_document(const std::vector<const Step*>& plan, const std::vector<Done>& done,
                           const std::string& bail_out);

}  // namespace aperture::sw::selftest
