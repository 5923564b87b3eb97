// SPDX-License-Identifier: Apache-2.0
#pragma once

// A simple function served at a path by a thread of the test.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "card/vfio_user/card.hpp"
#include "serve/server.hpp"
#include "vfio_user/world.hpp"

namespace aperture::test {

/// For a socket; gone with what is in it.
class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "aperture-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string socket() const { return path_ / "card.sock"; }

 private:
  std::filesystem::path path_;
};

class ServerThread {
 public:
  explicit ServerThread(const std::string& path, bool once = false) {
    auto server = sw::serve::Server::listen(path);
    EXPECT_TRUE(server);
    thread_ = std::thread([this, once, server = std::move(*server)]() mutable {
      sw::serve::Server mine = std::move(server);
      sw::serve::ClientMemory memory;
      SimpleFunction function(memory);
      mine.offer(function, memory,
                 {.client_ended = [this](const sw::serve::Summary& summary) { summaries.push_back(summary); },
                  .log = [this](const std::string& line) { lines.push_back(line); }});
      sw::serve::Server* const servers[] = {&mine};
      sw::serve::Server::run(servers, end_.get(), once);
    });
  }
  ~ServerThread() { end(); }
  /// Afterwards the members may be looked at.
  void end() {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(end_.get(), &one, sizeof one), 8);
    if (thread_.joinable()) thread_.join();
  }
  void join() { thread_.join(); }

  std::vector<sw::serve::Summary> summaries;
  std::vector<std::string> lines;

 private:
  FileDescriptor end_ = event();
  std::thread thread_;
};

/// The card there.
inline Result<std::unique_ptr<card::Card>> open(const std::string& path, const std::string& dma = "memfd") {
  card::Options options;
  options.argument = path;
  options.set("dma", dma);
  return card::vfio_user::factory().open(options);
}

}  // namespace aperture::test
