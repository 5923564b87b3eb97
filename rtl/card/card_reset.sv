// SPDX-License-Identifier: Apache-2.0
// Reset on request of software, without leaving a transaction behind: resetting a master that still waits for an answer
// confuses it, and hangs many PCIe bridges.
//
// 1. The channels start no burst and the device port takes no request, until everything in progress has ended, or for
//    SETTLE_CYCLES: a walk or a command may wait for something that does not come.
// 2. The masters start no transaction, until every one is answered, or for DRAIN_CYCLES: memory may be gone.
// 3. IOMMU and DMA block are reset for RESET_CYCLES, the gates stay closed.
// A request while one is carried out is ignored.
`default_nettype none
module card_reset #(
  parameter int unsigned SETTLE_CYCLES = 4096,
  parameter int unsigned DRAIN_CYCLES = 65536,
  parameter int unsigned RESET_CYCLES = 16
) (
  input  wire  clk_i,
  input  wire  rst_ni,
  /// Start, one clock.
  input  wire  go_i,
  output logic resetting_o,
  /// DMA block and IOMMU have nothing in progress.
  input  wire  idle_i,
  /// Nothing is outstanding on the masters.
  input  wire  quiet_i,
  /// Take no new work.
  output logic stop_o,
  /// Start no transaction on the masters.
  output logic close_o,
  /// Reset of IOMMU and DMA block: this one's, or the card's.
  output logic core_rst_no
);
  localparam int unsigned W = $clog2(DRAIN_CYCLES + SETTLE_CYCLES + RESET_CYCLES);
  localparam logic [1:0] RUNNING = 2'd0, SETTLING = 2'd1, DRAINING = 2'd2, RESETTING = 2'd3;
  logic [1:0]   state_q;
  logic [W-1:0] timer_q;
  logic         core_q;

  assign resetting_o = state_q != RUNNING || !core_q;
  assign stop_o      = resetting_o;
  assign close_o     = state_q == DRAINING || state_q == RESETTING || !core_q;
  assign core_rst_no = core_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= RUNNING;
      timer_q <= '0;
      core_q  <= 1'b0;
    end else begin
      core_q  <= state_q != RESETTING;
      timer_q <= timer_q + 1'b1;
      case (state_q)
        RUNNING: begin
          timer_q <= '0;
          if (go_i) state_q <= SETTLING;
        end
        SETTLING:
          // Work offered in the clock of the request is seen one clock later.
          if ((idle_i && timer_q > W'(2)) || timer_q == W'(SETTLE_CYCLES)) begin
            state_q <= DRAINING;
            timer_q <= '0;
          end
        DRAINING:
          if ((quiet_i && timer_q > W'(2)) || timer_q == W'(DRAIN_CYCLES)) begin
            state_q <= RESETTING;
            timer_q <= '0;
          end
        default:
          if (timer_q == W'(RESET_CYCLES)) state_q <= RUNNING;
      endcase
    end
  end
endmodule
`default_nettype wire
