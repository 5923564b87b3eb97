// SPDX-License-Identifier: Apache-2.0
//
// One step of a walk, purely combinational: takes the state of a walk slot and either its start or the entry that memory
// returned, and gives the slot's next state and what to do with it: read the next entry, or end (granted or faulted).
// Device directory, device context and page table are levels of the same walk. iommu_walk calls it once a clock, for
// whichever slot has something to do.
//
// Source: specification, chapter "Data structures": process to translate an IOVA, to locate the device context, device
// context configuration checks; and the privileged architecture's virtual address translation process for the leaves.
`default_nettype none
module iommu_step (
  input  wire                          active_i,    /// a step is taken; else all outputs are 0
  input  wire  [iommu_pkg::SLOT_W-1:0] slot_i,      /// slot_t before the step
  input  wire                          start_i,     /// 1: the walk starts, 0: data_i is the entry it asked for
  input  wire  [255:0]                 data_i,      /// the entry, little-endian, from bit 0
  input  wire                          error_i,     /// memory answered with an error
  input  wire                          poison_i,    /// memory answered with poison
  input  wire                          ctx_hit_i,   /// context cache, looked up with the slot's identity
  input  wire  [iommu_pkg::CTX_W-1:0]  ctx_i,
  input  wire  [3:0]                   mode_i,      /// ddtp.iommu_mode
  input  wire  [43:0]                  root_i,      /// ddtp.PPN
  input  wire  [63:0]                  caps_i,      /// capabilities
  input  wire                          be_i,        /// fctl.BE
  input  wire                          gxl_i,       /// fctl.GXL
  output logic [iommu_pkg::SLOT_W-1:0] slot_o,      /// slot_t after the step
  output logic                         read_o,      /// read the entry that slot_o names
  output logic                         ctx_fill_o   /// slot_o.ctx was resolved in this step and may be cached
);
  iommu_pkg::slot_t s;
  iommu_pkg::slot_t n;
  iommu_pkg::ctx_t  hit_ctx;
  assign s = slot_i;
  assign hit_ctx = ctx_i;
  assign slot_o = n;

  logic [5:0] pas;
  assign pas = caps_i[regs_pkg::IOMMU_CAPABILITIES_PAS_LSB +: regs_pkg::IOMMU_CAPABILITIES_PAS_W];

  // ---- where we are ----------------------------------------------------------------------------------------------------------
  logic at_ddt, at_dc, at_s1, table_mode;
  logic [2:0] ddt_top;
  assign at_ddt = ~start_i & (s.kind == iommu_pkg::WALK_DDT);
  assign at_dc = ~start_i & (s.kind == iommu_pkg::WALK_DC);
  assign at_s1 = ~start_i & (s.kind == iommu_pkg::WALK_S1);
  assign table_mode = (mode_i == regs_pkg::IOMMU_MODE_1LVL) | (mode_i == regs_pkg::IOMMU_MODE_2LVL) | (mode_i == regs_pkg::IOMMU_MODE_3LVL);
  assign ddt_top = (mode_i == regs_pkg::IOMMU_MODE_3LVL) ? 3'd2 : (mode_i == regs_pkg::IOMMU_MODE_2LVL) ? 3'd1 : 3'd0;

  // ---- device directory ------------------------------------------------------------------------------------------------------
  // indices of the base format: 7, 9 and 8 bits of device_id
  logic device_too_wide;
  assign device_too_wide = ((ddt_top == 3'd0) & (|s.did[23:7])) | ((ddt_top == 3'd1) & (|s.did[23:16]));

  logic [63:0] ddte;
  logic [43:0] ddte_ppn;
  assign ddte = data_i[63:0];
  assign ddte_ppn = ddte[regs_pkg::DDTE_E_PPN_LSB +: regs_pkg::DDTE_E_PPN_W];

  // ---- device context --------------------------------------------------------------------------------------------------------
  logic [63:0] tc, iohgatp, ta, fsc;
  assign tc = data_i[64*regs_pkg::DC_TC_WORD +: 64];
  assign iohgatp = data_i[64*regs_pkg::DC_IOHGATP_WORD +: 64];
  assign ta = data_i[64*regs_pkg::DC_TA_WORD +: 64];
  assign fsc = data_i[64*regs_pkg::DC_FSC_WORD +: 64];

  logic pdtv;
  logic [3:0] fsc_mode;
  assign pdtv = tc[regs_pkg::DC_TC_PDTV_LSB];
  assign fsc_mode = fsc[regs_pkg::DC_FSC_MODE_LSB +: regs_pkg::DC_FSC_MODE_W];

  logic s1_mode_ok;
  logic [2:0] s1_top;
  always_comb begin
    case (fsc_mode)
      regs_pkg::SATP_MODE_SV39: begin s1_mode_ok = caps_i[regs_pkg::IOMMU_CAPABILITIES_SV39_LSB]; s1_top = 3'd2; end
      regs_pkg::SATP_MODE_SV48: begin s1_mode_ok = caps_i[regs_pkg::IOMMU_CAPABILITIES_SV48_LSB]; s1_top = 3'd3; end
      regs_pkg::SATP_MODE_SV57: begin s1_mode_ok = caps_i[regs_pkg::IOMMU_CAPABILITIES_SV57_LSB]; s1_top = 3'd4; end
      default:                  begin s1_mode_ok = (fsc_mode == regs_pkg::SATP_MODE_BARE);        s1_top = 3'd0; end
    endcase
  end

  // ATS, process directories, second stages, hardware A/D updates, QoS ids and the other endianness are not there: whatever
  // turns one of them on is a misconfiguration.
  logic dc_misconfigured;
  always_comb begin
    dc_misconfigured = 1'b0;
    if (at_dc) dc_misconfigured =
          (|(tc & regs_pkg::DC_TC_RESERVED)) | (|(ta & regs_pkg::DC_TA_RESERVED)) | (|(fsc & regs_pkg::DC_FSC_RESERVED))
        | tc[regs_pkg::DC_TC_EN_ATS_LSB] | tc[regs_pkg::DC_TC_EN_PRI_LSB] | tc[regs_pkg::DC_TC_PRPR_LSB] | tc[regs_pkg::DC_TC_T2GPA_LSB]
        | tc[regs_pkg::DC_TC_SADE_LSB] | tc[regs_pkg::DC_TC_GADE_LSB]
        | (tc[regs_pkg::DC_TC_SBE_LSB] != be_i)
        | (tc[regs_pkg::DC_TC_SXL_LSB] != gxl_i)
        | (|ta[regs_pkg::DC_TA_RCID_LSB +: regs_pkg::DC_TA_RCID_W]) | (|ta[regs_pkg::DC_TA_MCID_LSB +: regs_pkg::DC_TA_MCID_W])
        | (|iohgatp[regs_pkg::DC_IOHGATP_MODE_LSB +: regs_pkg::DC_IOHGATP_MODE_W])
        | (pdtv ? (fsc_mode != regs_pkg::SATP_MODE_BARE) : (~s1_mode_ok | tc[regs_pkg::DC_TC_DPE_LSB]));
  end

  // The context is known from here on: cached, or the one just read.
  iommu_pkg::ctx_t ctx;
  always_comb begin
    ctx = s.ctx;
    if (start_i) ctx = hit_ctx;
    else if (at_dc) begin
      ctx.s1_on = fsc_mode != regs_pkg::SATP_MODE_BARE;
      ctx.s1_top = s1_top;
      ctx.s1_root = fsc[regs_pkg::DC_FSC_PPN_LSB +: regs_pkg::DC_FSC_PPN_W];
      ctx.pscid = ta[regs_pkg::DC_TA_PSCID_LSB +: regs_pkg::DC_TA_PSCID_W];
      ctx.sum = 1'b0;
      ctx.dtf = tc[regs_pkg::DC_TC_DTF_LSB];
    end
  end

  // ---- first stage -----------------------------------------------------------------------------------------------------------
  logic [63:0] pte;
  logic [43:0] pte_ppn;
  logic v, r, w, x, u, a, d, nap, leaf, nap_ok;
  assign pte = data_i[63:0];
  assign pte_ppn = pte[regs_pkg::PTE_E_PPN_LSB +: regs_pkg::PTE_E_PPN_W];
  assign v = pte[regs_pkg::PTE_E_V_LSB];
  assign r = pte[regs_pkg::PTE_E_R_LSB];
  assign w = pte[regs_pkg::PTE_E_W_LSB];
  assign x = pte[regs_pkg::PTE_E_X_LSB];
  assign u = pte[regs_pkg::PTE_E_U_LSB];
  assign a = pte[regs_pkg::PTE_E_A_LSB];
  assign d = pte[regs_pkg::PTE_E_D_LSB];
  assign nap = pte[regs_pkg::PTE_E_N_LSB];
  assign leaf = r | x;
  assign nap_ok = (s.level == 3'd0) & (pte_ppn[3:0] == 4'b1000);  // 64 KiB, the only NAPOT size there is

  logic [43:0] vpn;
  assign vpn = s.iova[55:12];

  logic misaligned;
  always_comb begin
    case (s.level)
      3'd0: misaligned = 1'b0;
      3'd1: misaligned = |pte_ppn[8:0];
      3'd2: misaligned = |pte_ppn[17:0];
      3'd3: misaligned = |pte_ppn[26:0];
      default: misaligned = |pte_ppn[35:0];
    endcase
  end

  logic pte_malformed, pte_refused;
  always_comb begin
    pte_malformed = 1'b0;
    pte_refused = 1'b0;
    if (active_i & at_s1) begin
      pte_malformed = ~v | (w & ~r) | (|pte[regs_pkg::PTE_E_RSVD_LSB +: regs_pkg::PTE_E_RSVD_W])
                           | (|pte[regs_pkg::PTE_E_RSW_LSB +: regs_pkg::PTE_E_RSW_W]) | (|pte[regs_pkg::PTE_E_PBMT_LSB +: regs_pkg::PTE_E_PBMT_W])
                           | (leaf ? (misaligned | (nap & ~nap_ok)) : (nap | a | d | u | (s.level == 3'd0)));
      // permissions, then A and D, which only software sets
      pte_refused = leaf & (~(s.write ? w : s.exec ? x : r) | ~(s.priv ? (~u | (s.ctx.sum & ~s.exec)) : u) | ~a | (s.write & ~d));
    end
  end

  // ---- checks ----------------------------------------------------------------------------------------------------------------
  logic [iommu_pkg::CHECKS-1:0] failed;
  logic located, resolve, dc_located;
  assign dc_located = at_dc & ~error_i & ~poison_i & tc[regs_pkg::DC_TC_V_LSB] & ~dc_misconfigured;
  assign resolve = (start_i & table_mode & ctx_hit_i) | dc_located;  // the context becomes known in this step
  assign located = s.located | resolve;

  logic ddt_beyond;
  assign ddt_beyond = iommu_pkg::beyond((start_i) ? root_i : ddte_ppn, pas);

  always_comb begin
    failed = '0;
    if (active_i & start_i) begin
      failed[iommu_pkg::CHK_OFF] = ~table_mode & (mode_i != regs_pkg::IOMMU_MODE_BARE);
      failed[iommu_pkg::CHK_BARE_TYPE] = (mode_i == regs_pkg::IOMMU_MODE_BARE) & (s.ttype != iommu_pkg::TTYPE_UNTRANSLATED);
      failed[iommu_pkg::CHK_DEVICE_WIDTH] = table_mode & device_too_wide;
      failed[iommu_pkg::CHK_DDT_ACCESS] = table_mode & ~ctx_hit_i & ddt_beyond;
    end
    if (active_i & (at_ddt | at_dc)) begin
      failed[iommu_pkg::CHK_DDT_ACCESS] = error_i;
      failed[iommu_pkg::CHK_DDT_CORRUPT] = poison_i;
    end
    if (active_i & at_ddt) begin
      failed[iommu_pkg::CHK_DDT_VALID] = ~ddte[regs_pkg::DDTE_E_V_LSB];
      failed[iommu_pkg::CHK_DDT_CONFIG] = |(ddte & regs_pkg::DDTE_E_RESERVED);
      // a good entry that points beyond the physical address width: its read would fail
      if (ddte[regs_pkg::DDTE_E_V_LSB] & ~(|(ddte & regs_pkg::DDTE_E_RESERVED)) & ddt_beyond) failed[iommu_pkg::CHK_DDT_ACCESS] = 1'b1;
    end
    if (active_i & at_dc) begin
      failed[iommu_pkg::CHK_DDT_VALID] = ~tc[regs_pkg::DC_TC_V_LSB];
      failed[iommu_pkg::CHK_DDT_CONFIG] = dc_misconfigured;
      failed[iommu_pkg::CHK_TYPE] = (s.ttype != iommu_pkg::TTYPE_UNTRANSLATED) | (s.pv & ~pdtv);
    end
    if (active_i & resolve) begin
      if (start_i) failed[iommu_pkg::CHK_TYPE] = s.ttype != iommu_pkg::TTYPE_UNTRANSLATED;
      failed[iommu_pkg::CHK_IOVA] = ctx.s1_on & ~iommu_pkg::canonical(s.iova, ctx.s1_top);
      failed[iommu_pkg::CHK_PT_ACCESS] = ctx.s1_on & iommu_pkg::beyond(ctx.s1_root, pas);
    end
    if (active_i & at_s1) begin
      failed[iommu_pkg::CHK_PT_ACCESS] = error_i | (~poison_i & ~pte_malformed & ~leaf & iommu_pkg::beyond(pte_ppn, pas));
      failed[iommu_pkg::CHK_PT_CORRUPT] = poison_i;
      failed[iommu_pkg::CHK_PAGE] = pte_malformed | pte_refused;
    end
  end

  logic fault, logged;
  logic [11:0] cause;
  iommu_cause cause_table (
    .failed_i(failed), .exec_i(s.exec), .write_i(s.write), .dtf_i(located & ctx.dtf),
    .fault_o(fault), .cause_o(cause), .logged_o(logged));

  // ---- next state -------------------------------------------------------------------------------------------------------------
  always_comb begin
    n = '0;
    read_o = 1'b0;
    ctx_fill_o = 1'b0;
    if (active_i) begin
      n = s;
      n.ctx = ctx;
      n.located = located;
      n.fault = fault;
      n.cause = cause;
      n.logged = logged;
      ctx_fill_o = resolve & ~start_i & ~failed[iommu_pkg::CHK_TYPE];

      if (start_i & ~table_mode) begin                    // Bare: the IOVA is the address
        n.ppn = s.iova[63:12];
      end else if (start_i & ~ctx_hit_i) begin
        n.kind = (ddt_top == 3'd0) ? iommu_pkg::WALK_DC : iommu_pkg::WALK_DDT;
        n.level = ddt_top;
        n.ppn = {8'd0, root_i};
        read_o = ~fault;
      end else if (at_ddt) begin
        n.kind = (s.level == 3'd1) ? iommu_pkg::WALK_DC : iommu_pkg::WALK_DDT;
        n.level = s.level - 3'd1;
        n.ppn = {8'd0, ddte_ppn};
        read_o = ~fault;
      end else if (resolve & ctx.s1_on) begin
        n.kind = iommu_pkg::WALK_S1;
        n.level = ctx.s1_top;
        n.ppn = {8'd0, ctx.s1_root};
        n.g = 1'b0;
        read_o = ~fault;
      end else if (resolve) begin                         // both stages Bare
        n.ppn = s.iova[63:12];
      end else if (at_s1 & ~leaf) begin
        n.level = s.level - 3'd1;
        n.ppn = {8'd0, pte_ppn};
        n.g = s.g | pte[regs_pkg::PTE_E_G_LSB];
        read_o = ~fault;
      end else if (at_s1) begin
        n.ppn = {8'd0, iommu_pkg::leaf_page(pte_ppn, vpn, s.level)};
        if (nap) n.ppn[3:0] = vpn[3:0];
        n.napot = nap;
        n.g = s.g | pte[regs_pkg::PTE_E_G_LSB];
        n.d = d;
        n.u = u;
        n.x = x;
        n.w = w;
        n.r = r;
        n.fill = ~fault;
      end
    end
  end

  // fields of a context that mean nothing while its stage is Bare, and PTE bits left to software
  wire unused = &{1'b0, iohgatp[59:0], pte[9:8], caps_i[63:38], caps_i[31:12], caps_i[8:0], tc[31:24]};
endmodule
`default_nettype wire
