// SPDX-License-Identifier: Apache-2.0
//
// MSI page tables: is a guest physical page that of a virtual interrupt file, where is its entry, what does the entry say.
// Purely combinational.
// Source: specification, "Process to identify an MSI" and "Process to translate addresses of MSIs"; Advanced Interrupt
// Architecture, "MSI page table entries".
`default_nettype none
module iommu_msi (
  input  wire                              match_i,       /// match page_i; else match_o and overlap_o are 0
  input  wire  [51:0]                      page_i,        /// GPA[63:12]
  input  wire  [iommu_pkg::WALK_CTX_W-1:0] walk_ctx_i,    /// walk_ctx_t
  output logic                             match_o,       /// it is an interrupt file's
  output logic [63:0]                      addr_o,        /// of its entry

  input  wire                              overlap_i,     /// does the leaf of 2^lg_i pages around page_i hold an interrupt file?
  input  wire  [5:0]                       lg_i,
  output logic                             overlap_o,

  input  wire                              entry_i,       /// read an entry
  input  wire  [127:0]                     data_i,        /// little-endian
  input  wire                              mrif_there_i,  /// capabilities.MSI_MRIF
  output logic                             valid_o,
  output logic                             bad_o,         /// misconfigured
  output logic                             mrif_o,        /// MRIF mode
  output logic [43:0]                      ppn_o,         /// basic mode: the page
  output logic [46:0]                      mrif_addr_o,   /// MRIF mode: address bits 55:9 of the file,
  output logic [43:0]                      notice_ppn_o,  /// page of the notice MSI
  output logic [10:0]                      nid_o          /// and its identity
);
  iommu_pkg::walk_ctx_t w;
  assign w = walk_ctx_i;

  logic [51:0] apart, index;
  always_comb begin
    apart = '0;
    index = '0;
    if (match_i || overlap_i) apart = (page_i ^ w.msi_pattern) & ~w.msi_mask;
    if (match_i) for (int unsigned i = 52; i > 0; i--) if (w.msi_mask[i-1]) index = {index[50:0], page_i[i-1]};
  end
  assign match_o = match_i & (apart == 52'd0);
  assign overlap_o = overlap_i & ((apart & ~iommu_pkg::inner_mask(lg_i)) == 52'd0);
  assign addr_o = {8'd0, w.msi_root, 12'd0} | {8'd0, index, 4'd0};

  logic [63:0] w0, w1;
  logic [1:0]  m;
  assign w0 = data_i[63:0];
  assign w1 = data_i[127:64];
  assign m = w0[regs_pkg::MSI_PTE_W0_M_LSB +: regs_pkg::MSI_PTE_W0_M_W];
  localparam logic [63:0] VMC = iommu_pkg::bits(regs_pkg::MSI_PTE_W0_V_LSB, 1) | iommu_pkg::bits(regs_pkg::MSI_PTE_W0_M_LSB, 2);
  localparam logic [63:0] BASIC_W0 = VMC | iommu_pkg::bits(regs_pkg::MSI_PTE_W0_PPN_LSB, regs_pkg::MSI_PTE_W0_PPN_W);
  localparam logic [63:0] MRIF_W0 = VMC | iommu_pkg::bits(regs_pkg::MSI_PTE_W0_MRIF_LSB, regs_pkg::MSI_PTE_W0_MRIF_W);
  always_comb begin
    valid_o = 1'b0;
    bad_o = 1'b0;
    mrif_o = 1'b0;
    if (entry_i) begin
      valid_o = w0[regs_pkg::MSI_PTE_W0_V_LSB];
      case (m)
        2'd3: bad_o = |(w0 & ~BASIC_W0);
        2'd1: bad_o = ~mrif_there_i | (|(w0 & ~MRIF_W0)) | (|(w1 & regs_pkg::MSI_PTE_W1_RESERVED));
        default: bad_o = 1'b1;
      endcase
      mrif_o = m == 2'd1;
    end
  end
  assign ppn_o = w0[regs_pkg::MSI_PTE_W0_PPN_LSB +: regs_pkg::MSI_PTE_W0_PPN_W];
  assign mrif_addr_o = w0[regs_pkg::MSI_PTE_W0_MRIF_LSB +: regs_pkg::MSI_PTE_W0_MRIF_W];
  assign notice_ppn_o = w1[regs_pkg::MSI_PTE_W1_NPPN_LSB +: regs_pkg::MSI_PTE_W1_NPPN_W];
  assign nid_o = {w1[regs_pkg::MSI_PTE_W1_NID_HIGH_LSB], w1[regs_pkg::MSI_PTE_W1_NID_LOW_LSB +: regs_pkg::MSI_PTE_W1_NID_LOW_W]};

  wire unused = &{1'b0, w.g_root, w.g_top, w.s1_root, w.pdtv, w.dtf, w.en_pri, w.prpr, w.sade, w.gade, w.sbe, w.dpe,
                  w.zero, w.zero1, w.zero2, w.zero3, w.zero4, w.zero5};
endmodule
`default_nettype wire
