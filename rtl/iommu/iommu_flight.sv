// SPDX-License-Identifier: Apache-2.0
//
// Transactions of one direction that left for m_data and are not yet answered: counts per {port, id}, at most LIMIT each, and
// totals per fence colour. Answers of one id come in order, so the oldest colour of an id is answered first.
// Latency: flags and totals follow in the next clock.
`default_nettype none
module iommu_flight #(
  parameter int unsigned IDS = iommu_pkg::IDS,   /// ids, a power of two
  parameter int unsigned LIMIT = 16              /// transactions of one id, at most 16
) (
  input  wire                        clk_i,
  input  wire                        rst_ni,
  input  wire                        colour_i,   /// colour of requests that enter now; the other one is the older
  input  wire                        inc_i,      /// one leaves
  input  wire  [$clog2(IDS)-1:0]     inc_id_i,
  input  wire                        inc_colour_i,
  input  wire                        dec_i,      /// one was answered
  input  wire  [$clog2(IDS)-1:0]     dec_id_i,
  output logic [IDS-1:0]             full_o,     /// per id: LIMIT out
  output logic [IDS-1:0]             none_o,     /// per id: none out
  output logic                       old_none_o, /// none of the older colour out
  output logic                       all_none_o  /// none out at all
);
  logic [9:0] count_q [0:IDS-1];                 // per id: transactions of colour 1, of colour 0; means nothing where none_q is set
  logic [IDS-1:0] full_q, none_q;
  logic [9:0] total0_q, total1_q;

  logic [9:0] inc_count, dec_count, inc_next, dec_next;
  logic       same, dec_colour;
  assign same = inc_i & dec_i & (inc_id_i == dec_id_i);
  assign inc_count = none_q[inc_id_i] ? 10'd0 : count_q[inc_id_i];
  assign dec_count = none_q[dec_id_i] ? 10'd0 : count_q[dec_id_i];
  assign dec_colour = colour_i ? (dec_count[4:0] == 5'd0) : (dec_count[9:5] != 5'd0);
  assign inc_next = (same ? dec_next : inc_count) + (inc_colour_i ? 10'd32 : 10'd1);
  assign dec_next = dec_count - (dec_colour ? 10'd32 : 10'd1);

  always_ff @(posedge clk_i) begin
    if (dec_i && !same) count_q[dec_id_i] <= dec_next;
    if (inc_i) count_q[inc_id_i] <= inc_next;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      full_q <= '0;
      none_q <= '1;
      total0_q <= '0;
      total1_q <= '0;
    end else begin
      if (inc_i && !same) begin
        none_q[inc_id_i] <= 1'b0;
        full_q[inc_id_i] <= {1'b0, inc_count[4:0]} + {1'b0, inc_count[9:5]} == 6'(LIMIT - 1);
      end
      if (dec_i && !same) begin
        none_q[dec_id_i] <= dec_next == 10'd0;
        full_q[dec_id_i] <= 1'b0;
      end
      if (inc_i != dec_i || inc_colour_i != dec_colour) begin
        total0_q <= total0_q + {9'd0, inc_i & ~inc_colour_i} - {9'd0, dec_i & ~dec_colour};
        total1_q <= total1_q + {9'd0, inc_i & inc_colour_i} - {9'd0, dec_i & dec_colour};
      end
    end
  end

  assign full_o = full_q;
  assign none_o = none_q;
  assign old_none_o = (colour_i ? total0_q : total1_q) == 10'd0;
  assign all_none_o = (total0_q == 10'd0) & (total1_q == 10'd0);

`ifndef YOSYS
  always_ff @(posedge clk_i) if (rst_ni) begin
    a_answer: assert (!dec_i || !none_q[dec_id_i]) else $error("iommu_flight: an answer to id %0d that nothing asked for", dec_id_i);
    a_full: assert (!inc_i || !full_q[inc_id_i]) else $error("iommu_flight: one transaction too many of id %0d", inc_id_i);
  end
`endif
endmodule
`default_nettype wire
