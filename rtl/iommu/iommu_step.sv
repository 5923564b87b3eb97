// SPDX-License-Identifier: Apache-2.0
//
// One step of a walk, purely combinational: takes the state of a walk slot and what it waited for, and gives the slot's next
// state and what to do with it: read the next entry, write A and D into one, go on without memory in the next clock, or end
// (granted or faulted). Device directory, process directory, first stage, second stage and MSI page table are levels of the
// same walk. iommu_walk calls it once a clock, for whichever slot has something to do.
//
// Source: specification, chapter "Data structures": process to translate an IOVA and those to locate the device context and the
// process context, to translate addresses of MSIs; and the privileged architecture's two-stage address translation.
`default_nettype none
module iommu_step (
  input  wire                          active_i,    /// a step is taken; else all outputs are 0
  input  wire  [iommu_pkg::SLOT_W-1:0] slot_i,      /// slot_t before the step
  input  wire  [511:0]                 data_i,      /// the entry that it read, in memory order from bit 0
  input  wire                          error_i,     /// memory answered with an error; to a write, too
  input  wire                          poison_i,    /// memory answered with poison
  input  wire                          exokay_i,    /// memory answered EXOKAY
  input  wire                          ctx_hit_i,   /// context cache, looked up with the slot's identity
  input  wire  [iommu_pkg::CTX_W-1:0]  ctx_i,
  input  wire  [iommu_pkg::WALK_CTX_W-1:0] walk_ctx_i,
  input  wire                          first_hit_i, /// first-stage walk cache, looked up with the slot's identity and the context
  input  wire  [43:0]                  first_page_i,  /// page of the last-level table
  input  wire                          first_g_i,   /// a pointer to it was global
  input  wire                          guest_hit_i, /// second-stage walk cache, looked up with the slot's gpa
  input  wire  [43:0]                  guest_page_i,
  input  wire  [iommu_pkg::CONFIG_W-1:0] config_i,  /// config_t
  output logic [iommu_pkg::SLOT_W-1:0] slot_o,      /// slot_t after the step
  output logic                         read_o,      /// read the entry at slot_o.addr
  output logic                         write_o,     /// write slot_o.pte to slot_o.addr, exclusively
  output logic                         again_o,     /// step again without memory
  output logic                         ctx_fill_o,  /// slot_o's context was resolved in this step and may be cached
  output logic                         first_fill_o,  /// the first-stage table that was read, ...
  output logic                         guest_fill_o   /// the second-stage table that was read is of the last level and may be cached
);
  iommu_pkg::slot_t s;
  iommu_pkg::slot_t n;
  iommu_pkg::slot_t out;
  iommu_pkg::config_t cfg;
  assign s = slot_i;
  assign cfg = config_i;
  assign slot_o = out;
  logic [63:0] caps;
  logic [5:0]  pas;
  assign caps = cfg.caps;
  assign pas = caps[regs_pkg::IOMMU_CAPABILITIES_PAS_LSB +: regs_pkg::IOMMU_CAPABILITIES_PAS_W];

  // ---- where we are ----------------------------------------------------------------------------------------------------------
  logic at_start, at_guest, at_ddt, at_dc, at_pdt, at_pc, at_s1, at_g, at_msi, updated, table_mode, wide_dc, ats, debug, translated;
  assign at_start = s.kind == iommu_pkg::WALK_START;
  assign at_guest = s.kind == iommu_pkg::WALK_GUEST;
  assign at_ddt = s.kind == iommu_pkg::WALK_DDT;
  assign at_dc = s.kind == iommu_pkg::WALK_DC;
  assign at_pdt = s.kind == iommu_pkg::WALK_PDT;
  assign at_pc = s.kind == iommu_pkg::WALK_PC;
  assign updated = (s.kind == iommu_pkg::WALK_UPDATE_S1) | (s.kind == iommu_pkg::WALK_UPDATE_G);
  assign at_s1 = (s.kind == iommu_pkg::WALK_S1) | (s.kind == iommu_pkg::WALK_UPDATE_S1);
  assign at_g = (s.kind == iommu_pkg::WALK_G) | (s.kind == iommu_pkg::WALK_UPDATE_G);
  assign at_msi = s.kind == iommu_pkg::WALK_MSI;
  assign table_mode = cfg.mode > regs_pkg::IOMMU_MODE_BARE;
  assign wide_dc = caps[regs_pkg::IOMMU_CAPABILITIES_MSI_FLAT_LSB];
  assign ats = s.src == iommu_pkg::SRC_ATS;
  assign debug = s.src == iommu_pkg::SRC_DEBUG;
  assign translated = s.ttype == iommu_pkg::TTYPE_TRANSLATED;

  // ---- the entry, little-endian ----------------------------------------------------------------------------------------------
  logic big, narrow, ok;
  logic [511:0] entry;
  logic [63:0]  entry0;
  assign big = (at_pdt | at_pc | at_s1) ? s.wctx.sbe : cfg.be;
  assign narrow = at_s1 ? s.ctx.sxl : cfg.gxl;
  assign ok = ~error_i & ~poison_i & ~(s.excl & ~updated & ~exokay_i);
  always_comb begin
    entry = '0;
    if (active_i & (at_dc | at_pc | at_msi)) begin
      entry = data_i;
      if (big) for (int unsigned i = 0; i < 8; i++) entry[i*64 +: 64] = iommu_pkg::swap8(data_i[i*64 +: 64]);
    end
    entry0 = '0;
    if (active_i) begin
      entry0 = ((at_s1 | at_g) & narrow) ? {32'd0, data_i[31:0]} : data_i[63:0];
      if (big) entry0 = ((at_s1 | at_g) & narrow) ? iommu_pkg::swap4({32'd0, entry0[31:0]}) : iommu_pkg::swap8(entry0);
      if (updated) entry0 = s.pte;
    end
  end

  // ---- device and process directories ------------------------------------------------------------------------------------------
  logic [2:0] ddt_top;
  logic device_too_wide, dir_valid, dir_reserved;
  logic [43:0] dir_next;
  assign ddt_top = (cfg.mode == regs_pkg::IOMMU_MODE_3LVL) ? 3'd2 : (cfg.mode == regs_pkg::IOMMU_MODE_2LVL) ? 3'd1 : 3'd0;
  assign device_too_wide = ((ddt_top == 3'd0) & ((|s.did[23:7]) | (wide_dc & s.did[6]))) | ((ddt_top == 3'd1) & ((|s.did[23:16]) | (wide_dc & s.did[15])));
  assign dir_valid = entry0[regs_pkg::DDTE_E_V_LSB];
  assign dir_reserved = |(entry0 & regs_pkg::DDTE_E_RESERVED);
  assign dir_next = entry0[regs_pkg::DDTE_E_PPN_LSB +: regs_pkg::DDTE_E_PPN_W];

  logic dc_misconfigured, dc_located;
  logic [iommu_pkg::CTX_W-1:0] dc_ctx;
  logic [iommu_pkg::WALK_CTX_W-1:0] dc_walk_ctx;
  iommu_dc device_context (
    .active_i(active_i & at_dc), .dc_i(entry), .config_i, .misconfigured_o(dc_misconfigured), .ctx_o(dc_ctx), .walk_ctx_o(dc_walk_ctx));
  assign dc_located = at_dc & ok & entry[regs_pkg::DC_TC_V_LSB] & ~dc_misconfigured;

  logic pc_valid, pc_misconfigured, pc_located;
  logic [iommu_pkg::CTX_W-1:0] pc_ctx;
  logic [iommu_pkg::WALK_CTX_W-1:0] pc_walk_ctx;
  iommu_pc process_context (
    .pc_i(entry[127:0]), .ctx_i(s.ctx), .walk_ctx_i(s.wctx), .config_i, .valid_o(pc_valid), .misconfigured_o(pc_misconfigured), .ctx_o(pc_ctx),
    .walk_ctx_o(pc_walk_ctx));
  assign pc_located = at_pc & ok & pc_valid & ~pc_misconfigured;

  // The context from here on: cached, or what was just read.
  iommu_pkg::ctx_t ctx;
  iommu_pkg::walk_ctx_t wctx;
  always_comb begin
    ctx = s.ctx;
    wctx = s.wctx;
    if (at_start) begin
      ctx = ctx_i;
      wctx = walk_ctx_i;
    end else if (at_dc) begin
      ctx = dc_ctx;
      wctx = dc_walk_ctx;
    end else if (at_pc) begin
      ctx = pc_ctx;
      wctx = pc_walk_ctx;
    end
  end

  // Known device context: is there a process context to find? PD8, PD17 and PD20 have 1, 2 and 3 levels.
  logic [1:0]  pd_levels;
  logic        to_process, pid_too_wide, dc_known, resolve;
  logic [19:0] pid;
  assign pd_levels = entry[64*regs_pkg::DC_FSC_WORD + regs_pkg::DC_FSC_MODE_LSB +: 2];
  assign to_process = dc_located & wctx.pdtv & (s.pv | wctx.dpe) & (pd_levels != 2'd0) & ~translated & (s.src != iommu_pkg::SRC_PAGE);
  assign pid_too_wide = ((pd_levels == 2'd1) & (|s.pid[19:8])) | ((pd_levels == 2'd2) & (|s.pid[19:17]));
  assign dc_known = (at_start & table_mode & ctx_hit_i) | dc_located;
  assign resolve = (dc_known & ~to_process) | pc_located;  // nothing more to learn about the context
  assign pid = s.pv ? s.pid : 20'd0;

  // ---- page-table entry of either stage ------------------------------------------------------------------------------------------
  logic malformed, is_leaf, pte_a, pte_g;
  logic [43:0] pte_next, pte_out;
  logic [iommu_pkg::LEAF_W-1:0] leaf_bits;
  iommu_pkg::leaf_t lf;
  iommu_pte pte (
    .active_i(active_i & (at_s1 | at_g)), .pte_i(entry0), .level_i(at_s1 ? s.level : s.glevel), .narrow_i(narrow),
    .page_i(at_s1 ? s.iova[63:12] : s.gpa[63:12]), .svpbmt_i(caps[regs_pkg::IOMMU_CAPABILITIES_SVPBMT_LSB]),
    .rsw_i(caps[regs_pkg::IOMMU_CAPABILITIES_SVRSW60T59B_LSB]),
    .malformed_o(malformed), .leaf_o(is_leaf), .next_o(pte_next), .out_o(pte_out), .attr_o(leaf_bits), .a_o(pte_a), .g_o(pte_g));
  assign lf = leaf_bits;

  logic final_g, refused, wants_d, lacks, hardware, update;
  assign final_g = s.goal == iommu_pkg::GOAL_FINAL;
  iommu_access access (.slot_i, .first_i(at_s1), .leaf_i(leaf_bits), .refused_o(refused), .wants_d_o(wants_d));
  assign hardware = at_s1 ? s.wctx.sade : s.wctx.gade;
  assign lacks = ~pte_a | (wants_d & ~lf.d);
  assign update = is_leaf & ~malformed & ~refused & lacks & hardware;

  // ---- MSI page table --------------------------------------------------------------------------------------------------------------
  logic msi_match, msi_overlap, msi_valid, msi_bad, msi_mrif;
  logic [63:0] msi_addr;
  logic [43:0] msi_ppn, msi_notice_ppn;
  logic [46:0] msi_mrif_addr;
  logic [10:0] msi_nid;
  iommu_msi msi (
    .match_i(active_i & at_guest & final_g & s.ctx.msi_on), .page_i(s.gpa[63:12]), .walk_ctx_i(s.wctx), .match_o(msi_match), .addr_o(msi_addr),
    .overlap_i(active_i & at_g & final_g & s.ctx.msi_on), .lg_i(lf.lg), .overlap_o(msi_overlap),
    .entry_i(active_i & at_msi), .data_i(entry[127:0]), .mrif_there_i(caps[regs_pkg::IOMMU_CAPABILITIES_MSI_MRIF_LSB]), .valid_o(msi_valid), .bad_o(msi_bad),
    .mrif_o(msi_mrif), .ppn_o(msi_ppn), .mrif_addr_o(msi_mrif_addr), .notice_ppn_o(msi_notice_ppn), .nid_o(msi_nid));

  // ---- checks ----------------------------------------------------------------------------------------------------------------------
  logic [iommu_pkg::CHECKS-1:0] failed, all_failed;
  logic first_on;                                        // the first stage is about to start
  assign first_on = resolve & ctx.s1_on & ~translated & (s.src != iommu_pkg::SRC_PAGE);
  always_comb begin
    failed = '0;
    if (active_i) begin
      if (at_start) begin
        failed[iommu_pkg::CHK_OFF] = cfg.mode == regs_pkg::IOMMU_MODE_OFF;
        failed[iommu_pkg::CHK_BARE_TYPE] = (cfg.mode == regs_pkg::IOMMU_MODE_BARE) & (s.ttype != iommu_pkg::TTYPE_UNTRANSLATED);
        failed[iommu_pkg::CHK_DEVICE_WIDTH] = table_mode & device_too_wide;
      end
      if (at_ddt | at_dc) begin
        failed[iommu_pkg::CHK_DDT_ACCESS] = error_i;
        failed[iommu_pkg::CHK_DDT_CORRUPT] = poison_i;
        failed[iommu_pkg::CHK_DDT_VALID] = at_ddt ? ~dir_valid : ~entry[regs_pkg::DC_TC_V_LSB];
        failed[iommu_pkg::CHK_DDT_CONFIG] = at_ddt ? dir_reserved : dc_misconfigured;
      end
      if (dc_known) begin
        failed[iommu_pkg::CHK_TYPE] = ((s.ttype != iommu_pkg::TTYPE_UNTRANSLATED) & ~ctx.en_ats) | ((s.src == iommu_pkg::SRC_PAGE) & ~wctx.en_pri)
            | (at_dc & s.pv & (s.src != iommu_pkg::SRC_PAGE) & (~wctx.pdtv | pid_too_wide));
      end
      if (at_pdt | at_pc) begin
        failed[iommu_pkg::CHK_PDT_ACCESS] = error_i;
        failed[iommu_pkg::CHK_PDT_CORRUPT] = poison_i;
        failed[iommu_pkg::CHK_PDT_VALID] = at_pdt ? ~dir_valid : ~pc_valid;
        failed[iommu_pkg::CHK_PDT_CONFIG] = at_pdt ? dir_reserved : pc_misconfigured;
      end
      if (resolve & ~translated) failed[iommu_pkg::CHK_PRIVILEGE] = s.priv & ~ctx.ens & (s.src != iommu_pkg::SRC_PAGE);
      if (first_on) failed[iommu_pkg::CHK_IOVA] = ~iommu_pkg::canonical(s.iova, ctx.s1_top);
      if (at_s1 | at_g) begin
        if (at_g & (s.goal == iommu_pkg::GOAL_PDT)) begin
          failed[iommu_pkg::CHK_PDT_ACCESS] = ~ok & ~poison_i | error_i;
          failed[iommu_pkg::CHK_PDT_CORRUPT] = poison_i;
        end else begin
          failed[iommu_pkg::CHK_PT_ACCESS] = ~ok & ~poison_i | error_i;
          failed[iommu_pkg::CHK_PT_CORRUPT] = poison_i;
        end
        failed[at_s1 ? iommu_pkg::CHK_PAGE : iommu_pkg::CHK_GUEST_PAGE] =
            malformed | (is_leaf & (refused | (lacks & ~hardware)));
      end
      if (at_guest & ~msi_match) failed[iommu_pkg::CHK_GUEST_PAGE] = ~iommu_pkg::guest_fits(s.gpa, s.wctx.g_top) | (s.ctx.sxl & (|s.gpa[63:34]));
      if (at_msi) begin
        failed[iommu_pkg::CHK_MSI_ACCESS] = error_i;
        failed[iommu_pkg::CHK_MSI_CORRUPT] = poison_i;
        failed[iommu_pkg::CHK_MSI_VALID] = ~msi_valid;
        failed[iommu_pkg::CHK_MSI_CONFIG] = msi_bad;
        failed[iommu_pkg::CHK_MSI_EXEC] = s.exec & ~ats;
        failed[iommu_pkg::CHK_MSI_DEBUG] = msi_mrif & debug;
      end
    end
  end

  // ---- next state, as if no check had failed -----------------------------------------------------------------------------------------
  logic        read, write, again;
  logic [63:0] target;                                   // the entry to read next; a guest physical address if through_g
  logic        through_g;
  logic [2:0]  level;
  assign level = s.level - 3'd1;
  always_comb begin
    n = '0;
    read = 1'b0;
    write = 1'b0;
    again = 1'b0;
    target = '0;
    through_g = 1'b0;
    if (active_i) begin
      n = s;
      n.ctx = ctx;
      n.wctx = wctx;
      n.located = s.located | dc_known;

      // ---- a directory: where to begin, where to go on
      if ((at_start & table_mode & ~ctx_hit_i) | at_ddt) begin
        n.level = at_start ? ddt_top : level;
        n.kind = (n.level == 3'd0) ? iommu_pkg::WALK_DC : iommu_pkg::WALK_DDT;
        target = {8'd0, at_start ? cfg.root : dir_next, 12'd0};
        case (n.level)
          3'd2:    target[11:0] = {wide_dc ? s.did[23:15] : {1'b0, s.did[23:16]}, 3'd0};
          3'd1:    target[11:0] = {wide_dc ? s.did[14:6] : s.did[15:7], 3'd0};
          default: target[11:0] = wide_dc ? {s.did[5:0], 6'd0} : {s.did[6:0], 5'd0};
        endcase
        read = 1'b1;
      end
      if (to_process | at_pdt) begin
        n.level = to_process ? {1'b0, pd_levels - 2'd1} : level;
        n.kind = (n.level == 3'd0) ? iommu_pkg::WALK_PC : iommu_pkg::WALK_PDT;
        n.goal = iommu_pkg::GOAL_PDT;
        target = {8'd0, to_process ? wctx.s1_root : dir_next, 12'd0};
        case (n.level)
          3'd2:    target[11:0] = {6'd0, pid[19:17], 3'd0};
          3'd1:    target[11:0] = {pid[16:8], 3'd0};
          default: target[11:0] = {pid[7:0], 4'd0};
        endcase
        through_g = ctx.g_on;
        read = 1'b1;
      end

      // ---- the context is known: both stages begin
      if (resolve) begin
        n.s1 = first_on;
        n.leaf = {ctx.g_on ? 6'd63 : 6'd0, 2'd0, 5'b11111};
        n.g = 1'b0;
        n.addr = s.iova;
        n.gpa = s.iova;
        if (first_on) begin
          n.kind = iommu_pkg::WALK_S1;
          n.goal = iommu_pkg::GOAL_S1;
          n.cached = at_start & first_hit_i & ~s.plain;
          n.level = n.cached ? 3'd0 : ctx.s1_top;
          n.g = n.cached & first_g_i;
          target = iommu_pkg::entry_address(n.cached ? first_page_i : wctx.s1_root, s.iova, n.level, ctx.sxl, 1'b0);
          through_g = ctx.g_on & ~n.cached;
          read = 1'b1;
        end else if (ctx.g_on & (s.src != iommu_pkg::SRC_PAGE) & (~translated | ctx.t2gpa)) begin
          n.kind = iommu_pkg::WALK_GUEST;
          n.goal = iommu_pkg::GOAL_FINAL;
          again = 1'b1;
        end
      end
      if (at_start & ~table_mode) begin                  // Bare: the IOVA is the address
        n.addr = s.iova;
        n.leaf = {6'd0, 2'd0, 5'b11111};
      end

      // ---- first stage
      if (at_s1 & ~is_leaf) begin
        n.kind = iommu_pkg::WALK_S1;
        n.level = level;
        n.g = s.g | pte_g;
        n.cached = 1'b0;
        target = iommu_pkg::entry_address(pte_next, s.iova, level, s.ctx.sxl, 1'b0);
        through_g = s.ctx.g_on;
        n.goal = iommu_pkg::GOAL_S1;
        read = 1'b1;
      end
      if (at_s1 & is_leaf & ~update) begin
        n.g = s.g | pte_g;
        n.leaf = lf;
        n.gpa = {8'd0, pte_out, s.iova[11:0]};
        n.addr = n.gpa;
        n.fill = 1'b1;
        n.fract = lf.lg == 6'd4;
        if (s.ctx.g_on) begin
          n.kind = iommu_pkg::WALK_GUEST;
          n.goal = iommu_pkg::GOAL_FINAL;
          again = 1'b1;
        end
      end

      // ---- second stage: begins, goes on, has translated gpa
      if (at_guest & msi_match) begin
        n.kind = iommu_pkg::WALK_MSI;
        target = msi_addr;
        read = 1'b1;
      end
      if ((at_guest & ~msi_match) | (at_g & ~is_leaf)) begin
        n.kind = iommu_pkg::WALK_G;
        n.glevel = at_g ? s.glevel - 3'd1 : guest_hit_i ? 3'd0 : s.wctx.g_top;
        target = iommu_pkg::entry_address(at_g ? pte_next : guest_hit_i ? guest_page_i : s.wctx.g_root, s.gpa, n.glevel, cfg.gxl,
                                          at_guest & ~guest_hit_i);
        read = 1'b1;
      end
      if (at_g & is_leaf & ~update) begin
        n.addr = {8'd0, pte_out, s.gpa[11:0]};
        if (final_g) begin
          if (ats & s.ctx.t2gpa) n.addr = s.gpa;
          n.leaf.lg = msi_overlap ? 6'd0 : (lf.lg < s.leaf.lg) ? lf.lg : s.leaf.lg;
          n.leaf.pbmt = (s.leaf.pbmt != 2'd0) ? s.leaf.pbmt : lf.pbmt;
          n.leaf.d = s.leaf.d & lf.d;
          n.leaf.x = s.leaf.x & lf.x;
          n.leaf.w = s.leaf.w & lf.w;
          n.leaf.r = s.leaf.r & lf.r;
          n.fill = 1'b1;
          n.fract = s.s1 & ((n.leaf.lg < s.leaf.lg) | (n.leaf.lg == 6'd4));
        end else begin
          n.kind = (s.goal == iommu_pkg::GOAL_PDT) ? ((s.level == 3'd0) ? iommu_pkg::WALK_PC : iommu_pkg::WALK_PDT) : iommu_pkg::WALK_S1;
          n.may_set = s.goal == iommu_pkg::GOAL_UPDATE;
          target = n.addr;
          read = 1'b1;
        end
      end

      // ---- A and D: read exclusively, then write. A first-stage entry needs write permission in the second stage.
      n.excl = 1'b0;
      if (at_s1 & update & s.ctx.g_on & ~s.may_set & s.cached) begin
        n.kind = iommu_pkg::WALK_START;
        n.plain = 1'b1;
        again = 1'b1;
      end else if (at_s1 & update & s.ctx.g_on & ~s.may_set) begin
        n.kind = iommu_pkg::WALK_GUEST;
        n.goal = iommu_pkg::GOAL_UPDATE;
        again = 1'b1;
      end else if (update & ~s.excl) begin
        n.excl = 1'b1;
        target = s.addr;
        read = 1'b1;
      end else if (update) begin
        n.kind = at_s1 ? iommu_pkg::WALK_UPDATE_S1 : iommu_pkg::WALK_UPDATE_G;
        n.excl = 1'b1;
        n.pte = entry0;
        n.pte[regs_pkg::PTE_E_A_LSB] = 1'b1;
        n.pte[regs_pkg::PTE_E_D_LSB] = lf.d | wants_d;
        write = 1'b1;
      end
      if (updated & ~error_i & ~exokay_i) begin          // somebody else wrote there: read it again
        n = s;
        n.kind = at_s1 ? iommu_pkg::WALK_S1 : iommu_pkg::WALK_G;
        target = s.addr;
        through_g = 1'b0;
        again = 1'b0;
        read = 1'b1;
      end

      // ---- MSI page table
      if (at_msi) begin
        n.addr = (ats & msi_mrif) ? s.iova : (ats & s.ctx.t2gpa) ? s.gpa : {8'd0, msi_ppn, s.gpa[11:0]};
        n.leaf.lg = 6'd0;
        n.leaf.x = 1'b0;
        n.g = 1'b0;
        n.msi = 1'b1;
        n.mrif = msi_mrif;
        n.fill = ~msi_mrif;
        if (msi_mrif) n.leaf.pbmt = 2'd0;
        n.fract = s.s1 & (s.leaf.lg != 6'd0);
        if (msi_mrif) begin
          n.gpa = {8'd0, msi_mrif_addr, 9'd0};
          n.pte = {9'd0, msi_nid, msi_notice_ppn};
        end
      end

      if (read) begin
        if (through_g) begin
          n.gpa = target;
          n.kind = iommu_pkg::WALK_GUEST;
        end else n.addr = target;
        if (n.goal == iommu_pkg::GOAL_S1) n.may_set = 1'b0;
      end
    end
  end

  // ---- the outcome: checks of this step, then whether the next entry can be read at all -------------------------------------------------
  logic late, end_here;
  always_comb begin
    all_failed = failed;
    late = active_i & read & ~through_g & ~(|failed) & iommu_pkg::beyond(n.addr[55:12], pas);
    if (late) case (n.kind)
      iommu_pkg::WALK_DDT, iommu_pkg::WALK_DC: all_failed[iommu_pkg::CHK_DDT_ACCESS] = 1'b1;
      iommu_pkg::WALK_PDT, iommu_pkg::WALK_PC: all_failed[iommu_pkg::CHK_PDT_ACCESS] = 1'b1;
      iommu_pkg::WALK_MSI: all_failed[iommu_pkg::CHK_MSI_ACCESS] = 1'b1;
      default: all_failed[(n.kind == iommu_pkg::WALK_G && n.goal == iommu_pkg::GOAL_PDT) ? iommu_pkg::CHK_PDT_ACCESS : iommu_pkg::CHK_PT_ACCESS] = 1'b1;
    endcase
  end

  logic fault, logged;
  logic [11:0] cause;
  iommu_cause cause_table (
    .failed_i(all_failed), .exec_i(s.exec & ~s.write & (s.pv | ~ats)), .write_i(s.write), .ats_i(ats), .dtf_i((s.located | dc_known) & wctx.dtf),
    .fault_o(fault), .cause_o(cause), .logged_o(logged));
  assign end_here = ~active_i | fault;
  always_comb begin
    out = n;
    if (active_i) begin
      out.fault = fault;
      out.cause = cause;
      out.logged = logged;
      out.guest = all_failed[iommu_pkg::CHK_GUEST_PAGE] & ~all_failed[iommu_pkg::CHK_PT_ACCESS] & ~all_failed[iommu_pkg::CHK_PT_CORRUPT]
                & ~all_failed[iommu_pkg::CHK_PDT_ACCESS] & ~all_failed[iommu_pkg::CHK_PDT_CORRUPT];
      out.iotval2 = {s.goal == iommu_pkg::GOAL_UPDATE, ~final_g};
    end
  end
  assign read_o = read & ~through_g & ~end_here;
  assign write_o = write & ~end_here;
  assign again_o = (again | (read & through_g)) & ~end_here;
  assign ctx_fill_o = resolve & ~at_start & ~translated & (s.src != iommu_pkg::SRC_PAGE) & ~failed[iommu_pkg::CHK_TYPE];
  assign first_fill_o = active_i & (s.kind == iommu_pkg::WALK_S1) & (s.level == 3'd0) & ~s.cached & ok;
  assign guest_fill_o = active_i & (s.kind == iommu_pkg::WALK_G) & (s.glevel == 3'd0) & ok;
endmodule
`default_nettype wire
