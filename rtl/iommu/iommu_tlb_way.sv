// SPDX-License-Identifier: Apache-2.0
//
// One way of the IOTLB's 4 KiB part: entries in RAM, read by two lookups and by fills, which look for an entry of the same
// page. The valid bits lie outside, in iommu_tlb.
// Latency: reads one clock, comparisons combinational after that. A row is held until its next read.
`default_nettype none
module iommu_tlb_way #(
  parameter int unsigned SETS = iommu_pkg::TLB_SETS  /// entries, a power of two, at least 2
) (
  input  wire                            clk_i,
  input  wire  [1:0]                     rd_en_i,      /// per lookup: read the row of rd_set_i
  input  wire  [2*$clog2(SETS)-1:0]      rd_set_i,
  input  wire  [63:0]                    key0_space_i, /// first words of a tlb_t, compared with the row that was read: of lookup 0
  input  wire  [63:0]                    key0_page_i,
  input  wire  [63:0]                    key1_space_i, /// of lookup 1
  input  wire  [63:0]                    key1_page_i,
  output logic [1:0]                     match_o,
  output logic [2*iommu_pkg::TLB_W-1:0]  row_o,        /// of each lookup
  input  wire  [1:0]                     valid_i,      /// per lookup: the row that was read holds an entry
  input  wire                            tag_en_i,     /// read the tag of tag_set_i
  input  wire  [$clog2(SETS)-1:0]        tag_set_i,
  input  wire  [127:0]                   tag_i,        /// {space, page}, compared with the tag that was read
  output logic                           tag_match_o,
  input  wire                            we_i,
  input  wire  [$clog2(SETS)-1:0]        set_i,
  input  wire  [iommu_pkg::TLB_W-1:0]    entry_i
);
  localparam int unsigned SW = $clog2(SETS);
  localparam int unsigned EW = iommu_pkg::TLB_W;
  logic [EW-1:0] mem [0:SETS-1];
  logic [EW-1:0] r0_q, r1_q, tag;
  logic [127:0]  tag_q;
  always_comb begin
    tag = '0;
    if (tag_en_i) tag = mem[tag_set_i];
  end

  always_ff @(posedge clk_i) begin
    if (rd_en_i[0]) r0_q <= mem[rd_set_i[0 +: SW]];
    if (rd_en_i[1]) r1_q <= mem[rd_set_i[SW +: SW]];
    if (tag_en_i) tag_q <= tag[191:64];
    if (we_i) mem[set_i] <= entry_i;
  end

  assign row_o = {r1_q, r0_q};
  iommu_pkg::tlb_t e0;
  iommu_pkg::tlb_t e1;
  assign e0 = r0_q;
  assign e1 = r1_q;
  always_comb begin
    match_o = 2'b00;
    if (valid_i[0]) match_o[0] = (r0_q[127:64] == key0_page_i)
                               & ((e0.g ? (r0_q[191:128] ^ key0_space_i) & iommu_pkg::TLB_SPACE_GLOBAL : (r0_q[191:128] ^ key0_space_i)) == 64'd0);
    if (valid_i[1]) match_o[1] = (r1_q[127:64] == key1_page_i)
                               & ((e1.g ? (r1_q[191:128] ^ key1_space_i) & iommu_pkg::TLB_SPACE_GLOBAL : (r1_q[191:128] ^ key1_space_i)) == 64'd0);
  end
  assign tag_match_o = tag_q == tag_i;
endmodule
`default_nettype wire
