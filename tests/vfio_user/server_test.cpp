// SPDX-License-Identifier: Apache-2.0
// A server's life, apart from what it serves.
#include <fcntl.h>

#include "vfio_user/server_thread.hpp"

namespace aperture::test {
namespace {

TEST(Server, EndsWithItsFirstClientIfAskedTo) {
  const Folder folder;
  ServerThread server(folder.socket(), true);
  ASSERT_TRUE(open(folder.socket()));
  server.join();
  ASSERT_EQ(server.summaries.size(), 1U);
  EXPECT_EQ(server.summaries[0].received.at("VERSION"), 1U);
  EXPECT_FALSE(std::filesystem::exists(folder.socket()));
}

TEST(Server, RemovesItsSocketAndReplacesOneThatNobodyListensOn) {
  const Folder folder;
  {
    auto left_behind = vu::listen_at(folder.socket());
    ASSERT_TRUE(left_behind);
  }
  ASSERT_TRUE(std::filesystem::exists(folder.socket()));
  {
    const ServerThread server(folder.socket());
    EXPECT_TRUE(open(folder.socket()));
    EXPECT_EQ(vu::listen_at(folder.socket()).error().number, EADDRINUSE);
  }
  EXPECT_FALSE(std::filesystem::exists(folder.socket()));
}

TEST(Server, DoesNotReplaceAFile) {
  const Folder folder;
  { const FileDescriptor file(::open(folder.socket().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); }
  EXPECT_EQ(vu::listen_at(folder.socket()).error().number, EEXIST);
  EXPECT_EQ(vu::listen_at(std::string(200, 'x')).error().number, ENAMETOOLONG);
  EXPECT_EQ(vu::listen_at(folder.socket() + "/no/such").error().number, ENOTDIR);
}

}  // namespace
}  // namespace aperture::test
