// SPDX-License-Identifier: Apache-2.0
//
// ATS translation requests: each becomes a walk, whose result is the completion. One walk at a time, of the ports in turn; a
// port has one request in here, so that one which does not take its completion holds up no other. Refused requests (isolated
// port, or a device_id that the port may not use) are answered UR without a walk. While a port is isolated, completions that
// it does not take are dropped.
// Latency: the walk is asked for one clock after the request, the completion is there one clock after the walk's result.
// Source: specification, "PCIe ATS translation request handling".
`default_nettype none
module iommu_ats (
  input  wire                            clk_i,
  input  wire                            rst_ni,
  input  wire  [1:0]                     isolated_i,
  input  wire  [2*24-1:0]                id_base_i,      /// device_ids a port may use: (id & mask) == base
  input  wire  [2*24-1:0]                id_mask_i,

  input  wire  [1:0]                     req_valid_i,    /// per port
  input  wire  [2*ats_pkg::REQ_W-1:0]    req_i,
  output logic [1:0]                     req_ready_o,
  output logic [1:0]                     rsp_valid_o,
  output logic [2*ats_pkg::RSP_W-1:0]    rsp_o,
  input  wire  [1:0]                     rsp_ready_i,

  // walk, see iommu_walk
  output logic                           side_valid_o,
  output logic [iommu_pkg::REQ_W-1:0]    side_req_o,
  input  wire                            side_accept_i,
  input  wire                            side_done_i,
  input  wire  [iommu_pkg::SIDE_W-1:0]   side_res_i,

  input  wire                            fence_taken_i,  /// requests that are here now are older than the fence ...
  output logic                           old_none_o,     /// ... and none of them is left
  input  wire                            inval_i,        /// a cache is invalidated: requests that are here now may use what was in it ...
  output logic                           stale_o,        /// ... and one of them is not answered
  output logic                           entered_o,      /// a request entered that is not refused, one clock
  output logic [ats_pkg::REQ_W-1:0]      entered_req_o,  /// beside it
  output logic                           idle_o
);
  localparam int unsigned QW = ats_pkg::REQ_W;
  localparam int unsigned SW = ats_pkg::RSP_W;

  logic          asking_q, walking_q, port_q, last_q;    // a walk is wanted, under way; for which port
  logic [QW-1:0] req_q;
  logic [1:0]    rsp_valid_q, old_q, stale_q, held, here, take, drop;
  logic          walk_free, choice;
  assign walk_free = ~asking_q & ~walking_q;
  assign held = rsp_valid_q;
  assign here = held | (walk_free ? 2'b00 : port_q ? 2'b10 : 2'b01);
  // an isolated port that has left its completion lying gets no further ones
  assign drop = req_valid_i & held & isolated_i;
  assign take = ({2{walk_free}} & req_valid_i & ~held & ((req_valid_i == 2'b11 && held == 2'b00) ? (last_q ? 2'b01 : 2'b10) : 2'b11));
  assign choice = take[1];
  assign req_ready_o = take | drop;

  ats_pkg::req_t in;
  ats_pkg::req_t rq;
  logic [23:0] base, mask;
  logic        refused;
  always_comb begin
    in = '0;
    base = 24'd0;
    mask = 24'd0;
    refused = 1'b0;
    if (|take) begin
      in = choice ? req_i[QW +: QW] : req_i[0 +: QW];
      base = choice ? id_base_i[24 +: 24] : id_base_i[0 +: 24];
      mask = choice ? id_mask_i[24 +: 24] : id_mask_i[0 +: 24];
      refused = (choice ? isolated_i[1] : isolated_i[0]) | ((in.did & mask) != base);
    end
  end
  assign rq = req_q;
  assign entered_o = (|take) & ~refused;
  assign entered_req_o = in;

  // ---- walk -------------------------------------------------------------------------------------------------------------------
  iommu_pkg::req_t side;
  always_comb begin
    side = '0;
    if (asking_q) begin
      side.did = rq.did;
      side.pv = rq.pv;
      side.pid = rq.pid;
      side.prot = {rq.exec, 1'b0, rq.priv};
      side.ttype = iommu_pkg::TTYPE_ATS;
      side.write = rq.write;
      side.addr = rq.iova;
    end
  end
  assign side_valid_o = asking_q;
  assign side_req_o = side;

  // ---- completion ---------------------------------------------------------------------------------------------------------------
  iommu_pkg::side_t res;
  ats_pkg::rsp_t    rsp;
  logic [51:0]      offset;                                // pages inside of the range
  always_comb begin
    res = '0;
    rsp = '0;
    offset = 52'd0;
    if (side_done_i) begin
      res = side_res_i;
      offset = (52'd1 << res.lg) - 52'd1;
      rsp.tag = rq.tag;
      if (res.fault)
        case (res.cause)
          // a page fault is no fault of a translation request: nothing is granted
          regs_pkg::CAUSE_INSTRUCTION_PAGE_FAULT, regs_pkg::CAUSE_READ_PAGE_FAULT, regs_pkg::CAUSE_WRITE_PAGE_FAULT,
          regs_pkg::CAUSE_INSTRUCTION_GUEST_PAGE_FAULT, regs_pkg::CAUSE_READ_GUEST_PAGE_FAULT, regs_pkg::CAUSE_WRITE_GUEST_PAGE_FAULT,
          regs_pkg::CAUSE_MSI_PTE_NOT_VALID, regs_pkg::CAUSE_PDT_NOT_VALID: rsp.status = ats_pkg::STATUS_SUCCESS;
          regs_pkg::CAUSE_ALL_INBOUND_DISALLOWED, regs_pkg::CAUSE_DDT_ACCESS_FAULT, regs_pkg::CAUSE_DDT_NOT_VALID,
          regs_pkg::CAUSE_DDT_MISCONFIGURED, regs_pkg::CAUSE_TYPE_DISALLOWED: rsp.status = ats_pkg::STATUS_UR;
          default: rsp.status = ats_pkg::STATUS_CA;
        endcase
      else begin
        rsp.page = res.page & ~offset;
        rsp.lg = res.lg;
        rsp.r = res.r;
        rsp.w = res.w;
        rsp.x = res.x;
        rsp.global = res.g & rq.pv;
        rsp.untranslated = res.untranslated;
        rsp.pbmt = res.pbmt;
      end
      rsp.priv = (rsp.status == ats_pkg::STATUS_SUCCESS) & rq.pv & rq.priv;
    end
  end

  ats_pkg::rsp_t ur;
  always_comb begin
    ur = '0;
    ur.tag = in.tag;
    ur.status = ats_pkg::STATUS_UR;
  end

  logic [SW-1:0] rsp0_q, rsp1_q;
  assign rsp_o = {rsp1_q, rsp0_q};
  assign rsp_valid_o = rsp_valid_q;

  logic [1:0] fill, gone;                                  // per port: a completion arrives; the port's request is done with
  assign fill = side_done_i ? (port_q ? 2'b10 : 2'b01) : refused ? take : 2'b00;
  assign gone = rsp_valid_q & (rsp_ready_i | isolated_i);  // an isolated port's counts as taken

  always_ff @(posedge clk_i) begin
    if (entered_o) req_q <= in;
    if (fill[0]) rsp0_q <= side_done_i ? rsp : ur;
    if (fill[1]) rsp1_q <= side_done_i ? rsp : ur;
  end

  assign old_none_o = old_q == 2'b00;
  assign stale_o = stale_q != 2'b00;
  assign idle_o = walk_free & ((rsp_valid_q & ~isolated_i) == 2'b00);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      asking_q <= 1'b0;
      walking_q <= 1'b0;
      port_q <= 1'b0;
      last_q <= 1'b0;
      rsp_valid_q <= 2'b00;
      old_q <= 2'b00;
      stale_q <= 2'b00;
    end else begin
      if (|take) last_q <= choice;
      if (entered_o) begin
        asking_q <= 1'b1;
        port_q <= choice;
      end else if (asking_q && side_accept_i) begin
        asking_q <= 1'b0;
        walking_q <= 1'b1;
      end
      if (side_done_i) walking_q <= 1'b0;
      rsp_valid_q <= (rsp_valid_q & ~rsp_ready_i) | fill;
      old_q <= (fence_taken_i ? here : old_q) & ~gone;
      stale_q <= (stale_q | (inval_i ? here : 2'b00)) & ~gone;
    end
  end

`ifndef YOSYS
  always_ff @(posedge clk_i) if (rst_ni) begin
    a_done: assert (!side_done_i || walking_q) else $error("iommu_ats: the result of a walk that was not asked for");
    a_held: assert ((fill & rsp_valid_q & ~rsp_ready_i) == 2'b00) else $error("iommu_ats: a completion overwrites another");
  end
`endif
endmodule
`default_nettype wire
