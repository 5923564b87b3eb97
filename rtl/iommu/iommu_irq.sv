// SPDX-License-Identifier: Apache-2.0
//
// Interrupts: ipsr collects causes, icvec maps them to vectors, each vector is a level wire.
// Latency: a cause shows in ipsr one clock later, the wire follows ipsr combinationally.
// Source: specification, "Interrupt pending status register", "Interrupt-cause-to-vector register".
`default_nettype none
module iommu_irq (
  input  wire         clk_i,
  input  wire         rst_ni,
  input  wire  [2:0]  vectors_log2_i,  /// writable bits of each icvec field
  input  wire         wsi_i,           /// fctl.WSI
  // causes: levels set again what software cleared, for as long as they last
  input  wire         cq_level_i,      /// command queue: enabled, and an error or fence_w_ip
  input  wire         fq_level_i,      /// fault queue: enabled, and an error
  input  wire         fq_event_i,      /// fault queue: enabled, and a record was stored
  // registers
  input  wire  [3:0]  ipsr_clear_i,    /// bits written with 1
  output logic [3:0]  ipsr_o,
  input  wire  [3:0]  icvec_we_i,      /// per field
  input  wire  [15:0] icvec_i,
  output logic [15:0] icvec_o,
  output logic [15:0] wires_o
);
  logic [3:0]  ipsr_q;
  logic [15:0] icvec_q;
  // a vector has vectors_log2 bits
  logic [3:0] vector_bits;
  assign vector_bits = 4'hf >> (3'd4 - ((vectors_log2_i > 3'd4) ? 3'd4 : vectors_log2_i));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ipsr_q <= 4'd0;
      icvec_q <= 16'd0;
    end else begin
      ipsr_q <= (ipsr_q & ~ipsr_clear_i) | {2'b00, fq_level_i | fq_event_i, cq_level_i};
      for (int unsigned f = 0; f < 4; f++) if (icvec_we_i[f]) icvec_q[f*4 +: 4] <= icvec_i[f*4 +: 4] & vector_bits;
    end
  end
  assign ipsr_o = ipsr_q;
  assign icvec_o = icvec_q;

  always_comb begin
    wires_o = 16'd0;
    for (int unsigned f = 0; f < 4; f++) if (ipsr_q[f] && wsi_i) wires_o[icvec_q[f*4 +: 4]] = 1'b1;
  end
endmodule
`default_nettype wire
