// SPDX-License-Identifier: Apache-2.0
//
// Reads a page-table entry of either stage: leaf or pointer, well-formed or not, what a leaf maps and allows, and whether A or
// D have to be set. Purely combinational.
// Source: privileged architecture, "Virtual Address Translation Process", "Two-Stage Address Translation", Svnapot, Svpbmt,
// Svrsw60t59b; specification, "Process to translate an IOVA" for what differs.
`default_nettype none
module iommu_pte (
  input  wire         active_i,     /// else all outputs are 0
  input  wire  [63:0] pte_i,        /// little-endian; the 32-bit formats zero-extended
  input  wire  [2:0]  level_i,      /// of the table it is in
  input  wire         narrow_i,     /// Sv32, Sv32x4
  input  wire  [51:0] page_i,       /// the virtual, or guest physical, page that is translated
  input  wire         svpbmt_i,
  input  wire         rsw_i,        /// capabilities.Svrsw60t59b
  output logic        malformed_o,  /// a page fault, whatever is accessed
  output logic        leaf_o,
  output logic [43:0] next_o,       /// a pointer: page of the next table
  output logic [43:0] out_o,        /// a leaf: where page_i lies
  output logic [iommu_pkg::LEAF_W-1:0] attr_o,  /// leaf_t
  output logic        a_o,
  output logic        g_o
);
  logic [43:0] ppn;
  logic [1:0]  pbmt;
  logic [4:0]  low;
  logic v, r, w, x, u, a, d, n, n_ok, misaligned;
  logic [5:0]  lg;
  logic [51:0] inner;
  assign ppn = pte_i[regs_pkg::PTE_E_PPN_LSB +: regs_pkg::PTE_E_PPN_W];
  assign pbmt = pte_i[regs_pkg::PTE_E_PBMT_LSB +: regs_pkg::PTE_E_PBMT_W];
  assign v = pte_i[regs_pkg::PTE_E_V_LSB];
  assign r = pte_i[regs_pkg::PTE_E_R_LSB];
  assign w = pte_i[regs_pkg::PTE_E_W_LSB];
  assign x = pte_i[regs_pkg::PTE_E_X_LSB];
  assign u = pte_i[regs_pkg::PTE_E_U_LSB];
  assign a = pte_i[regs_pkg::PTE_E_A_LSB];
  assign d = pte_i[regs_pkg::PTE_E_D_LSB];
  assign n = pte_i[regs_pkg::PTE_E_N_LSB];
  assign low = {d, u, x, w, r};
  assign n_ok = (level_i == 3'd0) & (ppn[3:0] == 4'b1000);  // 64 KiB, the only NAPOT size there is
  assign lg = (n & n_ok) ? 6'd4 : iommu_pkg::level_lg(level_i, narrow_i);
  assign inner = iommu_pkg::inner_mask(lg);
  assign misaligned = ~n & (|({8'd0, ppn} & inner));

  iommu_pkg::leaf_t attr;
  always_comb begin
    malformed_o = 1'b0;
    leaf_o = 1'b0;
    next_o = '0;
    out_o = '0;
    attr = '0;
    a_o = 1'b0;
    g_o = 1'b0;
    if (active_i) begin
      leaf_o = r | x;
      malformed_o = ~v | (w & ~r) | (|pte_i[regs_pkg::PTE_E_RSVD_LSB +: regs_pkg::PTE_E_RSVD_W])
                  | (~rsw_i & (|pte_i[regs_pkg::PTE_E_RSW_LSB +: regs_pkg::PTE_E_RSW_W])) | (svpbmt_i ? (&pbmt) : (|pbmt))
                  | (leaf_o ? (misaligned | (n & ~n_ok)) : (n | (|pbmt) | a | d | u | (level_i == 3'd0)));
      next_o = ppn;
      out_o = (ppn & ~inner[43:0]) | (page_i[43:0] & inner[43:0]);
      {attr.d, attr.u, attr.x, attr.w, attr.r} = low;
      attr.pbmt = pbmt;
      attr.lg = lg;
      a_o = a;
      g_o = pte_i[regs_pkg::PTE_E_G_LSB];
    end
  end
  assign attr_o = attr;

  wire unused = &{1'b0, pte_i[9:8], page_i[51:44], inner[51:44]};
endmodule
`default_nettype wire
