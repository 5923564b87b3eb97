// SPDX-License-Identifier: Apache-2.0
//
// Process context, purely combinational: checks it and adds it to the device context that led to it.
// Source: specification, "Process-context", "Process-context configuration checks".
`default_nettype none
module iommu_pc (
  input  wire  [127:0]                     pc_i,            /// little-endian
  input  wire  [iommu_pkg::CTX_W-1:0]      ctx_i,           /// ctx_t of the device
  input  wire  [iommu_pkg::WALK_CTX_W-1:0] walk_ctx_i,      /// walk_ctx_t of the device
  input  wire  [iommu_pkg::CONFIG_W-1:0]   config_i,        /// config_t
  output logic                             valid_o,         /// PC.ta.V
  output logic                             misconfigured_o,
  output logic [iommu_pkg::CTX_W-1:0]      ctx_o,           /// ctx_t of the process
  output logic [iommu_pkg::WALK_CTX_W-1:0] walk_ctx_o       /// walk_ctx_t of the process
);
  iommu_pkg::config_t   cfg;
  iommu_pkg::ctx_t      device;
  iommu_pkg::ctx_t      ctx;
  iommu_pkg::walk_ctx_t wctx;
  logic [63:0] ta, fsc;
  logic [3:0]  first;
  assign cfg = config_i;
  assign device = ctx_i;
  assign ta = pc_i[64*regs_pkg::PC_TA_WORD +: 64];
  assign fsc = pc_i[64*regs_pkg::PC_FSC_WORD +: 64];
  assign first = iommu_pkg::first_stage(fsc[regs_pkg::PC_FSC_MODE_LSB +: regs_pkg::PC_FSC_MODE_W], device.sxl, cfg.caps);
  assign valid_o = ta[regs_pkg::PC_TA_V_LSB];
  assign misconfigured_o = (|(ta & regs_pkg::PC_TA_RESERVED)) | (|(fsc & regs_pkg::PC_FSC_RESERVED)) | ~first[3];
  always_comb begin
    ctx = ctx_i;
    ctx.s1_on = first[2:0] != 3'd0;
    ctx.s1_top = first[2:0];
    ctx.pscid = ta[regs_pkg::PC_TA_PSCID_LSB +: regs_pkg::PC_TA_PSCID_W];
    ctx.sum = ta[regs_pkg::PC_TA_SUM_LSB];
    ctx.ens = ta[regs_pkg::PC_TA_ENS_LSB];
    wctx = walk_ctx_i;
    wctx.s1_root = fsc[regs_pkg::PC_FSC_PPN_LSB +: regs_pkg::PC_FSC_PPN_W];
    wctx.pdtv = 1'b0;
  end
  assign ctx_o = ctx;
  assign walk_ctx_o = wctx;

  wire unused = &{1'b0, cfg, device};
endmodule
`default_nettype wire
