// SPDX-License-Identifier: Apache-2.0
//
// Cache of resolved contexts: what a walk learned from the device directory, keyed by {device_id, process id valid,
// process_id}. Fully associative, in flip-flops.
// Latency: lookups are combinational; a fill or an invalidation shows in the next clock; never both in one
// (iommu_walk). Never holds an entry that was not valid in memory.
// Source: specification, "Caching in-memory data structures"; IODIR.INVAL_DDT, IODIR.INVAL_PDT.
`default_nettype none
module iommu_ctx #(
  parameter int unsigned ENTRIES = iommu_pkg::CONTEXTS   /// entries
) (
  input  wire                                         clk_i,         /// needed for fills and invalidations alone
  input  wire                                         rst_ni,
  input  wire  [1:0]                                  key_valid_i,   /// of two requests: a lookup is wanted; else it misses
  input  wire  [2*iommu_pkg::CTX_KEY_W-1:0]           key_i,         /// ctx_key_t of each
  output logic [1:0]                                  hit_o,
  output logic [2*iommu_pkg::CTX_W-1:0]               ctx_o,         /// ctx_t of each, 0 on a miss
  input  wire                                         walk_valid_i,  /// the same for a walk
  input  wire  [iommu_pkg::CTX_KEY_W-1:0]             walk_key_i,
  output logic                                        walk_hit_o,
  output logic [iommu_pkg::CTX_W-1:0]                 walk_ctx_o,    /// ctx_t
  output logic [iommu_pkg::WALK_CTX_W-1:0]            walk_more_o,   /// walk_ctx_t
  input  wire                                         fill_i,        /// store fill_ctx_i under walk_key_i, over a match if there is one
  input  wire  [iommu_pkg::CTX_W-1:0]                 fill_ctx_i,
  input  wire  [iommu_pkg::WALK_CTX_W-1:0]            fill_more_i,
  input  wire                                         inval_i,       /// drop entries: all, ...
  input  wire                                         inval_device_i,  /// ... or those of inval_did_i, ...
  input  wire                                         inval_process_i, /// ... or of these that of inval_pid_i; 0 is also who has none
  input  wire  [23:0]                                 inval_did_i,
  input  wire  [19:0]                                 inval_pid_i
);
  localparam int unsigned AW = $clog2(ENTRIES);
  localparam int unsigned KW = iommu_pkg::CTX_KEY_W;
  localparam int unsigned DW = iommu_pkg::CTX_W;

  logic [ENTRIES-1:0] valid_q;
  logic [KW-1:0] key_q [0:ENTRIES-1];
  logic [DW-1:0] ctx_q [0:ENTRIES-1];
  logic [iommu_pkg::WALK_CTX_W-1:0] more_q [0:ENTRIES-1];
  logic [AW-1:0] victim_q;

  // lookups: the lowest matching entry, never an OR of several
  always_comb begin
    hit_o = '0;
    ctx_o = '0;
    for (int unsigned p = 0; p < 2; p++) if (key_valid_i[p]) begin
      for (int unsigned e = 0; e < ENTRIES; e++) begin
        if (!hit_o[p] && valid_q[e] && key_q[e] == key_i[p*KW +: KW]) begin
          hit_o[p] = 1'b1;
          ctx_o[p*DW +: DW] = ctx_q[e];
        end
      end
    end
  end

  always_comb begin
    walk_hit_o = 1'b0;
    walk_ctx_o = '0;
    walk_more_o = '0;
    if (walk_valid_i) for (int unsigned e = 0; e < ENTRIES; e++) begin
      if (!walk_hit_o && valid_q[e] && key_q[e] == walk_key_i) begin
        walk_hit_o = 1'b1;
        walk_ctx_o = ctx_q[e];
        walk_more_o = more_q[e];
      end
    end
  end

  // where a fill goes: a match, else an empty entry, else the next victim
  logic [AW-1:0] place;
  logic          place_match, place_empty;
  always_comb begin
    place = victim_q;
    place_match = 1'b0;
    place_empty = 1'b0;
    if (fill_i) for (int unsigned e = 0; e < ENTRIES; e++) begin
      if (!place_match && valid_q[e] && key_q[e] == walk_key_i) begin
        place = e[AW-1:0];
        place_match = 1'b1;
      end
      if (!place_match && !place_empty && !valid_q[e]) begin
        place = e[AW-1:0];
        place_empty = 1'b1;
      end
    end
  end

  // what an invalidation names
  logic [ENTRIES-1:0]  named;
  iommu_pkg::ctx_key_t key;
  always_comb begin
    named = '0;
    key = '0;
    if (inval_i) for (int unsigned e = 0; e < ENTRIES; e++) begin
      key = key_q[e];
      named[e] = !inval_device_i || (key.did == inval_did_i && (!inval_process_i || key.pid == inval_pid_i));
    end
  end

  always_ff @(posedge clk_i) begin
    if (fill_i) begin
      key_q[place] <= walk_key_i;
      ctx_q[place] <= fill_ctx_i;
      more_q[place] <= fill_more_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      victim_q <= '0;
    end else begin
      if (fill_i) begin
        valid_q[place] <= 1'b1;
        if (!place_match && !place_empty) victim_q <= victim_q + 1'b1;
      end
      if (inval_i) begin
        for (int unsigned e = 0; e < ENTRIES; e++) begin
          if (named[e]) valid_q[e] <= 1'b0;
        end
      end
    end
  end

`ifndef YOSYS
  always_ff @(posedge clk_i) if (rst_ni) a_fill: assert (!fill_i || !inval_i) else $error("iommu_ctx: a fill in the clock of an invalidation");
`endif
endmodule
`default_nettype wire
