// SPDX-License-Identifier: Apache-2.0
#pragma once

// One client of a served function, from its first message to its last. Nothing here blocks beyond the function's own
// answer to a register access: a reply never waits for memory, and requests are served while memory is waited for.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "card/vfio_user/connection.hpp"
#include "serve/client_memory.hpp"
#include "serve/config_space.hpp"
#include "serve/function.hpp"
#include "serve/msix.hpp"

namespace aperture::sw::serve {

/// What happened, for people and for tests of clients.
struct Summary {
  std::map<std::string, std::uint64_t> received;  ///< commands by name
  std::map<std::string, std::uint64_t> sent;      ///< commands by name
  std::uint64_t error_replies = 0;                ///< sent
  std::uint64_t device_resets = 0;                ///< by DEVICE_RESET
  std::uint64_t function_level_resets = 0;        ///< by configuration write
  std::uint64_t interrupts = 0;                   ///< eventfds signalled
  Traffic traffic;
  std::string end;  ///< why it ended
};

class ClientSession {
 public:
  using Log = std::function<void(const std::string& line)>;
  using Clock = ClientMemory::Clock;

  /// `memory` is what `function` reaches. All three must outlive the session. `log` gets a line for every request that
  /// is refused and for a broken connection; after kMostLines of them it gets no more.
  ClientSession(card::vfio_user::Connection connection, Function& function, ClientMemory& memory, Log log);
  /// Leaves a function that is reset and reaches no memory.
  ~ClientSession();
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;

  static constexpr unsigned kMostLines = 20;
  /// A reply to DMA_READ or DMA_WRITE that takes longer does not come: the access is unsupported.
  static constexpr std::chrono::seconds kReplyLimit{60};

  int fd() const { return connection_.fd(); }
  short events() const;
  /// How long `step` may be put off while no event comes, in milliseconds as for poll(2): -1 for ever.
  int patience() const;
  /// Handles what has arrived, lets the function work for a while, sends what the socket takes. False: it has ended.
  bool step();

  const Summary& summary() const { return summary_; }

 private:
  using Message = card::vfio_user::Message;
  using Reply = Result<Message>;

  bool receive();
  void work();
  void end(std::string why);
  void log(const std::string& line);
  void handle(Message& message);
  Reply reply_to(Message& request);

  Reply version(const Message& request);
  Reply dma_map(Message& request);
  Reply dma_unmap(const Message& request);
  Reply device_info(const Message& request);
  Reply region_info(const Message& request);
  Reply irq_info(const Message& request);
  Reply set_irqs(Message& request);
  Reply region_read(const Message& request);
  Reply region_write(const Message& request);
  Reply device_reset(const Message& request);

  std::uint64_t region_size(std::uint32_t region) const;
  /// Whether an access lies in its region and, in a BAR, is one that a bus has.
  Result<> check(const card::vfio_user::RegionAccess& access, card::vfio_user::Command command) const;
  void reset_function();
  void settle_config();
  void after_function();
  /// Vectors that the function has sent: they are raised behind its writes so far.
  void hold(std::uint64_t vectors);

  card::vfio_user::Connection connection_;
  Function& function_;
  ClientMemory& memory_;
  Log log_;
  unsigned lines_ = 0;
  Summary summary_;
  bool versioned_ = false;
  bool ending_ = false;  ///< after what is queued has been sent
  bool ended_ = false;
  ConfigSpace config_;
  Msix msix_;
  /// Messages that wait for the writes before them, and for COMMAND's bus-master bit.
  std::deque<std::pair<std::uint64_t, std::uint64_t>> held_;  ///< place, vectors
};

}  // namespace aperture::sw::serve
