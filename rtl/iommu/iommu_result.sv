// SPDX-License-Identifier: Apache-2.0
//
// What the end of a walk comes to, purely combinational: for the pending tables, as an IOTLB entry, for those who are no port, and
// as a fault record.
`default_nettype none
module iommu_result (
  input  wire                              active_i,       /// a walk has ended; else all outputs are 0, or mean nothing
  input  wire  [iommu_pkg::SLOT_W-1:0]     slot_i,         /// slot_t at its end
  input  wire  [iommu_pkg::CONFIG_W-1:0]   config_i,       /// config_t
  output logic                             fault_o,
  output logic                             any_o,          /// no stage translates
  output logic                             mrif_o,         /// the page is a memory-resident interrupt file's
  output logic [iommu_pkg::MRIF_W-1:0]     mrif_what_o,    /// mrif_t
  output logic [7:0]                       perm_o,         /// {ens, s1_on, sum, d, u, x, w, r}
  output logic [51:0]                      page_o,
  output logic [26:0]                      attr_o,         /// {msi, pbmt, qosid}
  output logic [iommu_pkg::TLB_W-1:0]      entry_o,        /// tlb_t
  output logic [iommu_pkg::SIDE_W-1:0]     side_o,         /// side_t
  output logic [255:0]                     rec_o,          /// fault record
  output logic [iommu_pkg::EVENT_W-1:0]    who_o           /// event_t
);
  iommu_pkg::slot_t s;
  iommu_pkg::config_t cfg;
  assign s = slot_i;
  assign cfg = config_i;

  assign fault_o = s.fault;
  assign any_o = ~s.fill & ~s.mrif;
  assign mrif_o = s.mrif;
  assign mrif_what_o = {s.gpa[55:9], s.pte[54:44], s.pte[43:0], s.wctx.dtf, s.ctx.qosid};
  assign perm_o = {s.ctx.ens | ~s.located | (s.ttype == iommu_pkg::TTYPE_TRANSLATED), s.s1, s.ctx.sum, s.leaf.d, s.leaf.u, s.leaf.x, s.leaf.w, s.leaf.r};
  assign page_o = s.addr[63:12];
  assign attr_o = {s.msi, s.leaf.pbmt, (cfg.mode == regs_pkg::IOMMU_MODE_BARE) ? cfg.qosid : s.ctx.qosid};

  iommu_pkg::tlb_t te;
  always_comb begin
    te = '0;
    if (active_i) begin
      te.vpn = s.iova[58:12];
      te.pscid = s.s1 ? s.ctx.pscid : 20'd0;
      te.space = (s.ctx.g_on & s.ctx.msi_on) ? s.did : {8'd0, s.ctx.gscid};
      te.msi_on = s.ctx.msi_on;
      te.s1_on = s.s1;
      te.g_on = s.ctx.g_on;
      te.sxl = s.ctx.sxl;
      te.leaf.lg = (s.leaf.lg == 6'd4) ? 6'd0 : s.leaf.lg;
      te.leaf.ppn = s.addr[55:12];
      te.leaf.msi = s.msi;
      te.leaf.pbmt = s.leaf.pbmt;
      te.leaf.g = s.g;
      te.leaf.d = s.leaf.d;
      te.leaf.u = s.leaf.u;
      te.leaf.x = s.leaf.x;
      te.leaf.w = s.leaf.w;
      te.leaf.r = s.leaf.r;
    end
  end
  assign entry_o = te;

  // for those who are no port; an ATS completion grants what this access may do
  iommu_pkg::side_t sr;
  logic user_ok;
  assign user_ok = ~s.s1 | (s.priv ? (~s.leaf.u | s.ctx.sum) : s.leaf.u);
  always_comb begin
    sr = '0;
    if (active_i && s.src != iommu_pkg::SRC_PORT) begin
      sr.fault = s.fault;
      sr.cause = s.cause;
      sr.located = s.located;
      sr.en_pri = s.wctx.en_pri & s.located;
      sr.prpr = s.wctx.prpr & s.located;
      // an interrupt file in memory: R and W are 1, but for untranslated requests alone
      sr.r = ~s.fault & (s.mrif | (s.leaf.r & user_ok));
      sr.w = ~s.fault & (s.mrif | (s.leaf.w & s.leaf.d & user_ok));
      sr.x = ~s.fault & s.leaf.x & s.leaf.r & s.exec & user_ok & ~(s.s1 & s.priv & s.leaf.u);
      sr.g = s.g & s.pv & ~s.msi;
      sr.untranslated = s.mrif;
      sr.mrif = s.mrif;
      sr.pbmt = s.leaf.pbmt;
      sr.lg = s.leaf.lg;
      sr.page = s.addr[63:12];
    end
  end
  assign side_o = sr;

  logic [63:0] rec0;
  always_comb begin
    rec0 = 64'd0;
    if (active_i & s.fault) begin
      rec0[regs_pkg::FAULT_W0_CAUSE_LSB +: regs_pkg::FAULT_W0_CAUSE_W] = s.cause;
      rec0[regs_pkg::FAULT_W0_PID_LSB +: regs_pkg::FAULT_W0_PID_W] = s.pv ? s.pid : 20'd0;
      rec0[regs_pkg::FAULT_W0_PV_LSB] = s.pv;
      rec0[regs_pkg::FAULT_W0_PRIV_LSB] = s.priv;
      rec0[regs_pkg::FAULT_W0_TTYP_LSB +: regs_pkg::FAULT_W0_TTYP_W] =
          (s.src == iommu_pkg::SRC_PAGE) ? regs_pkg::TTYP_MESSAGE : (s.src == iommu_pkg::SRC_ATS) ? regs_pkg::TTYP_ATS
          : (s.ttype == iommu_pkg::TTYPE_UNTRANSLATED)
            ? (s.exec ? regs_pkg::TTYP_UNTRANSLATED_EXEC : s.write ? regs_pkg::TTYP_UNTRANSLATED_WRITE : regs_pkg::TTYP_UNTRANSLATED_READ)
            : (s.exec ? regs_pkg::TTYP_TRANSLATED_EXEC : s.write ? regs_pkg::TTYP_TRANSLATED_WRITE : regs_pkg::TTYP_TRANSLATED_READ);
      rec0[regs_pkg::FAULT_W0_DID_LSB +: regs_pkg::FAULT_W0_DID_W] = s.did;
    end
  end
  // a page request's iotval is the code of the PCIe message
  assign rec_o = {s.guest ? {s.gpa[63:2], s.iotval2} : 64'd0, (s.src == iommu_pkg::SRC_PAGE) ? 64'd4 : s.iova, 64'd0, rec0};

  iommu_pkg::event_t who;
  always_comb begin
    who = '0;
    if (active_i) who = {s.did, s.pv, s.pid, s.located, s.located & s.ctx.g_on, s.ctx.gscid, s.located & s.s1, s.ctx.pscid};
  end
  assign who_o = who;

  wire unused = &{1'b0, s, cfg};
endmodule
`default_nettype wire
