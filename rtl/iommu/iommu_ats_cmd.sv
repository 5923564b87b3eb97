// SPDX-License-Identifier: Apache-2.0
//
// ATS.INVAL and ATS.PRGR: makes their messages, gives each invalidation a tag, the lowest free one, and waits for its
// completions or for the end of its time. An invalidation request goes out only after the translation requests that an earlier
// invalidation command found under way were answered, so that no device gets an old translation behind the request to drop it.
// A completion counts when the device that the request went to sends it; a device may send several, and says in each how many.
// Latency: a message is offered in the clock of its command. Outstanding: ats_pkg::ITAGS invalidations.
// Source: specification, "IOMMU PCIe ATS commands"; PCIe, "Invalidate Completion Message".
`default_nettype none
module iommu_ats_cmd (
  input  wire                         clk_i,
  input  wire                         rst_ni,
  input  wire  [31:0]                 timeout_i,          /// clocks that a device has, from the message on
  input  wire                         stale_i,            /// an older translation request is not answered

  input  wire                         cmd_valid_i,        /// a command, held until taken
  input  wire  [127:0]                cmd_i,              /// its two words
  output logic                        cmd_taken_o,
  output logic                        msg_valid_o,
  output logic [ats_pkg::MSG_W-1:0]   msg_o,
  input  wire                         msg_ready_i,
  input  wire                         sent_i,             /// a message left ...
  input  wire  [ats_pkg::MSG_W-1:0]   sent_msg_i,         /// ... which was this one

  // completions, per port
  input  wire  [1:0]                  isolated_i,
  input  wire  [2*24-1:0]             id_base_i,          /// device_ids a port may use: (id & mask) == base
  input  wire  [2*24-1:0]             id_mask_i,
  input  wire  [1:0]                  cpl_valid_i,
  input  wire  [2*ats_pkg::CPL_W-1:0] cpl_i,
  output logic [1:0]                  cpl_ready_o,

  output logic                        pending_o,          /// an invalidation is neither complete nor out of time
  output logic                        waiting_o,          /// nothing here goes on without a device, or time
  output logic                        timed_out_o,        /// an invalidation has run out of time since the last clear
  input  wire                         timed_out_clear_i
);
  localparam int unsigned N = ats_pkg::ITAGS;
  localparam int unsigned AW = ats_pkg::ITAG_AW;

  logic [N-1:0]  busy_q, sent_q;                          // tag is in use; its message has left
  logic          timed_out_q;

  // ---- commands ----------------------------------------------------------------------------------------------------------------
  ats_pkg::msg_t msg;
  ats_pkg::msg_t sent;
  logic [AW-1:0] free;
  logic          take;
  logic          inval;
  logic [63:0]   w0;
  assign w0 = cmd_i[63:0];
  assign inval = w0[regs_pkg::CMD_W0_FUNC3_LSB +: regs_pkg::CMD_W0_FUNC3_W] == regs_pkg::FUNC3_ATS_INVAL;
  assign sent = sent_msg_i;
  always_comb begin
    free = '0;
    if (cmd_valid_i) for (int unsigned i = N; i > 0; i--) if (!busy_q[i-1]) free = AW'(i - 1);
  end
  assign msg_valid_o = cmd_valid_i & (~inval | (~(&busy_q) & ~stale_i));
  always_comb begin
    msg = '0;
    if (cmd_valid_i) begin
      msg.response = ~inval;
      msg.dsv = w0[regs_pkg::CMD_W0_ATS_DSV_LSB];
      msg.did = {msg.dsv ? w0[regs_pkg::CMD_W0_ATS_DSEG_LSB +: regs_pkg::CMD_W0_ATS_DSEG_W] : 8'd0,
                 w0[regs_pkg::CMD_W0_ATS_RID_LSB +: regs_pkg::CMD_W0_ATS_RID_W]};
      msg.pv = w0[regs_pkg::CMD_W0_ATS_PV_LSB];
      msg.pid = msg.pv ? w0[regs_pkg::CMD_W0_ATS_PID_LSB +: regs_pkg::CMD_W0_ATS_PID_W] : 20'd0;
      msg.payload = cmd_i[127:64];
      msg.itag = inval ? 5'(free) : 5'd0;
    end
  end
  assign msg_o = msg;
  assign cmd_taken_o = msg_valid_o & msg_ready_i;
  assign take = cmd_taken_o & inval;

  // ---- completions, a port's at a time --------------------------------------------------------------------------------------------
  ats_pkg::cpl_t cpl;
  logic          cpl_port, cpl_counts;
  logic [23:0]   base, mask;
  assign cpl_port = ~cpl_valid_i[0];
  assign cpl_ready_o = {~cpl_valid_i[0], 1'b1};
  always_comb begin
    cpl = '0;
    base = 24'd0;
    mask = 24'd0;
    if (|cpl_valid_i) begin
      cpl = cpl_port ? cpl_i[ats_pkg::CPL_W +: ats_pkg::CPL_W] : cpl_i[0 +: ats_pkg::CPL_W];
      base = cpl_port ? id_base_i[24 +: 24] : id_base_i[0 +: 24];
      mask = cpl_port ? id_mask_i[24 +: 24] : id_mask_i[0 +: 24];
    end
  end
  assign cpl_counts = (|cpl_valid_i) & ~isolated_i[cpl_port] & ((cpl.did & mask) == base);

  logic [N-1:0] hit, complete, late;
  for (genvar t = 0; t < N; t++) begin : gen_tag
    logic [23:0] did_q;
    logic [2:0]  got_q;                                   // completions so far, modulo 8
    logic [31:0] left_q;                                  // clocks
    assign hit[t] = cpl_counts & sent_q[t] & cpl.itags[t] & (cpl.did == did_q);
    assign complete[t] = hit[t] & (got_q + 3'd1 == cpl.cc);
    assign late[t] = sent_q[t] & ~complete[t] & (left_q == 32'd0);
    always_ff @(posedge clk_i) begin
      if (take && free == AW'(t)) begin
        did_q <= msg.did;
        got_q <= 3'd0;
        left_q <= timeout_i;
      end else if (sent_q[t]) begin
        left_q <= left_q - 32'd1;
        if (hit[t]) got_q <= got_q + 3'd1;
      end
    end
  end

  assign pending_o = |busy_q;
  assign waiting_o = (|busy_q) & (busy_q == sent_q) & ~msg_valid_o & ~(cmd_valid_i & inval & stale_i);
  assign timed_out_o = timed_out_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q <= '0;
      sent_q <= '0;
      timed_out_q <= 1'b0;
    end else begin
      busy_q <= busy_q & ~complete & ~late;
      sent_q <= sent_q & ~complete & ~late;
      if (take) busy_q[free] <= 1'b1;
      if (sent_i && !sent.response) sent_q[sent.itag[AW-1:0]] <= 1'b1;
      if (timed_out_clear_i) timed_out_q <= 1'b0;
      if (|late) timed_out_q <= 1'b1;
    end
  end
endmodule
`default_nettype wire
