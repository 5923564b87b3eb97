// SPDX-License-Identifier: Apache-2.0
//
// Streams between a device and the IOMMU beside their AXI port: ATS translation requests and completions, page requests,
// messages to a device, invalidation completions. Each is valid and ready; a producer holds what it offers until it is taken.
// Source: specification, "PCIe ATS translation request handling", "PCIe ATS Page Request handling", "IOMMU PCIe ATS commands".
//
// A module that is linted alone uses only some of the constants, which is no fault: UNUSEDPARAM is off for this file alone.
`default_nettype none
/* verilator lint_off UNUSEDPARAM */
package ats_pkg;
  localparam int unsigned ITAGS = 2;              // invalidations that wait for their completion
  localparam int unsigned ITAG_AW = 1;

  localparam logic [2:0] STATUS_SUCCESS = 3'd0;   // as PCIe's completion status
  localparam logic [2:0] STATUS_UR = 3'd1;
  localparam logic [2:0] STATUS_CA = 3'd4;

  localparam logic [3:0] RESPONSE_SUCCESS = 4'h0; // of a page-request group
  localparam logic [3:0] RESPONSE_INVALID = 4'h1;
  localparam logic [3:0] RESPONSE_FAILURE = 4'hf;

  // translation request
  typedef struct packed {
    logic [7:0]  tag;       // comes back with the completion
    logic [23:0] did;
    logic        pv;
    logic [19:0] pid;
    logic        priv;
    logic        exec;
    logic        write;     // the request is not "no-write"
    logic [63:0] iova;
  } req_t;
  localparam int unsigned REQ_W = 120;

  // translation completion
  typedef struct packed {
    logic [7:0]  tag;
    logic [2:0]  status;
    logic [51:0] page;      // first 4 KiB page of the range
    logic [5:0]  lg;        // log2 of its 4 KiB pages
    logic        r;
    logic        w;
    logic        x;
    logic        global;
    logic        priv;
    logic        untranslated;  // U: only untranslated accesses may use the range
    logic [1:0]  pbmt;
  } rsp_t;
  localparam int unsigned RSP_W = 77;

  // page request
  typedef struct packed {
    logic [23:0] did;
    logic        pv;
    logic [19:0] pid;
    logic        priv;
    logic        exec;
    logic [63:0] payload;   // 0 R, 1 W, 2 L, 11:3 page request group index, 63:12 address
  } page_t;
  localparam int unsigned PAGE_W = 111;

  // message to a device
  typedef struct packed {
    logic        response;  // page-request group response, else invalidation request
    logic        dsv;       // did[23:16] is a segment
    logic [23:0] did;
    logic        pv;
    logic [19:0] pid;
    logic [63:0] payload;   // of an invalidation: 0 G, 11 S, 63:12 address; of a response: 40:32 group index, 47:44 code
    logic [4:0]  itag;
  } msg_t;
  localparam int unsigned MSG_W = 116;

  // invalidation completion
  typedef struct packed {
    logic [23:0] did;
    logic [31:0] itags;     // bit t: tag t
    logic [2:0]  cc;        // completions that each tag takes in all, 0: 8
  } cpl_t;
  localparam int unsigned CPL_W = 59;
endpackage
/* verilator lint_on UNUSEDPARAM */
`default_nettype wire
