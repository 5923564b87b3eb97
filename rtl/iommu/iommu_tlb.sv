// SPDX-License-Identifier: Apache-2.0
//
// IOTLB: leaves that walks found. 4 KiB leaves in RAM, set-associative, read by two lookups at once; larger leaves in a
// small fully associative part. Entries hold raw permissions; who uses one checks its own access against them.
// Latency: a lookup gives its page at rd_en_i and its key one clock later, when the answer is combinational. The valid bits
// are taken with the RAM row, so that a row and its valid bit are always of the same clock: an entry filled after the row
// was read is not seen. A fill takes two clocks (read the set's tags, write), one can start every clock, but that of an
// invalidation (iommu_walk); an invalidation drops the fill under way.
// AV=1 invalidations drop the whole indexed set and every large leaf over the page, whatever their address space; once an entry was
// stored that is smaller than its first-stage leaf (NAPOT, a smaller second stage, MSI pages), they drop everything, since the other pages of the leaf lie in other sets.
// Source: specification, "IOMMU page-table cache invalidation commands".
`default_nettype none
module iommu_tlb #(
  parameter int unsigned WAYS = iommu_pkg::TLB_WAYS,    /// ways of the 4 KiB part
  parameter int unsigned SETS = iommu_pkg::TLB_SETS,    /// sets of the 4 KiB part, a power of two, at least 2
  parameter int unsigned LARGE = iommu_pkg::TLB_LARGE   /// entries for larger leaves
) (
  input  wire                            clk_i,
  input  wire                            rst_ni,

  // two lookups (0 reads, 1 writes): page first, key a clock later
  input  wire  [1:0]                     rd_en_i,       /// take a new page; else the row is held
  input  wire  [2*47-1:0]                rd_vpn_i,      /// IOVA[58:12] of each
  input  wire  [1:0]                     key_valid_i,   /// an answer is wanted; else it is a miss
  input  wire  [63:0]                    key0_space_i,  /// first words of a tlb_t: the same a clock later, for as long as the row is
  input  wire  [63:0]                    key0_page_i,   /// held: of lookup 0
  input  wire  [63:0]                    key1_space_i,  /// of lookup 1
  input  wire  [63:0]                    key1_page_i,
  output logic [1:0]                     hit_o,
  output logic [2*64-1:0]                leaf_o,        /// tlb_leaf_t of each; ppn is that of the 4 KiB page

  input  wire                            fill_i,        /// store fill_entry_i (tlb_t), over an entry of the same page if there is one
  input  wire  [iommu_pkg::TLB_W-1:0]    fill_entry_i,
  input  wire                            fill_fractured_i,

  input  wire                            inval_i,
  input  wire                            inval_page_i,  /// only what may translate inval_vpn_i
  input  wire  [46:0]                    inval_vpn_i
);
  localparam int unsigned SW = $clog2(SETS);
  localparam int unsigned WW = $clog2(WAYS);
  localparam int unsigned LW = $clog2(LARGE);
  localparam int unsigned EW = iommu_pkg::TLB_W;

  logic fractured_q;
  logic inval_all;
  assign inval_all = inval_i & (~inval_page_i | fractured_q);

  // ---- fill, first clock: read the tags of the set; second clock: write ---------------------------------------------------------
  logic          fill_q;
  logic [EW-1:0] fill_entry_q;
  iommu_pkg::tlb_t fi;
  iommu_pkg::tlb_t fe;
  assign fi = fill_entry_i;
  assign fe = fill_entry_q;
  logic fill_small, fill_large;
  assign fill_small = fill_q & (fe.leaf.lg == 6'd0);
  assign fill_large = fill_q & (fe.leaf.lg != 6'd0);
  logic [SW-1:0] fill_set;
  assign fill_set = fe.vpn[SW-1:0];

  // ---- 4 KiB part ---------------------------------------------------------------------------------------------------------------
  logic [2*WAYS-1:0]    match;                // bit {lookup, way}
  logic [WAYS*SETS-1:0] valid_q;              // bit {set, way}
  logic [WW-1:0]        victim_q;             // the same for every set: a plain rotation
  logic [WAYS-1:0]      fill_same, fill_match, fill_valid;
  logic [WW-1:0]        fill_way;
  logic [2*WAYS*64-1:0] leaf;                 // {way, lookup}
  logic [2*WAYS-1:0]    row_valid_q;          // bit {lookup, way}

  for (genvar g = 0; g < WAYS; g++) begin : gen_way
    iommu_tlb_way #(.SETS(SETS)) way (
      .clk_i, .rd_en_i, .rd_set_i({rd_vpn_i[47 +: SW], rd_vpn_i[0 +: SW]}), .key0_space_i, .key0_page_i, .key1_space_i, .key1_page_i,
      .valid_i({row_valid_q[WAYS+g], row_valid_q[g]}), .match_o({match[WAYS+g], match[g]}), .leaf_o(leaf[2*g*64 +: 2*64]),
      .tag_en_i(fill_i), .tag_set_i(fi.vpn[SW-1:0]), .tag_i(fill_entry_q[191:64]), .tag_match_o(fill_same[g]),
      .we_i(fill_small & (fill_way == g[WW-1:0])), .set_i(fill_set), .entry_i(fill_entry_q));
  end
  assign fill_valid = valid_q[fill_set*WAYS +: WAYS];
  assign fill_match = fill_valid & fill_same;

  always_comb begin
    fill_way = victim_q;
    for (int unsigned i = 0; i < WAYS; i++) if (!fill_valid[i]) fill_way = i[WW-1:0];
    for (int unsigned i = 0; i < WAYS; i++) if (fill_match[i]) fill_way = i[WW-1:0];
  end

  // ---- large part ---------------------------------------------------------------------------------------------------------------
  logic [LARGE-1:0] large_valid_q;
  logic [EW-1:0]    large_q [0:LARGE-1];
  logic [LW-1:0]    large_victim_q, large_way;
  logic             large_match, large_empty;
  iommu_pkg::tlb_t  lf;
  always_comb begin
    large_way = large_victim_q;
    large_match = 1'b0;
    large_empty = 1'b0;
    lf = '0;
    if (fill_q) for (int unsigned i = 0; i < LARGE; i++) begin
      lf = large_q[i];
      if (!large_match && large_valid_q[i] && lf.leaf.lg == fe.leaf.lg && large_q[i][191:128] == fill_entry_q[191:128]
          && ((large_q[i][127:64] ^ fill_entry_q[127:64]) & {17'h1ffff, iommu_pkg::outer_vpn(fe.leaf.lg)}) == 64'd0) begin
        large_way = i[LW-1:0];
        large_match = 1'b1;
      end
      if (!large_match && !large_empty && !large_valid_q[i]) begin
        large_way = i[LW-1:0];
        large_empty = 1'b1;
      end
    end
  end

  // ---- lookups: the first match wins, never an OR of several --------------------------------------------------------------------
  logic [2*LARGE-1:0] large_hit;              // bit {lookup, entry}
  iommu_pkg::tlb_t e;
  iommu_pkg::tlb_leaf_t h;
  logic [63:0] k_space, k_page, other_space;
  logic [46:0] outer;
  always_comb begin
    large_hit = '0;
    e = '0;
    k_space = '0;
    k_page = '0;
    other_space = '0;
    if ((|key_valid_i) && (|large_valid_q)) begin
      for (int unsigned p = 0; p < 2; p++) begin
        k_space = (p == 0) ? key0_space_i : key1_space_i;
        k_page = (p == 0) ? key0_page_i : key1_page_i;
        for (int unsigned i = 0; i < LARGE; i++) begin
          e = large_q[i];
          other_space = (large_q[i][191:128] ^ k_space) & (e.leaf.g ? iommu_pkg::TLB_SPACE_GLOBAL : ~64'd0);
          large_hit[p*LARGE + i] = large_valid_q[i] & (other_space == 64'd0)
                                 & (((large_q[i][127:64] ^ k_page) & {17'h1ffff, iommu_pkg::outer_vpn(e.leaf.lg)}) == 64'd0);
        end
      end
    end
  end
  always_comb begin
    hit_o = 2'b00;
    leaf_o = '0;
    h = '0;
    outer = '0;
    for (int unsigned p = 0; p < 2; p++) begin
      if (key_valid_i[p]) begin
        h = '0;
        for (int unsigned i = 0; i < WAYS; i++) begin
          if (!hit_o[p] && match[p*WAYS + i]) begin
            hit_o[p] = 1'b1;
            h = leaf[(2*i + p)*64 +: 64];
          end
        end
        if (|large_hit) for (int unsigned i = 0; i < LARGE; i++) begin
          if (!hit_o[p] && large_hit[p*LARGE + i]) begin
            hit_o[p] = 1'b1;
            h = large_q[i][63:0];
            outer = iommu_pkg::outer_vpn(h.lg);
            h.ppn = (h.ppn & outer[43:0]) | ((p == 0 ? key0_page_i[43:0] : key1_page_i[43:0]) & ~outer[43:0]);
          end
        end
        leaf_o[p*64 +: 64] = h;
      end
    end
  end

  // ---- state --------------------------------------------------------------------------------------------------------------------
  always_ff @(posedge clk_i) begin
    if (fill_i) fill_entry_q <= fill_entry_i;
    if (fill_large) large_q[large_way] <= fill_entry_q;
  end

  logic [LARGE-1:0] large_over;               // large leaves over the page to invalidate
  iommu_pkg::tlb_t  li;
  always_comb begin
    large_over = '0;
    li = '0;
    if (inval_i) for (int unsigned i = 0; i < LARGE; i++) begin
      li = large_q[i];
      large_over[i] = ((li.vpn ^ inval_vpn_i) & iommu_pkg::outer_vpn(li.leaf.lg)) == 47'd0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      large_valid_q <= '0;
      row_valid_q <= '0;
      victim_q <= '0;
      large_victim_q <= '0;
      fill_q <= 1'b0;
      fractured_q <= 1'b0;
    end else begin
      for (int unsigned p = 0; p < 2; p++) begin
        if (rd_en_i[p]) row_valid_q[p*WAYS +: WAYS] <= valid_q[rd_vpn_i[p*47 +: SW]*WAYS +: WAYS];
      end

      fill_q <= fill_i;
      if (fill_small) begin
        valid_q[fill_set*WAYS + 32'(fill_way)] <= 1'b1;
        victim_q <= victim_q + 1'b1;
      end
      if (fill_large) begin
        large_valid_q[large_way] <= 1'b1;
        if (!large_match && !large_empty) large_victim_q <= large_victim_q + 1'b1;
      end
      if (fill_i & fill_fractured_i) fractured_q <= 1'b1;

      if (inval_all) begin
        valid_q <= '0;
        large_valid_q <= '0;
        fractured_q <= 1'b0;
      end else if (inval_i) begin
        valid_q[inval_vpn_i[SW-1:0]*WAYS +: WAYS] <= '0;
        for (int unsigned i = 0; i < LARGE; i++) if (large_over[i]) large_valid_q[i] <= 1'b0;
        if (fill_small && fill_set == inval_vpn_i[SW-1:0]) valid_q[fill_set*WAYS + 32'(fill_way)] <= 1'b0;
        if (fill_large) large_valid_q[large_way] <= 1'b0;
      end
    end
  end

`ifndef YOSYS
  always_ff @(posedge clk_i) if (rst_ni) a_fill: assert (!fill_i || !inval_i) else $error("iommu_tlb: a fill in the clock of an invalidation");
`endif
endmodule
`default_nettype wire
