// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "output.hpp"
#include "session.hpp"
#include "transfer.hpp"

// The demo's steps. Each does one thing to the card, gives what it found as a section, and has a text made from that
// section.

namespace aperture::sw::demo {

/// Identity, parameters and capabilities, from the card's registers.
Json show_card(Session& session);
std::string card_text(const Json& section);

/// An IOAS that requires a guest's windows; one device that fits and one that does not.
Json negotiate_windows(Session& session);
std::string windows_text(const Json& section);

/// A device without any wishes, and a clone of its IOAS for a second one.
Json serve_simple_user(Session& session);
std::string simple_text(const Json& section);

/// A file that two devices see at different IOVAs, and what became of it: one step uses what the other has set up.
class FileStory {
 public:
  FileStory(Session& session, const std::filesystem::path& file);

  /// Channel 0 copies the file as one device, channel 1 reads it as the other.
  Json move_file();
  /// The second device strays; the first one uses an IOVA after it was unmapped.
  Json stray();

 private:
  Session& session_;
  std::string name_;
  StagedFile staged_;
  ioas::Device& nic_;
  ioas::Device& disk_;
  ioas::Ioas nic_space_;
  ioas::Ioas disk_space_;
  Iova nic_file_;
  Iova nic_copy_;
  Iova disk_file_;
  std::unique_ptr<dma::Channel> nic_channel_;
  std::unique_ptr<dma::Channel> disk_channel_;
};
std::string move_text(const Json& section);
std::string stray_text(const Json& section);

/// The card's counters since it was switched on, and how fast all of it ran.
Json figures(Session& session, double seconds);
std::string figures_text(const Json& section);

}  // namespace aperture::sw::demo
