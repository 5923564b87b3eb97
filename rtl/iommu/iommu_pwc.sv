// SPDX-License-Identifier: Apache-2.0
//
// Walk cache: where the last-level page tables of a stage lie, so that a walk reads only its leaf. Fully associative, in
// flip-flops. Used for the first stage (keyed by IOVA) and the second (keyed by guest physical address).
// Latency: lookups are combinational; a fill or an invalidation shows in the next clock; never both in one (iommu_walk).
// Invalidations act on 4 MiB, which the largest last-level table maps, whatever the space.
// Source: specification, "Caching in-memory data structures", "IOMMU page-table cache invalidation commands".
`default_nettype none
module iommu_pwc #(
  parameter int unsigned ENTRIES = 8,   /// entries, a power of two
  parameter int unsigned SPACE_W = 38   /// bits that name an address space
) (
  input  wire               clk_i,
  input  wire               rst_ni,
  input  wire               valid_i,       /// a lookup is wanted; else it misses
  input  wire [37:0]        region_i,      /// address bits 58:21
  input  wire [SPACE_W-1:0] space_i,
  output logic              hit_o,
  output logic [43:0]       page_o,        /// page of the table, 0 on a miss
  output logic              g_o,
  input  wire               fill_i,        /// store, over a match if there is one
  input  wire [37:0]        fill_region_i,
  input  wire [SPACE_W-1:0] fill_space_i,
  input  wire [43:0]        fill_page_i,
  input  wire               fill_g_i,
  input  wire               inval_i,       /// drop all, ...
  input  wire               inval_page_i,  /// ... or what holds inval_region_i
  input  wire [37:0]        inval_region_i
);
  localparam int unsigned AW = $clog2(ENTRIES);
  localparam int unsigned KW = 38 + SPACE_W;
  logic [ENTRIES-1:0] valid_q;
  logic [KW-1:0]      key_q [0:ENTRIES-1];
  logic [44:0]        table_q [0:ENTRIES-1];
  logic [AW-1:0]      victim_q, place;

  always_comb begin
    hit_o = 1'b0;
    {g_o, page_o} = '0;
    if (valid_i) for (int unsigned i = 0; i < ENTRIES; i++) begin
      if (!hit_o && valid_q[i] && key_q[i] == {space_i, region_i}) begin
        hit_o = 1'b1;
        {g_o, page_o} = table_q[i];
      end
    end
  end

  logic found;
  always_comb begin
    place = victim_q;
    found = 1'b0;
    if (fill_i) for (int unsigned i = 0; i < ENTRIES; i++) begin
      if (valid_q[i] && key_q[i] == {fill_space_i, fill_region_i}) begin
        place = i[AW-1:0];
        found = 1'b1;
      end
    end
  end

  logic [37:0] held;
  logic [ENTRIES-1:0] named;
  always_comb begin
    named = '0;
    held = '0;
    if (inval_i) for (int unsigned i = 0; i < ENTRIES; i++) begin
      held = key_q[i][37:0];
      named[i] = ~inval_page_i | (held[37:1] == inval_region_i[37:1]);
    end
  end

  always_ff @(posedge clk_i) if (fill_i) begin
    key_q[place] <= {fill_space_i, fill_region_i};
    table_q[place] <= {fill_g_i, fill_page_i};
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      victim_q <= '0;
    end else begin
      if (fill_i) valid_q[place] <= 1'b1;
      if (fill_i && !found) victim_q <= victim_q + 1'b1;
      if (inval_i) valid_q <= valid_q & ~named;
    end
  end
  wire unused = &{1'b0, inval_region_i[0]};

`ifndef YOSYS
  always_ff @(posedge clk_i) if (rst_ni) a_fill: assert (!fill_i || !inval_i) else $error("iommu_pwc: a fill in the clock of an invalidation");
`endif
endmodule
`default_nettype wire
