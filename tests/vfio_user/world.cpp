// SPDX-License-Identifier: Apache-2.0
#include "vfio_user/world.hpp"

#include <linux/pci_regs.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <utility>

namespace aperture::test {

FileDescriptor shared_memory(std::uint64_t size, int seals) {
  FileDescriptor file(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(::ftruncate(file.get(), static_cast<off_t>(size)), 0);
  EXPECT_EQ(::fcntl(file.get(), F_ADD_SEALS, seals), 0);
  return file;
}

FileDescriptor event() { return FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

std::uint64_t events_of(const FileDescriptor& event) {
  std::uint64_t count = 0;
  return ::read(event.get(), &count, sizeof count) == sizeof count ? count : 0;
}

std::pair<FileDescriptor, FileDescriptor> socket_pair() {
  int fds[2] = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  return {FileDescriptor(fds[0]), FileDescriptor(fds[1])};
}

Served::Served(const sw::serve::Layout& layout) : function(memory, layout) {
  auto [server, client] = socket_pair();
  session.emplace(vu::Connection(std::move(server)), function, memory,
                  [this](const std::string& line) { lines.push_back(line); });
  peer.emplace(std::move(client));
}

void Served::send_raw(const void* bytes, std::size_t size) const {
  ASSERT_EQ(::send(peer->fd(), bytes, size, MSG_NOSIGNAL), static_cast<ssize_t>(size));
}

void Served::send(vu::Message message) {
  peer->queue(std::move(message));
  while (alive && peer->queued() != 0) {
    if (!peer->flush()) return;
    if (peer->queued() != 0) alive = session->step();
  }
}

void Served::settle() {
  for (int i = 0; i < 100 && alive; ++i) alive = session->step();
}

std::optional<vu::Message> Served::receive() {
  for (int i = 0; i < 100; ++i) {
    if (alive) alive = session->step();
    auto message = peer->receive();
    if (!message) return std::nullopt;
    if (*message) return std::move(**message);
    if (!alive) return std::nullopt;
  }
  return std::nullopt;
}

vu::Message Served::exchange(vu::Message request) {
  const std::uint16_t id = request.header.id;
  const std::uint16_t command = request.header.command;
  send(std::move(request));
  while (auto message = receive()) {
    if (!message->is_reply()) {
      asked.push_back(std::move(*message));
      continue;
    }
    EXPECT_EQ(message->header.id, id);
    EXPECT_EQ(message->header.command, command);
    return std::move(*message);
  }
  ADD_FAILURE() << "no reply to " << vu::name(static_cast<vu::Command>(command));
  return {};
}

void Served::start() {
  vu::Message hello = command(vu::Command::kVersion);
  append_version(hello);
  ASSERT_EQ(exchange(std::move(hello)).error(), 0);
  write_config(PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

vu::Message Served::read_request(std::uint32_t region, std::uint64_t offset, std::uint32_t size) {
  return command(vu::Command::kRegionRead, vu::RegionAccess{offset, region, size});
}

vu::Message Served::write_request(std::uint32_t region, std::uint64_t offset, std::uint32_t size, std::uint64_t value) {
  vu::Message request = command(vu::Command::kRegionWrite, vu::RegionAccess{offset, region, size});
  request.append(std::as_bytes(std::span(&value, 1)).first(size));
  return request;
}

void Served::write_config(std::uint64_t offset, std::uint16_t value) {
  EXPECT_EQ(error_of(write_request(VFIO_PCI_CONFIG_REGION_INDEX, offset, 2, value)), 0);
}

std::uint64_t Served::read_config(std::uint64_t offset, unsigned size) {
  return read_bar(VFIO_PCI_CONFIG_REGION_INDEX, offset, size);
}

std::uint64_t Served::read_bar(std::uint32_t bar, std::uint64_t offset, unsigned size) {
  const vu::Message reply = exchange(read_request(bar, offset, size));
  EXPECT_EQ(reply.error(), 0);
  std::uint64_t value = 0;
  EXPECT_EQ(reply.payload.size(), sizeof(vu::RegionAccess) + size);
  if (reply.payload.size() == sizeof(vu::RegionAccess) + size)
    std::memcpy(&value, reply.payload.data() + sizeof(vu::RegionAccess), size);
  return value;
}

void Served::write_bar(std::uint32_t bar, std::uint64_t offset, std::uint64_t value, unsigned size) {
  EXPECT_EQ(error_of(write_request(bar, offset, size, value)), 0);
}

int Served::map(std::uint64_t address, std::uint64_t size, const FileDescriptor& file, std::uint64_t offset,
                std::uint32_t flags) {
  vu::Message request = command(vu::Command::kDmaMap, vu::DmaMap{sizeof(vu::DmaMap), flags, offset, address, size});
  if (file) request.fds.push_back(file.duplicate());
  return error_of(std::move(request));
}

int Served::unmap(std::uint64_t address, std::uint64_t size, std::uint32_t flags) {
  return error_of(command(vu::Command::kDmaUnmap, vu::DmaUnmap{sizeof(vu::DmaUnmap), flags, address, size}));
}

int Served::set_irqs(std::uint32_t flags, std::uint32_t start, std::uint32_t count, std::vector<FileDescriptor> fds) {
  vu::Message request = command(vu::Command::kDeviceSetIrqs,
                                vu::IrqSet{sizeof(vu::IrqSet), flags, VFIO_PCI_MSIX_IRQ_INDEX, start, count});
  request.fds = std::move(fds);
  return error_of(std::move(request));
}

void Served::dma_write(std::uint64_t address, std::uint64_t value, std::optional<unsigned> vector) {
  write_bar(2, SimpleFunction::kAddress, address);
  write_bar(2, SimpleFunction::kLength, 8);
  write_bar(2, SimpleFunction::kData, value);
  write_bar(2, SimpleFunction::kGo, 0xff'0000'0001 | (vector ? 2 | *vector << 8 : 0));
}

void Served::dma_read(std::uint64_t address) {
  write_bar(2, SimpleFunction::kAddress, address);
  write_bar(2, SimpleFunction::kLength, 8);
  write_bar(2, SimpleFunction::kGo, 0);
}

}  // namespace aperture::test
