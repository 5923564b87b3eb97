// SPDX-License-Identifier: Apache-2.0
#include "tb/replay/write.hpp"

#include <gtest/gtest.h>

#include "tb/replay/parse.hpp"

namespace aperture::tb::replay {
namespace {

TEST(Write, EveryOperationIsReadBackAsItWas) {
  for (
      const char* line : {
          R"({"op":"reset","straps":{"capabilities":"0x3820000e10","fctl":2,"ddt_levels_max":1,"reset_mode":"bare"}})",
          R"({"op":"mem_write","addr":"0x1000","data":"00ff"})",
          R"({"op":"mem_read","addr":"0x1000","len":16})",
          R"({"op":"mem_fault","addr":"0x1000","len":8,"kind":"poison"})",
          R"({"op":"reg_write","offset":"0x10","size":8,"value":"0x1"})",
          R"({"op":"reg_read","offset":"0x10","size":8})",
          R"({"op":"translate","device_id":"0x5","process_id":"0x0","privileged":true,"iova":"0x1000","write":true,"type":"translated","data":"0102"})",
          R"({"op":"translate","device_id":"0x5","exec":true,"iova":"0x1000","len":4})",
          R"({"op":"translate","device_id":"0x5","exec":true,"iova":"0x1000","write":true,"type":"ats"})",
          R"({"op":"page_request","device_id":"0x5","process_id":"0x7","exec":true,"payload":"0x1007"})",
          R"({"op":"settle","max_cycles":100})",
          R"({"op":"settle"})",
          R"({"op":"advance","cycles":7})",
          R"({"op":"messages","expect":{"wires":0}})",
          R"({"op":"complete_invalidation","device_id":"0x5","itag_vector":"0x3","cc":2})",
      }) {
    const auto operation = parse(line);
    ASSERT_TRUE(operation) << line;
    EXPECT_EQ(to_json(*operation).dump(), line);
  }
}

}  // namespace
}  // namespace aperture::tb::replay
