// SPDX-License-Identifier: Apache-2.0
//
// The register page, but for what iommu_hpm, iommu_dbg and iommu_queue hold themselves. Reads are combinational and have no side
// effect; a write acts at the clock edge and never waits.
// Halves of 8-byte registers are written independently, in either order, except ddtp: the high half is kept until the low
// half is written, which acts. A 4-byte register takes only 4-byte writes.
// Choices where the specification leaves one: ignored, and read back as before, are a write to ddtp while it is busy, from
// one table mode to another, or to a mode that is not there; to cqb while the queue is on; to fctl while not Off or
// while a queue is on.
// Source: specification, chapter "Memory-mapped register interface".
`default_nettype none
module iommu_regs (
  input  wire         clk_i,
  input  wire         rst_ni,
  input  wire         we_i,
  input  wire         re_i,         /// rdata_o is 0 otherwise
  input  wire  [11:0] addr_i,
  input  wire  [63:0] wdata_i,
  input  wire  [7:0]  wstrb_i,
  output logic [63:0] rdata_o,

  input  wire  [63:0] strap_capabilities_i,
  input  wire  [1:0]  strap_ddt_levels_max_i,
  input  wire  [4:0]  strap_queue_log2_max_i,
  input  wire         strap_reset_bare_i,
  input  wire  [2:0]  strap_fctl_i,        /// reset value of fctl {gxl, wsi, be}; of WSI where both kinds of interrupt are there
  input  wire         strap_be_writable_i,
  input  wire         strap_gxl_writable_i,
  input  wire  [3:0]  strap_rcid_bits_i,
  input  wire  [3:0]  strap_mcid_bits_i,

  output logic [63:0] capabilities_o,
  output logic        wsi_o,
  output logic        be_o,                /// structures in memory are big-endian
  output logic        gxl_o,
  output logic        be_writable_o,
  output logic        gxl_writable_o,
  output logic [23:0] qosid_o,             /// iommu_qosid {MCID, RCID}
  output logic [3:0]  mode_o,              /// ddtp.iommu_mode
  output logic [43:0] root_o,              /// ddtp.PPN
  output logic        ddtp_write_o,        /// mode_o and root_o change in this clock: caches are to be dropped
  output logic        ddtp_start_o,        /// older requests are to be waited for, held until taken
  input  wire         ddtp_taken_i,
  input  wire         ddtp_done_i,
  output logic        ddtp_busy_o,

  output logic [43:0] cq_ppn_o,
  output logic [4:0]  cq_log2szm1_o,
  output logic [31:0] cq_tail_o,
  output logic        cq_en_o,
  output logic        cq_ie_o,
  input  wire  [31:0] cq_head_i,
  input  wire         cq_on_i,
  input  wire         cq_busy_i,
  input  wire         cq_mf_i,
  input  wire         cq_to_i,
  input  wire         cq_ill_i,
  input  wire         cq_fence_w_ip_i,
  output logic        cq_mf_clear_o,
  output logic        cq_to_clear_o,
  output logic        cq_ill_clear_o,
  output logic        cq_fence_w_ip_clear_o,

  input  wire         queue_used_i,        /// a queue of records is on, or to be on

  input  wire  [3:0]  ipsr_i,
  output logic [3:0]  ipsr_clear_o,
  input  wire  [15:0] icvec_i,
  output logic        icvec_we_o,
  output logic        msi_o,               /// messages are there
  output logic [7:0]  table_index_o,       /// 8-byte word of msi_cfg_tbl
  output logic [1:0]  table_we_o,          /// per half
  input  wire  [63:0] table_i
);
  // ---- which register is written, and with which half ------------------------------------------------------------------------------
  logic lo, hi, word_lo, word_hi;
  assign lo = we_i & (wstrb_i == 8'h0f || wstrb_i == 8'hff);
  assign hi = we_i & (wstrb_i == 8'hf0 || wstrb_i == 8'hff);
  assign word_lo = we_i & (wstrb_i == 8'h0f);
  assign word_hi = we_i & (wstrb_i == 8'hf0);
  logic [11:0] at;
  assign at = {addr_i[11:3], 3'd0};
  logic [31:0] wl, wh;
  assign wl = wdata_i[31:0];
  assign wh = wdata_i[63:32];

  logic [3:0]  mode_q;
  logic        cqen_q, cie_q;

  // ---- capabilities: what is built, and the straps leave on --------------------------------------------------------------------------
  localparam logic [63:0] BUILT = iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_SV39_LSB, regs_pkg::IOMMU_CAPABILITIES_SV39_W)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_SV48_LSB, regs_pkg::IOMMU_CAPABILITIES_SV48_W)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_SV57_LSB, regs_pkg::IOMMU_CAPABILITIES_SV57_W)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_SV32_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_SV32X4_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_SVRSW60T59B_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_SVPBMT_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_SV39X4_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_SV48X4_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_SV57X4_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_AMO_MRIF_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_MSI_FLAT_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_MSI_MRIF_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_AMO_HWAD_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_ATS_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_T2GPA_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_END_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_HPM_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_DBG_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_QOSID_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_PD8_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_PD17_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_PD20_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_NL_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_S_LSB, 1)
                                | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_PAS_LSB, regs_pkg::IOMMU_CAPABILITIES_PAS_W);
  localparam logic [7:0] VERSION = 8'h10;
  localparam logic [5:0] PAS_MAX = 6'd56;
  logic [5:0] strap_pas;
  logic [1:0] strap_igs, igs;
  assign strap_pas = strap_capabilities_i[regs_pkg::IOMMU_CAPABILITIES_PAS_LSB +: regs_pkg::IOMMU_CAPABILITIES_PAS_W];
  always_comb begin
    capabilities_o = strap_capabilities_i & BUILT;
    capabilities_o[regs_pkg::IOMMU_CAPABILITIES_VERSION_LSB +: regs_pkg::IOMMU_CAPABILITIES_VERSION_W] = VERSION;
    capabilities_o[regs_pkg::IOMMU_CAPABILITIES_IGS_LSB +: regs_pkg::IOMMU_CAPABILITIES_IGS_W] = igs;
    if (strap_pas > PAS_MAX) capabilities_o[regs_pkg::IOMMU_CAPABILITIES_PAS_LSB +: regs_pkg::IOMMU_CAPABILITIES_PAS_W] = PAS_MAX;
  end

  // ---- fctl -------------------------------------------------------------------------------------------------------------------------
  logic wsi_q, be_q, gxl_q, fctl_we, sv32;
  assign strap_igs = strap_capabilities_i[regs_pkg::IOMMU_CAPABILITIES_IGS_LSB +: regs_pkg::IOMMU_CAPABILITIES_IGS_W];
  assign igs = (strap_igs > regs_pkg::IGS_BOTH) ? regs_pkg::IGS_BOTH : strap_igs;
  assign msi_o = igs != regs_pkg::IGS_WSI;
  assign wsi_o = (igs == regs_pkg::IGS_WSI) | ((igs == regs_pkg::IGS_BOTH) & wsi_q);
  assign be_o = be_q;
  assign gxl_o = gxl_q;
  assign sv32 = capabilities_o[regs_pkg::IOMMU_CAPABILITIES_SV32_LSB] | capabilities_o[regs_pkg::IOMMU_CAPABILITIES_SV32X4_LSB];
  assign be_writable_o = strap_be_writable_i & capabilities_o[regs_pkg::IOMMU_CAPABILITIES_END_LSB];
  assign gxl_writable_o = strap_gxl_writable_i & sv32;
  assign fctl_we = word_lo & (at == regs_pkg::IOMMU_FCTL) & (mode_q == regs_pkg::IOMMU_MODE_OFF) & ~cqen_q & ~cq_on_i & ~queue_used_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wsi_q <= strap_fctl_i[regs_pkg::IOMMU_FCTL_WSI_LSB];
      be_q <= strap_fctl_i[regs_pkg::IOMMU_FCTL_BE_LSB];
      gxl_q <= strap_fctl_i[regs_pkg::IOMMU_FCTL_GXL_LSB];
    end else if (fctl_we) begin
      wsi_q <= wl[regs_pkg::IOMMU_FCTL_WSI_LSB];
      if (be_writable_o) be_q <= wl[regs_pkg::IOMMU_FCTL_BE_LSB];
      if (gxl_writable_o) gxl_q <= wl[regs_pkg::IOMMU_FCTL_GXL_LSB];
    end
  end

  // ---- iommu_qosid -------------------------------------------------------------------------------------------------------------------
  logic [11:0] rcid_q, mcid_q;
  assign qosid_o = {mcid_q, rcid_q};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      rcid_q <= 12'd0;
      mcid_q <= 12'd0;
    end else if (word_lo && at == regs_pkg::IOMMU_IOMMU_QOSID && capabilities_o[regs_pkg::IOMMU_CAPABILITIES_QOSID_LSB]) begin
      rcid_q <= wl[regs_pkg::IOMMU_IOMMU_QOSID_RCID_LSB +: 12] & ~(12'hfff << strap_rcid_bits_i);
      mcid_q <= wl[regs_pkg::IOMMU_IOMMU_QOSID_MCID_LSB +: 12] & ~(12'hfff << strap_mcid_bits_i);
    end
  end

  // ---- ddtp --------------------------------------------------------------------------------------------------------------------------
  logic [3:0]  new_mode;
  logic [43:0] root_q;
  logic [31:0] ddtp_high_q, new_high;
  logic        ddtp_busy_q, ddtp_start_q, is_table, new_is_table, new_ok;
  logic [63:0] new_ddtp;
  assign new_high = hi ? wh : ddtp_high_q;
  assign new_ddtp = {new_high, wl};
  assign new_mode = new_ddtp[regs_pkg::IOMMU_DDTP_IOMMU_MODE_LSB +: regs_pkg::IOMMU_DDTP_IOMMU_MODE_W];
  assign is_table = mode_q >= regs_pkg::IOMMU_MODE_1LVL;
  assign new_is_table = new_mode >= regs_pkg::IOMMU_MODE_1LVL;
  always_comb begin
    case (new_mode)
      regs_pkg::IOMMU_MODE_OFF, regs_pkg::IOMMU_MODE_BARE: new_ok = 1'b1;
      regs_pkg::IOMMU_MODE_1LVL: new_ok = strap_ddt_levels_max_i >= 2'd1;
      regs_pkg::IOMMU_MODE_2LVL: new_ok = strap_ddt_levels_max_i >= 2'd2;
      regs_pkg::IOMMU_MODE_3LVL: new_ok = strap_ddt_levels_max_i == 2'd3;
      default: new_ok = 1'b0;
    endcase
  end
  assign ddtp_write_o = lo & (at == regs_pkg::IOMMU_DDTP) & ~ddtp_busy_q & new_ok & ~(is_table & new_is_table);
  assign ddtp_start_o = ddtp_start_q;
  assign ddtp_busy_o = ddtp_busy_q;
  assign mode_o = mode_q;
  assign root_o = root_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      mode_q <= strap_reset_bare_i ? regs_pkg::IOMMU_MODE_BARE : regs_pkg::IOMMU_MODE_OFF;
      root_q <= 44'd0;
      ddtp_high_q <= 32'd0;
      ddtp_busy_q <= 1'b0;
      ddtp_start_q <= 1'b0;
    end else begin
      if (hi && at == regs_pkg::IOMMU_DDTP) ddtp_high_q <= wh;
      if (ddtp_write_o) begin
        mode_q <= new_mode;
        root_q <= new_ddtp[regs_pkg::IOMMU_DDTP_PPN_LSB +: regs_pkg::IOMMU_DDTP_PPN_W];
        ddtp_busy_q <= 1'b1;
        ddtp_start_q <= 1'b1;
      end
      if (ddtp_taken_i) ddtp_start_q <= 1'b0;
      if (ddtp_done_i) ddtp_busy_q <= 1'b0;
    end
  end

  // ---- queues --------------------------------------------------------------------------------------------------------------------------
  logic [63:0] cqb_q;
  logic [31:0] cqt_q;
  logic        cqb_lo, cqb_hi, cqcsr_we;
  assign cqb_lo = lo & (at == regs_pkg::IOMMU_CQB) & ~cqen_q & ~cq_on_i;
  assign cqb_hi = hi & (at == regs_pkg::IOMMU_CQB) & ~cqen_q & ~cq_on_i;
  // 4-byte registers: cqt and ipsr lie in the upper half of their 8 bytes
  assign cqcsr_we = word_lo & (at == regs_pkg::IOMMU_CQCSR) & ~cq_busy_i;

  localparam logic [63:0] QB = iommu_pkg::bits(regs_pkg::IOMMU_CQB_LOG2SZM1_LSB, regs_pkg::IOMMU_CQB_LOG2SZM1_W)
                             | iommu_pkg::bits(regs_pkg::IOMMU_CQB_PPN_LSB, regs_pkg::IOMMU_CQB_PPN_W);
  logic [4:0] size, size_max;
  assign size_max = (strap_queue_log2_max_i == 5'd0) ? 5'd0 : strap_queue_log2_max_i - 5'd1;
  assign size = (wl[4:0] > size_max) ? size_max : wl[4:0];

  logic [31:0] cq_mask;
  assign cq_log2szm1_o = cqb_q[regs_pkg::IOMMU_CQB_LOG2SZM1_LSB +: regs_pkg::IOMMU_CQB_LOG2SZM1_W];
  assign cq_mask = (32'd2 << cq_log2szm1_o) - 32'd1;
  assign cq_ppn_o = cqb_q[regs_pkg::IOMMU_CQB_PPN_LSB +: regs_pkg::IOMMU_CQB_PPN_W];
  assign cq_tail_o = cqt_q;
  assign cq_en_o = cqen_q;
  assign cq_ie_o = cie_q;
  assign cq_mf_clear_o = cqcsr_we & wl[regs_pkg::IOMMU_CQCSR_CQMF_LSB];
  assign cq_to_clear_o = cqcsr_we & wl[regs_pkg::IOMMU_CQCSR_CMD_TO_LSB];
  assign cq_ill_clear_o = cqcsr_we & wl[regs_pkg::IOMMU_CQCSR_CMD_ILL_LSB];
  assign cq_fence_w_ip_clear_o = cqcsr_we & wl[regs_pkg::IOMMU_CQCSR_FENCE_W_IP_LSB];
  assign ipsr_clear_o = (word_hi && at + 12'd4 == regs_pkg::IOMMU_IPSR) ? wh[3:0] : 4'd0;
  assign icvec_we_o = lo & (at == regs_pkg::IOMMU_ICVEC);

  // msi_cfg_tbl: 8-byte addresses by halves, data and vector control by 4 bytes
  logic in_table;
  assign in_table = (at >= regs_pkg::IOMMU_MSI_ADDR) & (at < regs_pkg::IOMMU_MSI_ADDR + 12'(regs_pkg::IOMMU_MSI_ADDR_COUNT * regs_pkg::IOMMU_MSI_ADDR_STRIDE));
  assign table_index_o = 8'((at - regs_pkg::IOMMU_MSI_ADDR) >> 3);
  assign table_we_o = ~in_table ? 2'b00 : table_index_o[0] ? {word_hi, word_lo} : {hi, lo};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      cqb_q <= 64'd0;
      cqt_q <= 32'd0;
      cqen_q <= 1'b0;
      cie_q <= 1'b0;
    end else begin
      if (cqb_lo) cqb_q[31:0] <= {wl[31:5], size} & QB[31:0];
      if (cqb_hi) cqb_q[63:32] <= wh & QB[63:32];
      if (cqb_lo || cqb_hi) cqt_q <= 32'd0;
      else if (word_hi && at + 12'd4 == regs_pkg::IOMMU_CQT) cqt_q <= wh & cq_mask;
      if (cqcsr_we) begin
        cqen_q <= wl[regs_pkg::IOMMU_CQCSR_CQEN_LSB];
        cie_q <= wl[regs_pkg::IOMMU_CQCSR_CIE_LSB];
      end
    end
  end

  // ---- reads -----------------------------------------------------------------------------------------------------------------------------
  logic [31:0] cqcsr, fctl, qosid;
  logic [63:0] ddtp;
  always_comb begin
    fctl = 32'd0;
    qosid = 32'd0;
    ddtp = 64'd0;
    cqcsr = 32'd0;
    rdata_o = 64'd0;
    if (re_i) begin
      fctl[regs_pkg::IOMMU_FCTL_WSI_LSB] = wsi_o;
      fctl[regs_pkg::IOMMU_FCTL_BE_LSB] = be_q;
      fctl[regs_pkg::IOMMU_FCTL_GXL_LSB] = gxl_q;
      qosid[regs_pkg::IOMMU_IOMMU_QOSID_RCID_LSB +: 12] = rcid_q;
      qosid[regs_pkg::IOMMU_IOMMU_QOSID_MCID_LSB +: 12] = mcid_q;
      ddtp[regs_pkg::IOMMU_DDTP_IOMMU_MODE_LSB +: regs_pkg::IOMMU_DDTP_IOMMU_MODE_W] = mode_q;
      ddtp[regs_pkg::IOMMU_DDTP_BUSY_LSB] = ddtp_busy_q;
      ddtp[regs_pkg::IOMMU_DDTP_PPN_LSB +: regs_pkg::IOMMU_DDTP_PPN_W] = root_q;
      cqcsr[regs_pkg::IOMMU_CQCSR_CQEN_LSB] = cqen_q;
      cqcsr[regs_pkg::IOMMU_CQCSR_CIE_LSB] = cie_q;
      cqcsr[regs_pkg::IOMMU_CQCSR_CQMF_LSB] = cq_mf_i;
      cqcsr[regs_pkg::IOMMU_CQCSR_CMD_TO_LSB] = cq_to_i;
      cqcsr[regs_pkg::IOMMU_CQCSR_CMD_ILL_LSB] = cq_ill_i;
      cqcsr[regs_pkg::IOMMU_CQCSR_FENCE_W_IP_LSB] = cq_fence_w_ip_i;
      cqcsr[regs_pkg::IOMMU_CQCSR_CQON_LSB] = cq_on_i;
      cqcsr[regs_pkg::IOMMU_CQCSR_BUSY_LSB] = cq_busy_i;

      case (at)
        regs_pkg::IOMMU_CAPABILITIES: rdata_o = capabilities_o;
        regs_pkg::IOMMU_FCTL:         rdata_o = {32'd0, fctl};
        regs_pkg::IOMMU_DDTP:         rdata_o = ddtp;
        regs_pkg::IOMMU_CQB:          rdata_o = cqb_q;
        regs_pkg::IOMMU_CQH:          rdata_o = {cqt_q, cq_head_i};
        regs_pkg::IOMMU_CQCSR:        rdata_o = {32'd0, cqcsr};
        regs_pkg::IOMMU_PQCSR:        rdata_o = {28'd0, ipsr_i, 32'd0};
        regs_pkg::IOMMU_IOMMU_QOSID:  rdata_o = {32'd0, qosid};
        regs_pkg::IOMMU_ICVEC:        rdata_o = {48'd0, icvec_i};
        default:                      rdata_o = in_table ? table_i : 64'd0;
      endcase
    end
  end

  wire unused = &{1'b0, addr_i[2:0]};
endmodule
`default_nettype wire
