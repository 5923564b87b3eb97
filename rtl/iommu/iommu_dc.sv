// SPDX-License-Identifier: Apache-2.0
//
// Reads a device context: is it misconfigured, and what does it say. Purely combinational.
// Source: specification, "Device-context" and "Device-context configuration checks".
`default_nettype none
module iommu_dc (
  input  wire                             active_i,        /// else all outputs are 0
  input  wire  [511:0]                    dc_i,            /// little-endian; the upper half counts with capabilities.MSI_FLAT alone
  input  wire  [iommu_pkg::CONFIG_W-1:0]  config_i,        /// config_t
  output logic                            misconfigured_o,
  output logic [iommu_pkg::CTX_W-1:0]     ctx_o,           /// ctx_t; with pdtv the first stage is that of a request without process
  output logic [iommu_pkg::WALK_CTX_W-1:0] walk_ctx_o      /// walk_ctx_t; with pdtv s1_root is that of the process directory
);
  iommu_pkg::config_t cfg;
  assign cfg = config_i;
  logic [63:0] caps, tc, iohgatp, ta, fsc, msiptp, mask, pattern, last;
  assign caps = cfg.caps;
  assign tc = dc_i[64*regs_pkg::DC_TC_WORD +: 64];
  assign iohgatp = dc_i[64*regs_pkg::DC_IOHGATP_WORD +: 64];
  assign ta = dc_i[64*regs_pkg::DC_TA_WORD +: 64];
  assign fsc = dc_i[64*regs_pkg::DC_FSC_WORD +: 64];
  assign msiptp = dc_i[256 + 64*regs_pkg::DC_MSI_MSIPTP_WORD +: 64];
  assign mask = dc_i[256 + 64*regs_pkg::DC_MSI_MASK_WORD +: 64];
  assign pattern = dc_i[256 + 64*regs_pkg::DC_MSI_PATTERN_WORD +: 64];
  assign last = dc_i[256 + 64*regs_pkg::DC_MSI_ZERO_WORD +: 64];

  logic en_ats, en_pri, t2gpa, pdtv, prpr, sxl, msi_flat;
  assign en_ats = tc[regs_pkg::DC_TC_EN_ATS_LSB];
  assign en_pri = tc[regs_pkg::DC_TC_EN_PRI_LSB];
  assign t2gpa = tc[regs_pkg::DC_TC_T2GPA_LSB];
  assign pdtv = tc[regs_pkg::DC_TC_PDTV_LSB];
  assign prpr = tc[regs_pkg::DC_TC_PRPR_LSB];
  assign sxl = tc[regs_pkg::DC_TC_SXL_LSB];
  assign msi_flat = caps[regs_pkg::IOMMU_CAPABILITIES_MSI_FLAT_LSB];

  logic [3:0] fsc_mode, g_mode, s1, g, msi_mode;
  logic [11:0] rcid, mcid;
  assign fsc_mode = fsc[regs_pkg::DC_FSC_MODE_LSB +: regs_pkg::DC_FSC_MODE_W];
  assign g_mode = iohgatp[regs_pkg::DC_IOHGATP_MODE_LSB +: regs_pkg::DC_IOHGATP_MODE_W];
  assign msi_mode = msiptp[regs_pkg::DC_MSI_MSIPTP_MODE_LSB +: regs_pkg::DC_MSI_MSIPTP_MODE_W];
  assign s1 = iommu_pkg::first_stage(fsc_mode, sxl, caps);
  assign g = iommu_pkg::second_stage(g_mode, cfg.gxl, caps);
  assign rcid = ta[regs_pkg::DC_TA_RCID_LSB +: regs_pkg::DC_TA_RCID_W];
  assign mcid = ta[regs_pkg::DC_TA_MCID_LSB +: regs_pkg::DC_TA_MCID_W];

  logic s1_on, g_on, msi_on;
  assign s1_on = fsc_mode != regs_pkg::SATP_MODE_BARE;
  assign g_on = g_mode != regs_pkg::HGATP_MODE_BARE;
  assign msi_on = msi_flat & (msi_mode != regs_pkg::MSIPTP_MODE_OFF);

  // bits of guest page numbers above the widest second stage there is
  logic [51:0] beyond_guest;
  always_comb begin
    if      (caps[regs_pkg::IOMMU_CAPABILITIES_SV57X4_LSB]) beyond_guest = {52{1'b1}} << 47;
    else if (caps[regs_pkg::IOMMU_CAPABILITIES_SV48X4_LSB]) beyond_guest = {52{1'b1}} << 38;
    else if (caps[regs_pkg::IOMMU_CAPABILITIES_SV39X4_LSB]) beyond_guest = {52{1'b1}} << 29;
    else if (caps[regs_pkg::IOMMU_CAPABILITIES_SV32X4_LSB]) beyond_guest = {52{1'b1}} << 22;
    else beyond_guest = {52{1'b1}} << (caps[regs_pkg::IOMMU_CAPABILITIES_PAS_LSB +: regs_pkg::IOMMU_CAPABILITIES_PAS_W] - 6'd12);
  end

  logic [3:0] pd_there;
  assign pd_there = {caps[regs_pkg::IOMMU_CAPABILITIES_PD20_LSB], caps[regs_pkg::IOMMU_CAPABILITIES_PD17_LSB], caps[regs_pkg::IOMMU_CAPABILITIES_PD8_LSB], 1'b1};

  logic bad_reserved, bad_ats, bad_first, bad_second, bad_msi, bad_order;
  always_comb begin
    misconfigured_o = 1'b0;
    bad_reserved = 1'b0;
    bad_ats = 1'b0;
    bad_first = 1'b0;
    bad_second = 1'b0;
    bad_msi = 1'b0;
    bad_order = 1'b0;
    if (active_i) begin
      bad_reserved = (|(tc & regs_pkg::DC_TC_RESERVED)) | (|(ta & regs_pkg::DC_TA_RESERVED)) | (|(fsc & regs_pkg::DC_FSC_RESERVED))
                   | (caps[regs_pkg::IOMMU_CAPABILITIES_QOSID_LSB] ? (|(rcid >> cfg.rcid_bits)) | (|(mcid >> cfg.mcid_bits)) : (|rcid) | (|mcid));
      bad_ats = (~caps[regs_pkg::IOMMU_CAPABILITIES_ATS_LSB] & (en_ats | en_pri | prpr))
              | (~en_ats & (t2gpa | en_pri)) | (prpr & ~en_pri)
              | (t2gpa & (~caps[regs_pkg::IOMMU_CAPABILITIES_T2GPA_LSB] | ~g_on));
      bad_first = pdtv ? (fsc_mode > regs_pkg::PDTP_MODE_PD20) | ~pd_there[fsc_mode[1:0]] : ~s1[3] | tc[regs_pkg::DC_TC_DPE_LSB];
      bad_second = ~g[3] | (g_on & (|iohgatp[1:0]))
                 | (~caps[regs_pkg::IOMMU_CAPABILITIES_AMO_HWAD_LSB] & (tc[regs_pkg::DC_TC_SADE_LSB] | tc[regs_pkg::DC_TC_GADE_LSB]));
      bad_msi = msi_flat & ((msi_mode > regs_pkg::MSIPTP_MODE_FLAT) | (|(msiptp & regs_pkg::DC_MSI_MSIPTP_RESERVED)) | (|last)
                            | (|mask[63:52]) | (|pattern[63:52]) | (|((mask[51:0] | pattern[51:0]) & beyond_guest))
                            | (msi_on & ~g_on));
      bad_order = (~cfg.be_writable & (tc[regs_pkg::DC_TC_SBE_LSB] != cfg.be)) | (cfg.gxl & ~sxl) | (~cfg.gxl & ~cfg.gxl_writable & sxl);
      misconfigured_o = bad_reserved | bad_ats | bad_first | bad_second | bad_msi | bad_order;
    end
  end

  iommu_pkg::ctx_t ctx;
  iommu_pkg::walk_ctx_t w;
  always_comb begin
    ctx = '0;
    w = '0;
    if (active_i) begin
      ctx.ens = 1'b1;
      ctx.en_ats = en_ats;
      ctx.t2gpa = t2gpa;
      ctx.msi_on = msi_on;
      ctx.sxl = sxl;
      ctx.s1_on = s1_on & ~pdtv;
      ctx.g_on = g_on;
      ctx.s1_top = pdtv ? 3'd0 : s1[2:0];
      ctx.gscid = g_on ? iohgatp[regs_pkg::DC_IOHGATP_GSCID_LSB +: regs_pkg::DC_IOHGATP_GSCID_W] : 16'd0;
      ctx.qosid = {mcid, rcid};
      ctx.pscid = ta[regs_pkg::DC_TA_PSCID_LSB +: regs_pkg::DC_TA_PSCID_W];
      w.msi_mask = mask[51:0];
      w.msi_pattern = pattern[51:0];
      w.msi_root = msiptp[regs_pkg::DC_MSI_MSIPTP_PPN_LSB +: regs_pkg::DC_MSI_MSIPTP_PPN_W];
      w.pdtv = pdtv;
      w.dtf = tc[regs_pkg::DC_TC_DTF_LSB];
      w.en_pri = en_pri;
      w.prpr = prpr;
      w.sade = tc[regs_pkg::DC_TC_SADE_LSB];
      w.gade = tc[regs_pkg::DC_TC_GADE_LSB];
      w.sbe = tc[regs_pkg::DC_TC_SBE_LSB];
      w.dpe = tc[regs_pkg::DC_TC_DPE_LSB];
      w.s1_root = fsc[regs_pkg::DC_FSC_PPN_LSB +: regs_pkg::DC_FSC_PPN_W];
      w.g_top = g[2:0];
      w.g_root = iohgatp[regs_pkg::DC_IOHGATP_PPN_LSB +: regs_pkg::DC_IOHGATP_PPN_W];
    end
  end
  assign ctx_o = ctx;
  assign walk_ctx_o = w;

  wire unused = &{1'b0, tc[31:24], tc[0], ta[39:32], ta[11:0], cfg.root, cfg.mode};
endmodule
`default_nettype wire
