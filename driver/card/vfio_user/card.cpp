// SPDX-License-Identifier: Apache-2.0
#include "card/vfio_user/card.hpp"

#include <fmt/format.h>
#include <linux/pci_regs.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "card/pci.hpp"
#include "card/registers.hpp"
#include "card/vfio_user/client.hpp"
#include "card/vfio_user/memory.hpp"

namespace aperture::card::vfio_user {
namespace {

using Clock = std::chrono::steady_clock;

/// Interrupts::wait may return early: after this long without a step of CYCLE the caller judges.
constexpr std::chrono::milliseconds kStandstill{100};
constexpr std::chrono::microseconds kFirstPause{50};
constexpr std::chrono::microseconds kLongestPause{5'000};

class SocketCard final : public Card, private Mmio, private Interrupts {
 public:
  SocketCard(std::string path, Dma dma) : path_(std::move(path)), dma_(dma) {}
  ~SocketCard() override {
    if (enabled_) (void)write_command(0);
  }
  SocketCard(const SocketCard&) = delete;
  SocketCard& operator=(const SocketCard&) = delete;

  Result<> start();

  Mmio& mmio() override { return *this; }
  DmaMemory& memory() override { return *memory_; }
  Interrupts& interrupts() override { return *this; }
  Result<> function_reset() override;
  std::string description() const override;

 private:
  std::uint32_t read32(Bar bar, std::uint64_t offset) override { return read<std::uint32_t>(bar, offset); }
  std::uint64_t read64(Bar bar, std::uint64_t offset) override { return read<std::uint64_t>(bar, offset); }
  void write32(Bar bar, std::uint64_t offset, std::uint32_t value) override { write(bar, offset, value); }
  void write64(Bar bar, std::uint64_t offset, std::uint64_t value) override { write(bar, offset, value); }
  unsigned vectors() const override { return static_cast<unsigned>(events_.size()); }
  std::uint64_t wait(std::uint64_t mask, std::uint64_t cycles) override;

  template <typename T>
  T read(Bar bar, std::uint64_t offset);
  template <typename T>
  void write(Bar bar, std::uint64_t offset, T value);
  /// [offset, offset + sizeof(T)) of a region.
  template <typename T>
  Result<T> read_region(std::uint32_t region, std::uint64_t offset);
  Result<> write_command(std::uint16_t value);
  Result<> check_function();
  Result<> arm_interrupts();
  /// Takes the events of `mask` that have come.
  std::uint64_t take(std::uint64_t mask);

  std::string path_;
  Dma dma_;
  bool enabled_ = false;  ///< COMMAND was written
  Windows windows_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Memory> memory_;
  std::vector<FileDescriptor> events_;  ///< by vector
};

template <typename Request>
Result<Request> ask(Client& client, Command command, const Request& request) {
  Message message = client.make(command);
  message.append(request);
  const auto reply = client.call(std::move(message));
  if (!reply) return std::unexpected(reply.error());
  // Capabilities may follow the struct.
  const auto split = decode_with_data<Request>(*reply);
  if (!split) return std::unexpected(split.error());
  return split->head;
}

Result<> SocketCard::start() {
  auto client = Client::connect(path_, windows_);
  if (!client) return std::unexpected(std::move(client.error()));
  client_ = std::move(*client);
  memory_ = std::make_unique<Memory>(*client_, windows_, dma_);
  if (auto done = check_function(); !done) return done;
  if (auto done = arm_interrupts(); !done) return done;
  enabled_ = true;
  return write_command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

Result<> SocketCard::check_function() {
  const auto info = ask(*client_, Command::kDeviceGetInfo, DeviceInfo{sizeof(DeviceInfo), 0, 0, 0});
  if (!info) return std::unexpected(info.error());
  if ((info->flags & VFIO_DEVICE_FLAGS_PCI) == 0 || info->regions <= VFIO_PCI_CONFIG_REGION_INDEX)
    return fail(Code::kEnvironment, ENODEV, fmt::format("socket {}: what is served there is no PCI function", path_));
  const auto ids = read_region<std::uint32_t>(VFIO_PCI_CONFIG_REGION_INDEX, PCI_VENDOR_ID);
  if (!ids) return std::unexpected(ids.error());
  if (*ids != (std::uint32_t{pci::kDevice} << 16 | pci::kVendor))
    return fail(Code::kEnvironment, ENODEV,
                fmt::format("socket {}: the function there is {:04x}:{:04x}, this card is {:04x}:{:04x}", path_,
                            *ids & 0xffff, *ids >> 16, pci::kVendor, pci::kDevice));
  for (const std::uint32_t bar : {VFIO_PCI_BAR0_REGION_INDEX, VFIO_PCI_BAR2_REGION_INDEX}) {
    RegionInfo request{};
    request.argsz = sizeof request;
    request.index = bar;
    const auto region = ask(*client_, Command::kDeviceGetRegionInfo, request);
    if (!region) return std::unexpected(region.error());
    if (region->size < pci::kBarSize)
      return fail(Code::kEnvironment, ENODEV,
                  fmt::format("socket {}: BAR {} has {} bytes instead of {}", path_, bar, region->size, pci::kBarSize));
  }
  return {};
}

Result<> SocketCard::arm_interrupts() {
  IrqInfo request{};
  request.argsz = sizeof request;
  request.index = VFIO_PCI_MSIX_IRQ_INDEX;
  const auto info = ask(*client_, Command::kDeviceGetIrqInfo, request);
  if (!info) return std::unexpected(info.error());
  // Vectors are bits of a word of 64; a server that takes no descriptors gives none.
  const std::uint64_t at_once = client_->server().max_msg_fds;
  const std::uint32_t count = at_once == 0 ? 0 : std::min<std::uint32_t>(info->count, 64);
  for (std::uint32_t v = 0; v < count; ++v) {
    events_.emplace_back(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!events_.back()) return fail(Code::kNoMemory, errno, "no event descriptor for an interrupt vector");
  }
  for (std::uint32_t start = 0; start < count;) {
    const auto piece = static_cast<std::uint32_t>(std::min<std::uint64_t>(at_once, count - start));
    Message message = client_->make(Command::kDeviceSetIrqs);
    message.append(IrqSet{sizeof(IrqSet), VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
                          VFIO_PCI_MSIX_IRQ_INDEX, start, piece});
    for (std::uint32_t v = start; v < start + piece; ++v) message.fds.push_back(events_[v].duplicate());
    if (const auto reply = client_->call(std::move(message)); !reply) return std::unexpected(reply.error());
    start += piece;
  }
  return {};
}

Result<> SocketCard::write_command(std::uint16_t value) {
  Message message = client_->make(Command::kRegionWrite);
  message.append(RegionAccess{PCI_COMMAND, VFIO_PCI_CONFIG_REGION_INDEX, sizeof value});
  message.append(value);
  const auto reply = client_->call(std::move(message));
  if (!reply) return std::unexpected(reply.error());
  return {};
}

template <typename T>
Result<T> SocketCard::read_region(std::uint32_t region, std::uint64_t offset) {
  Message message = client_->make(Command::kRegionRead);
  message.append(RegionAccess{offset, region, sizeof(T)});
  const auto reply = client_->call(std::move(message));
  if (!reply) return std::unexpected(reply.error());
  const auto split = decode_with_data<RegionAccess>(*reply);
  if (!split) return std::unexpected(split.error());
  if (split->data.size() != sizeof(T)) return std::unexpected(wrong_length(*reply, sizeof(RegionAccess) + sizeof(T)));
  T value;
  std::memcpy(&value, split->data.data(), sizeof value);
  return value;
}

void check_place(Bar bar, std::uint64_t offset, std::size_t size) {
  if (offset % size != 0 || offset >= pci::kBarSize)
    throw std::out_of_range(
        fmt::format("register access of {} bytes at {:#x} of BAR {}", size, offset, static_cast<int>(bar)));
}

template <typename T>
T SocketCard::read(Bar bar, std::uint64_t offset) {
  check_place(bar, offset, sizeof(T));
  // What a PCIe host sees of a failed read.
  return read_region<T>(static_cast<std::uint32_t>(bar), offset).value_or(~T{0});
}

template <typename T>
void SocketCard::write(Bar bar, std::uint64_t offset, T value) {
  check_place(bar, offset, sizeof(T));
  // A posted write, as on PCIe: the socket keeps it before every later access.
  Message message = client_->make(Command::kRegionWrite, kNoReply);
  message.append(RegionAccess{offset, static_cast<std::uint32_t>(bar), sizeof(T)});
  message.append(value);
  client_->post(std::move(message));
}

Result<> SocketCard::function_reset() {
  const auto reply = client_->call(client_->make(Command::kDeviceReset));
  if (!reply) return std::unexpected(reply.error());
  (void)take(~std::uint64_t{0});
  return write_command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

std::string SocketCard::description() const {
  std::string text = fmt::format("vfio-user:{} ({})", path_, dma_ == Dma::kMemfd ? "memfd" : "in-band");
  if (client_ && client_->death()) text += ", lost: " + client_->death()->what;
  return text;
}

std::uint64_t SocketCard::take(std::uint64_t mask) {
  std::uint64_t taken = 0;
  for (std::size_t v = 0; v < events_.size(); ++v) {
    std::uint64_t count = 0;
    const std::uint64_t bit = std::uint64_t{1} << v;
    if ((mask & bit) != 0 && ::read(events_[v].get(), &count, sizeof count) == sizeof count) taken |= bit;
  }
  return taken;
}

std::uint64_t SocketCard::wait(std::uint64_t mask, std::uint64_t cycles) {
  std::vector<pollfd> polled;
  for (std::size_t v = 0; v < events_.size(); ++v)
    if ((mask >> v & 1) != 0) polled.push_back({events_[v].get(), POLLIN, 0});
  const std::uint64_t first = card::read(*this, regs::card::cycle);
  std::uint64_t last = first;
  auto pause = kFirstPause;
  for (auto progress = Clock::now(); !client_->death();) {
    if (const std::uint64_t taken = take(mask); taken != 0) return taken;
    client_->wait(polled, pause);
    pause = std::min(pause * 2, kLongestPause);
    if (std::ranges::any_of(polled, [](const pollfd& p) { return p.revents != 0; })) continue;
    // Read in this order: what the card did before it was idle has been told by then.
    const std::uint64_t status = card::read(*this, regs::card::status);
    const std::uint64_t cycle = card::read(*this, regs::card::cycle);
    const auto now = Clock::now();
    if (regs::card::status_f::busy.get(status) == 0 || cycle - first >= cycles) return take(mask);
    if (cycle != last) progress = now;
    last = cycle;
    if (now - progress >= kStandstill) return 0;
  }
  return 0;
}

Result<std::unique_ptr<Card>> open(const Options& options) {
  const std::string dma = options.text("dma", "memfd");
  if (dma != "memfd" && dma != "inband")
    return fail(Code::kInvalid, EINVAL, fmt::format("vfio-user: dma={} is neither memfd nor inband", dma));
  auto card = std::make_unique<SocketCard>(options.argument, dma == "memfd" ? Dma::kMemfd : Dma::kInBand);
  if (auto done = card->start(); !done) return std::unexpected(std::move(done.error()));
  return card;
}

}  // namespace

Factory factory() {
  Factory f{};
  f.name = "vfio-user";
  f.help = "the card that another process serves at a socket";
  f.argument = "path of the socket";
  f.argument_needed = true;
  f.keys = {{"dma", "the driver's own memory: memfd (shared, the default) or inband (by messages)"}};
  f.open = open;
  return f;
}

}  // namespace aperture::card::vfio_user
