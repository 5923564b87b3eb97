// SPDX-License-Identifier: Apache-2.0
// The card's TLM `device` socket, by an initiator as an outsider writes it.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/iommu_setup.hpp"
#include "ioas/ioas.hpp"
#include "ioas/platform.hpp"
#include "riscv/iommu.hpp"
#include "support/seed.hpp"
#include "tb/card/card_model.hpp"

namespace aperture::test {
namespace {

using Bytes = std::vector<unsigned char>;
using tb::Channel;
using tb::Identity;
using tb::Port;

struct Access {
  bool write = false;
  std::uint64_t address = 0;
  Bytes data{};
  std::optional<Identity> who{};
  Bytes enables{};
  std::optional<unsigned> streaming_width{};
  std::uint8_t id = 0;
  tlm::tlm_response_status status = tlm::TLM_INCOMPLETE_RESPONSE;
};

/// A device model: two SC_THREADs, each of which makes the accesses of its list, one after the other, once told to.
class Model final : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Model> socket{"socket"};
  std::array<std::vector<Access>, 2> lists;
  unsigned finished = 0;

  explicit Model(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
    for (std::size_t i = 0; i < lists.size(); ++i) {
      sc_core::sc_spawn([this, i] {
        for (;;) {
          sc_core::wait(go_);
          for (Access& access : lists[i]) run(access);
          ++finished;
        }
      });
    }
  }

  void start() {
    finished = 0;
    go_.notify(sc_core::SC_ZERO_TIME);
  }

  tlm::tlm_response_status run(Access& access) {
    tb::IdentityExtension identity;
    tlm::tlm_generic_payload payload;
    payload.set_command(access.write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    payload.set_address(access.address);
    payload.set_data_ptr(access.data.data());
    payload.set_data_length(static_cast<unsigned>(access.data.size()));
    payload.set_streaming_width(access.streaming_width.value_or(payload.get_data_length()));
    if (!access.enables.empty()) {
      payload.set_byte_enable_ptr(access.enables.data());
      payload.set_byte_enable_length(static_cast<unsigned>(access.enables.size()));
    }
    if (access.who) {
      identity.who = *access.who;
      identity.axi_id = access.id;
      payload.set_extension(&identity);
    }
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    socket->b_transport(payload, delay);
    payload.clear_extension(&identity);
    access.status = payload.get_response_status();
    return access.status;
  }

 private:
  sc_core::sc_event go_;
};

/// The one of this process, bound at the first call: before the bench starts.
Model& model() {
  static std::unique_ptr<Model> the_model;
  if (!the_model) {
    tb::Bench::elaborate_with([](tb::CardModel& card) {
      the_model = std::make_unique<Model>("model");
      the_model->socket.bind(card.device);
    });
    power_on();
  }
  return *the_model;
}

Bytes pattern(std::size_t size, unsigned salt) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(i * 11 + salt);
  return bytes;
}

constexpr Identity kWho{.device_id = 5};
constexpr std::uint64_t kIova = 0x7000'0000;

class DeviceSocket : public ::testing::TestWithParam<unsigned> {
 protected:
  DeviceSocket() {
    start(iommu, regs::IommuMode::k1lvl);
    iommu.set_context(kWho.device_id, table.context());
    table.map(kIova, page);
  }

  tlm::tlm_response_status write(std::uint64_t address, const Bytes& data, const Bytes& enables = {}) {
    Access access{.write = true, .address = address, .data = data, .who = kWho, .enables = enables};
    return model.run(access);
  }
  Bytes in_memory(std::uint64_t address, std::size_t size) {
    Bytes bytes(size);
    bench.settle();
    bench.memory().read(address, std::as_writable_bytes(std::span(bytes)));
    return bytes;
  }
  void put_in_memory(std::uint64_t address, const Bytes& bytes) {
    bench.memory().write(address, std::as_bytes(std::span(bytes)));
  }
  /// Requests that reached the card's port since the log was switched on.
  std::size_t requests() {
    return bench.log().events(Port::kDevice, Channel::kAr).size() +
           bench.log().events(Port::kDevice, Channel::kAw).size();
  }

  Model& model = test::model();
  tb::Bench& bench = power_on(tb::Profile::kIdeal, 20, GetParam());
  Iommu iommu{bench};
  PageTable table{iommu, regs::SatpMode::kSv39};
  std::uint64_t page = iommu.frame();
};

TEST_P(DeviceSocket, BytesOfAnyAlignmentCrossTheIommu) {
  for (const auto& [offset, size] : {std::pair{0U, 1U}, {3U, 2U}, {0x40U, 64U}, {0x105U, 300U}, {0xfffU, 1U}}) {
    SCOPED_TRACE("offset " + std::to_string(offset));
    const Bytes sent = pattern(size, offset);
    EXPECT_EQ(write(kIova + offset, sent), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(in_memory(page + offset, size), sent);
    Access read{.address = kIova + offset, .data = Bytes(size), .who = kWho};
    EXPECT_EQ(model.run(read), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(read.data, sent);
  }
}

TEST_P(DeviceSocket, LongestBurstHas256Beats) {
  const std::uint64_t longest = std::min<std::uint64_t>(256 * GetParam() / 8, kPageSize);
  const Bytes sent = pattern(longest, 1);
  EXPECT_EQ(write(kIova, sent), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(in_memory(page, longest), sent);
}

TEST_P(DeviceSocket, WriteLeavesBytesThatAreNotEnabled) {
  put_in_memory(page, Bytes(16, 0xaa));
  // The enables repeat over the data.
  EXPECT_EQ(write(kIova + 1, pattern(9, 1), {TLM_BYTE_ENABLED, TLM_BYTE_DISABLED, TLM_BYTE_DISABLED}),
            tlm::TLM_OK_RESPONSE);
  Bytes expected(16, 0xaa);
  for (const unsigned i : {0U, 3U, 6U}) expected[1 + i] = pattern(9, 1)[i];
  EXPECT_EQ(in_memory(page, 16), expected);
}

TEST_P(DeviceSocket, ReadLeavesBytesThatAreNotEnabled) {
  put_in_memory(page, pattern(8, 3));
  Access read{.address = kIova, .data = Bytes(8, 0xaa), .who = kWho, .enables = {TLM_BYTE_DISABLED, TLM_BYTE_ENABLED}};
  EXPECT_EQ(model.run(read), tlm::TLM_OK_RESPONSE);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(read.data[i], i % 2 != 0 ? pattern(8, 3)[i] : 0xaa) << i;
}

TEST_P(DeviceSocket, AccessThatIsNoBurstIsRefusedAtOnce) {
  const unsigned bus = GetParam() / 8;
  std::vector<std::pair<std::string, Access>> refused;
  refused.emplace_back("no identity", Access{.address = kIova, .data = Bytes(8)});
  refused.emplace_back("no bytes", Access{.address = kIova, .who = kWho});
  refused.emplace_back("4 KiB", Access{.address = kIova + 0xffc, .data = Bytes(8), .who = kWho});
  refused.emplace_back("end of the address space", Access{.address = ~std::uint64_t{0}, .data = Bytes(8), .who = kWho});
  refused.emplace_back("streaming", Access{.address = kIova, .data = Bytes(8), .who = kWho, .streaming_width = 4});
  if (bus == 8) refused.emplace_back("257 beats", Access{.address = kIova, .data = Bytes(2049), .who = kWho});
  bench.log().enable(true);
  for (auto& [why, access] : refused) {
    for (const bool write : {false, true}) {
      access.write = write;
      EXPECT_EQ(model.run(access), tlm::TLM_BURST_ERROR_RESPONSE) << why;
    }
  }
  EXPECT_EQ(requests(), 0U);
}

TEST_P(DeviceSocket, RefusalOfTheIommuIsAnErrorThatTheFaultRecordExplains) {
  Access read{.address = kIova + kPageSize, .data = Bytes(8, 0xaa), .who = kWho};
  EXPECT_EQ(model.run(read), tlm::TLM_GENERIC_ERROR_RESPONSE);
  EXPECT_EQ(read.data, Bytes(8, 0xaa));
  Access write{.write = true,
               .address = kIova,
               .data = Bytes(8),
               .who = Identity{.device_id = 6, .process_id = 9, .privileged = true}};
  EXPECT_EQ(model.run(write), tlm::TLM_GENERIC_ERROR_RESPONSE);
  const std::vector<Fault> faults = iommu.faults();
  ASSERT_EQ(faults.size(), 2U);
  EXPECT_EQ(faults[0].cause, regs::Cause::kReadPageFault);
  EXPECT_EQ(faults[0].device_id, 5U);
  EXPECT_EQ(faults[0].iotval, kIova + kPageSize);
  EXPECT_EQ(faults[1].cause, regs::Cause::kDdtNotValid);
  EXPECT_EQ(faults[1].device_id, 6U);
  EXPECT_EQ(faults[1].process_id, 9U);
  EXPECT_TRUE(faults[1].privileged);
}

TEST_P(DeviceSocket, ErrorOfMemoryIsAnError) {
  bench.memory().fault(page + 64, 16, tb::MemoryFault::kError);
  EXPECT_EQ(write(kIova + 64, Bytes(8)), tlm::TLM_GENERIC_ERROR_RESPONSE);
  EXPECT_EQ(write(kIova, Bytes(8)), tlm::TLM_OK_RESPONSE);
}

TEST_P(DeviceSocket, ThreadsOfTheModelAreServedAtTheSameTime) {
  put_in_memory(page, pattern(kPageSize, 0));
  for (unsigned t = 0; t < 2; ++t) {
    model.lists[t].clear();
    for (unsigned i = 0; i < 8; ++i) {
      const auto id = static_cast<std::uint8_t>(t);
      model.lists[t].push_back({.address = kIova + 256 * i + 64 * t, .data = Bytes(32), .who = kWho, .id = id});
    }
  }
  bench.log().enable(true);
  model.start();
  bench.run(4000);
  ASSERT_EQ(model.finished, 2U);
  for (const std::vector<Access>& list : model.lists) {
    for (const Access& read : list) {
      EXPECT_EQ(read.status, tlm::TLM_OK_RESPONSE);
      EXPECT_EQ(read.data, in_memory(page + (read.address - kIova), read.data.size()));
    }
  }
  // The second one's request was taken before the first one's answer came.
  const auto asked = bench.log().events(Port::kDevice, Channel::kAr);
  const auto answered = bench.log().events(Port::kDevice, Channel::kR);
  ASSERT_EQ(asked.size(), 16U);
  ASSERT_FALSE(answered.empty());
  EXPECT_LT(asked[1].accepted, answered[0].accepted);
}

TEST_P(DeviceSocket, ResetOfTheBenchEndsAnAccessWithAnError) {
  bench.device().hold(Channel::kR, true);
  model.lists[0] = {{.address = kIova, .data = Bytes(8), .who = kWho}};
  model.lists[1].clear();
  model.start();
  bench.run(500);
  ASSERT_EQ(model.finished, 1U);
  bench.reset();
  bench.run(10);
  EXPECT_EQ(model.finished, 2U);
  EXPECT_EQ(model.lists[0][0].status, tlm::TLM_GENERIC_ERROR_RESPONSE);
}

INSTANTIATE_TEST_SUITE_P(Of, DeviceSocket, ::testing::Values(64U, 128U),
                         [](const auto& info) { return std::to_string(info.param) + "Bits"; });

TEST(DeviceSocketBinding, ComesBeforeTheBenchOrNotAtAll) {
  model();
  EXPECT_THROW(tb::Bench::elaborate_with([](tb::CardModel&) {}), std::logic_error);
}

/// Co-simulation: the driver decides what the model reaches.
TEST(DeviceSocketBinding, ModelReachesWhatTheDriverMapsForIt) {
  Model& device = model();
  tb::Bench& bench = power_on();
  auto iommu = riscv::Iommu::bring_up(bench.card());
  ASSERT_TRUE(iommu) << iommu.error().what;
  auto attached = (*iommu)->make_device({.name = "model", .device_id = 0x77});
  ASSERT_TRUE(attached) << attached.error().what;
  ioas::Platform platform;
  ioas::Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(**attached));
  alignas(kPageSize) static std::array<std::byte, 2 * kPageSize> buffer{};
  const auto iova = ioas.map(buffer.data(), buffer.size(), ioas::Prot::kReadWrite);
  ASSERT_TRUE(iova);
  Access write{.write = true,
               .address = iova->value + kPageSize + 16,
               .data = pattern(100, 2),
               .who = Identity{.device_id = 0x77}};
  ASSERT_EQ(device.run(write), tlm::TLM_OK_RESPONSE);
  const std::span<const std::byte> written = std::as_bytes(std::span(write.data));
  EXPECT_TRUE(std::equal(written.begin(), written.end(), buffer.begin() + kPageSize + 16));
  ASSERT_TRUE(ioas.unmap(*iova, buffer.size()));
  EXPECT_EQ(device.run(write), tlm::TLM_GENERIC_ERROR_RESPONSE);
}

}  // namespace
}  // namespace aperture::test
