// SPDX-License-Identifier: Apache-2.0
//
// Debug translation interface (capabilities.DBG): tr_req_iova, tr_req_ctl and tr_response. A write of Go asks for one walk
// as if a device had sent an untranslated request, and its result is kept for software.
// tr_req_ctl may be written in halves: the low half acts. Writes are ignored while Go is 1. Exe acts with NW alone.
// Registers read 0 and keep nothing without DBG.
// Latency: a clock before the walk and one behind it. Outstanding: one request.
// Source: specification, chapter "Debug support" and its registers.
`default_nettype none
module iommu_dbg (
  input  wire         clk_i,
  input  wire         rst_ni,
  input  wire         dbg_i,         /// capabilities.DBG
  input  wire         we_i,
  input  wire         re_i,          /// rdata_o is 0 otherwise
  input  wire  [11:0] addr_i,
  input  wire  [63:0] wdata_i,
  input  wire  [7:0]  wstrb_i,
  output logic [63:0] rdata_o,

  output logic        req_valid_o,   /// held until req_accept_i
  output logic [iommu_pkg::REQ_W-1:0] req_o,
  input  wire         req_accept_i,
  input  wire         done_i,        /// one clock, side_t beside it
  input  wire  [iommu_pkg::SIDE_W-1:0] res_i,
  output logic        idle_o
);
  localparam logic [63:0] CTL_KEPT = iommu_pkg::bits(regs_pkg::IOMMU_TR_REQ_CTL_PRIV_LSB, regs_pkg::IOMMU_TR_REQ_CTL_PRIV_W)
                                   | iommu_pkg::bits(regs_pkg::IOMMU_TR_REQ_CTL_EXE_LSB, regs_pkg::IOMMU_TR_REQ_CTL_EXE_W)
                                   | iommu_pkg::bits(regs_pkg::IOMMU_TR_REQ_CTL_NW_LSB, regs_pkg::IOMMU_TR_REQ_CTL_NW_W)
                                   | iommu_pkg::bits(regs_pkg::IOMMU_TR_REQ_CTL_PID_LSB, regs_pkg::IOMMU_TR_REQ_CTL_PID_W)
                                   | iommu_pkg::bits(regs_pkg::IOMMU_TR_REQ_CTL_PV_LSB, regs_pkg::IOMMU_TR_REQ_CTL_PV_W)
                                   | iommu_pkg::bits(regs_pkg::IOMMU_TR_REQ_CTL_DID_LSB, regs_pkg::IOMMU_TR_REQ_CTL_DID_W);
  localparam logic [63:0] IOVA_KEPT = iommu_pkg::bits(regs_pkg::IOMMU_TR_REQ_IOVA_VPN_LSB, regs_pkg::IOMMU_TR_REQ_IOVA_VPN_W);

  logic        lo, hi, busy_q, asked_q;
  logic [11:0] at;
  logic [63:0] iova_q, ctl_q, response_q;
  assign at = {addr_i[11:3], 3'd0};
  assign lo = we_i & dbg_i & ~busy_q & (wstrb_i == 8'h0f || wstrb_i == 8'hff);
  assign hi = we_i & dbg_i & ~busy_q & (wstrb_i == 8'hf0 || wstrb_i == 8'hff);
  assign idle_o = ~busy_q;

  // ---- the request -------------------------------------------------------------------------------------------------------------------
  iommu_pkg::req_t req;
  logic nw, pv;
  assign nw = ctl_q[regs_pkg::IOMMU_TR_REQ_CTL_NW_LSB];
  assign pv = ctl_q[regs_pkg::IOMMU_TR_REQ_CTL_PV_LSB];
  always_comb begin
    req = '0;
    req.ttype = iommu_pkg::TTYPE_UNTRANSLATED;
    req.did = ctl_q[regs_pkg::IOMMU_TR_REQ_CTL_DID_LSB +: regs_pkg::IOMMU_TR_REQ_CTL_DID_W];
    req.pv = pv;
    req.pid = pv ? ctl_q[regs_pkg::IOMMU_TR_REQ_CTL_PID_LSB +: regs_pkg::IOMMU_TR_REQ_CTL_PID_W] : 20'd0;
    req.prot = {ctl_q[regs_pkg::IOMMU_TR_REQ_CTL_EXE_LSB] & nw, 1'b0, ctl_q[regs_pkg::IOMMU_TR_REQ_CTL_PRIV_LSB] & pv};
    req.write = ~nw;
    req.addr = iova_q;
  end
  assign req_valid_o = busy_q & ~asked_q;
  assign req_o = req;

  // ---- the answer --------------------------------------------------------------------------------------------------------------------
  iommu_pkg::side_t res;
  assign res = res_i;
  logic [63:0] response;
  logic [43:0] page, inner;                              // inner: page bits that the translation passes on
  always_comb begin
    inner = ~(44'hfff_ffff_ffff << res.lg);
    page = (res.page[43:0] & ~inner) | (inner >> 1);
    response = 64'd0;
    if (res.fault) response[regs_pkg::IOMMU_TR_RESPONSE_FAULT_LSB] = 1'b1;
    else begin
      response[regs_pkg::IOMMU_TR_RESPONSE_PBMT_LSB +: regs_pkg::IOMMU_TR_RESPONSE_PBMT_W] = res.pbmt;
      response[regs_pkg::IOMMU_TR_RESPONSE_S_LSB] = |inner;
      response[regs_pkg::IOMMU_TR_RESPONSE_PPN_LSB +: regs_pkg::IOMMU_TR_RESPONSE_PPN_W] = page;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      asked_q <= 1'b0;
      iova_q <= 64'd0;
      ctl_q <= 64'd0;
      response_q <= 64'd0;
    end else begin
      if (lo && at == regs_pkg::IOMMU_TR_REQ_IOVA) iova_q[31:0] <= wdata_i[31:0] & IOVA_KEPT[31:0];
      if (hi && at == regs_pkg::IOMMU_TR_REQ_IOVA) iova_q[63:32] <= wdata_i[63:32] & IOVA_KEPT[63:32];
      if (hi && at == regs_pkg::IOMMU_TR_REQ_CTL) ctl_q[63:32] <= wdata_i[63:32] & CTL_KEPT[63:32];
      if (lo && at == regs_pkg::IOMMU_TR_REQ_CTL) begin
        ctl_q[31:0] <= wdata_i[31:0] & CTL_KEPT[31:0];
        busy_q <= wdata_i[regs_pkg::IOMMU_TR_REQ_CTL_GO_BUSY_LSB];
        asked_q <= 1'b0;
      end
      if (req_accept_i) asked_q <= 1'b1;
      if (done_i) begin
        busy_q <= 1'b0;
        response_q <= response;
      end
    end
  end

  // ---- reads -------------------------------------------------------------------------------------------------------------------------
  always_comb begin
    rdata_o = 64'd0;
    if (re_i) begin
      case (at)
        regs_pkg::IOMMU_TR_REQ_IOVA: rdata_o = iova_q;
        regs_pkg::IOMMU_TR_REQ_CTL: begin
          rdata_o = ctl_q;
          rdata_o[regs_pkg::IOMMU_TR_REQ_CTL_GO_BUSY_LSB] = busy_q;
        end
        regs_pkg::IOMMU_TR_RESPONSE: rdata_o = response_q;
        default: rdata_o = 64'd0;
      endcase
    end
  end

  wire unused = &{1'b0, addr_i[2:0], res};
endmodule
`default_nettype wire
