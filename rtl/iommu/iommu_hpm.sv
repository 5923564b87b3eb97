// SPDX-License-Identifier: Apache-2.0
//
// Performance counters (capabilities.HPM) and their registers: iocountovf, iocountinh, iohpmcycles, iohpmctr, iohpmevt.
// A counter adds in each clock how many events it selects: up to three, since two requests may enter while a walk reports.
// Registers read 0 and keep nothing without HPM, and beyond the number of counters.
// Latency: an event is counted two clocks after it was shown; an overflow is told a clock later. Halves of the 8-byte
// registers are written independently; a write wins over an event in the same clock.
// While all counters stand, nothing here changes, and clk_i may stand too.
// Source: specification, "Performance-monitoring event selector registers" and those around it.
`default_nettype none
module iommu_hpm (
  input  wire         clk_i,
  input  wire         rst_ni,
  input  wire         we_i,
  input  wire         re_i,          /// rdata_o is 0 otherwise
  input  wire  [11:0] addr_i,
  input  wire  [63:0] wdata_i,
  input  wire  [7:0]  wstrb_i,
  output logic [63:0] rdata_o,

  input  wire         hpm_i,         /// capabilities.HPM
  input  wire  [4:0]  counters_i,    /// event counters
  input  wire  [6:0]  bits_i,        /// of each
  input  wire  [7:0]  event_max_i,   /// largest eventID

  // events of this clock, event_t beside each
  input  wire  [1:0]  entered_i,     /// a request entered lookup: 0 a read, 1 a write ...
  input  wire  [1:0]  translated_i,  /// ... which claims to be translated already
  input  wire  [2*iommu_pkg::EVENT_W-1:0] entered_who_i,
  input  wire         ats_i,         /// an ATS translation request
  input  wire  [iommu_pkg::EVENT_W-1:0] ats_who_i,
  input  wire         load_i,        /// a walk loads an entry ...
  input  wire  [1:0]  load_kind_i,   /// ... 0 DDT, 1 PDT, 2 first stage, 3 second stage
  input  wire  [iommu_pkg::EVENT_W-1:0] load_who_i,
  input  wire         miss_i,        /// a request was not in the IOTLB
  input  wire  [iommu_pkg::EVENT_W-1:0] miss_who_i,

  output logic        overflow_o,    /// a counter overflowed that had not before, one clock
  output logic        running_o,     /// iohpmcycles counts
  output logic        clock_o        /// the edge that ends this clock is needed
);
  localparam int unsigned N = regs_pkg::IOMMU_IOHPMCTR_COUNT;
  localparam int unsigned EW = iommu_pkg::EVENT_W;

  // ---- which register ----------------------------------------------------------------------------------------------------------------
  logic        lo, hi, word_hi, in_ctr, in_evt;
  logic [11:0] at;
  logic [4:0]  index;
  logic [31:0] there;                                       // bit X: counter X is there, 0 is iohpmcycles
  assign lo = we_i & (wstrb_i == 8'h0f || wstrb_i == 8'hff);
  assign hi = we_i & (wstrb_i == 8'hf0 || wstrb_i == 8'hff);
  assign word_hi = we_i & (wstrb_i == 8'hf0);
  assign at = {addr_i[11:3], 3'd0};
  assign there = hpm_i ? ~(32'hffff_fffe << counters_i) : 32'd0;
  assign in_ctr = (at >= regs_pkg::IOMMU_IOHPMCTR) & (at < regs_pkg::IOMMU_IOHPMCTR + 12'(N * regs_pkg::IOMMU_IOHPMCTR_STRIDE));
  assign in_evt = (at >= regs_pkg::IOMMU_IOHPMEVT) & (at < regs_pkg::IOMMU_IOHPMEVT + 12'(N * regs_pkg::IOMMU_IOHPMEVT_STRIDE));
  assign index = 5'((at - (in_ctr ? regs_pkg::IOMMU_IOHPMCTR : regs_pkg::IOMMU_IOHPMEVT)) >> 3);
  logic cycles_lo, cycles_hi, inhibit_we, ctr_we, evt_we;
  assign cycles_lo = lo & hpm_i & (at == regs_pkg::IOMMU_IOHPMCYCLES);
  assign cycles_hi = hi & hpm_i & (at == regs_pkg::IOMMU_IOHPMCYCLES);
  assign inhibit_we = word_hi & hpm_i & (at + 12'd4 == regs_pkg::IOMMU_IOCOUNTINH);
  assign ctr_we = we_i & in_ctr & there[index + 5'd1];
  assign evt_we = we_i & in_evt & there[index + 5'd1];

  // ---- state -------------------------------------------------------------------------------------------------------------------------
  logic [31:0] inhibit_q;
  logic [63:0] cycles_q;                                    // OF, counter
  logic [63:0] ctr_q [0:N-1];
  logic [63:0] evt_q [0:N-1];
  logic [N-1:0] on_q;                                       // not inhibited, and an event is selected
  logic [63:0] mask;                                        // bits of a counter
  assign mask = ~(64'hffff_ffff_ffff_ffff << bits_i);
  assign running_o = ~inhibit_q[0];
  logic event_now, live_q;
  assign event_now = (|on_q) & ((|entered_i) | ats_i | load_i | miss_i);
  assign clock_o = ~rst_ni | running_o | event_now | live_q | overflow_o | cycles_lo | cycles_hi | inhibit_we | ctr_we | evt_we;

  logic [31:0] evt_low;                                     // as it is kept
  always_comb begin
    evt_low = wdata_i[31:0];
    if (wdata_i[regs_pkg::IOMMU_IOHPMEVT_EVENT_ID_LSB +: regs_pkg::IOMMU_IOHPMEVT_EVENT_ID_W] > 15'(event_max_i))
      evt_low[regs_pkg::IOMMU_IOHPMEVT_EVENT_ID_LSB +: regs_pkg::IOMMU_IOHPMEVT_EVENT_ID_W] = '0;
  end

  // ---- events, a clock later -----------------------------------------------------------------------------------------------------------
  // Sources: requests that enter (0, 1), ATS (2), walks (3: an entry, 4: a miss)
  logic [4:0]      shown_q;
  logic [5*EW-1:0] who_q;
  logic [5*15-1:0] id_q;                                    // eventID of each
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      live_q <= 1'b0;
      shown_q <= 5'd0;
    end else if (event_now || live_q) begin
      live_q <= event_now;
      shown_q <= {miss_i, load_i, ats_i, entered_i};
      who_q <= {miss_who_i, load_who_i, ats_who_i, entered_who_i};
      id_q <= {regs_pkg::HPM_EVENT_TLB_MISS, regs_pkg::HPM_EVENT_DDT_WALK + 15'(load_kind_i), regs_pkg::HPM_EVENT_ATS,
               translated_i[1] ? regs_pkg::HPM_EVENT_TRANSLATED : regs_pkg::HPM_EVENT_UNTRANSLATED,
               translated_i[0] ? regs_pkg::HPM_EVENT_TRANSLATED : regs_pkg::HPM_EVENT_UNTRANSLATED};
    end
  end

  // Does an event of such a request or walk pass the filters of iohpmevt? Only walks know GSCID and PSCID.
  function automatic logic passes(input logic [63:0] evt, input logic [23:0] did, input logic pv, input logic [19:0] pid,
                                  input logic gscid_valid, input logic [15:0] gscid, input logic pscid_valid, input logic [19:0] pscid);
    // verilator no_inline_task
    logic        idt, by_id;
    logic [14:0] id;
    logic [23:0] wanted, differ, ignored;
    id = evt[regs_pkg::IOMMU_IOHPMEVT_EVENT_ID_LSB +: regs_pkg::IOMMU_IOHPMEVT_EVENT_ID_W];
    idt = evt[regs_pkg::IOMMU_IOHPMEVT_IDT_LSB];
    by_id = id == regs_pkg::HPM_EVENT_TLB_MISS || id == regs_pkg::HPM_EVENT_FIRST_STAGE_WALK || id == regs_pkg::HPM_EVENT_SECOND_STAGE_WALK;
    wanted = evt[regs_pkg::IOMMU_IOHPMEVT_DID_GSCID_LSB +: 24];
    ignored = evt[regs_pkg::IOMMU_IOHPMEVT_DMASK_LSB] ? wanted ^ (wanted + 24'd1) : 24'd0;
    differ = ((idt ? {8'd0, gscid} : did) ^ wanted) & ~ignored;
    passes = (~idt | by_id)
           & (~evt[regs_pkg::IOMMU_IOHPMEVT_DV_GSCV_LSB] | ((~idt | gscid_valid) & (differ == 24'd0)))
           & (~evt[regs_pkg::IOMMU_IOHPMEVT_PV_PSCV_LSB]
              | (idt ? pscid_valid & (pscid == evt[regs_pkg::IOMMU_IOHPMEVT_PID_PSCID_LSB +: 20])
                     : pv & (pid == evt[regs_pkg::IOMMU_IOHPMEVT_PID_PSCID_LSB +: 20])));
  endfunction

  // ---- counters ------------------------------------------------------------------------------------------------------------------------
  iommu_pkg::event_t who;
  logic [14:0]    id;
  logic [2*N-1:0] amount;
  logic [N-1:0]   carry;                                    // the counter overflows
  logic [63:0]    unused_sum;
  always_comb begin
    who = '0;
    id = '0;
    amount = '0;
    carry = '0;
    unused_sum = '0;
    if (live_q) for (int unsigned i = 0; i < N; i++) if (on_q[i]) begin
      id = evt_q[i][regs_pkg::IOMMU_IOHPMEVT_EVENT_ID_LSB +: regs_pkg::IOMMU_IOHPMEVT_EVENT_ID_W];
      for (int unsigned e = 0; e < 5; e++) begin
        who = who_q[e*EW +: EW];
        if (shown_q[e] && id_q[e*15 +: 15] == id
            && passes(evt_q[i], who.did, who.pv, who.pid, who.gscid_valid, who.gscid, who.pscid_valid, who.pscid))
          amount[2*i +: 2] = amount[2*i +: 2] + 2'd1;
      end
      {carry[i], unused_sum} = {1'b0, ctr_q[i] | ~mask} + 65'(amount[2*i +: 2]);
    end
  end

  always_ff @(posedge clk_i) begin
    overflow_o <= 1'b0;
    if (!rst_ni) begin
      inhibit_q <= '1;
      cycles_q <= 64'd0;
      on_q <= '0;
      for (int unsigned i = 0; i < N; i++) begin
        ctr_q[i] <= 64'd0;
        evt_q[i] <= 64'd0;
      end
    end else begin
      if (running_o) begin
        cycles_q[62:0] <= cycles_q[62:0] + 63'd1;
        if (&cycles_q[62:0]) begin
          cycles_q[63] <= 1'b1;
          overflow_o <= ~cycles_q[63];
        end
      end
      if (live_q) for (int unsigned i = 0; i < N; i++) begin
        if (amount[2*i +: 2] != 2'd0) ctr_q[i] <= (ctr_q[i] + 64'(amount[2*i +: 2])) & mask;
        if (carry[i]) begin
          evt_q[i][regs_pkg::IOMMU_IOHPMEVT_OF_LSB] <= 1'b1;
          if (!evt_q[i][regs_pkg::IOMMU_IOHPMEVT_OF_LSB]) overflow_o <= 1'b1;
        end
      end

      if (cycles_lo) cycles_q[31:0] <= wdata_i[31:0];
      if (cycles_hi) cycles_q[63:32] <= wdata_i[63:32];
      if (inhibit_we) begin
        inhibit_q <= wdata_i[63:32] | ~there;
        for (int unsigned i = 0; i < N; i++)
          on_q[i] <= ~wdata_i[33 + i] & there[i + 1] & (|evt_q[i][regs_pkg::IOMMU_IOHPMEVT_EVENT_ID_LSB +: regs_pkg::IOMMU_IOHPMEVT_EVENT_ID_W]);
      end
      if (ctr_we && lo) ctr_q[index][31:0] <= wdata_i[31:0];
      if (ctr_we && hi) ctr_q[index][63:32] <= wdata_i[63:32] & mask[63:32];
      if (evt_we && lo) begin
        evt_q[index][31:0] <= evt_low;
        on_q[index] <= ~inhibit_q[index + 5'd1] & (|evt_low[regs_pkg::IOMMU_IOHPMEVT_EVENT_ID_LSB +: regs_pkg::IOMMU_IOHPMEVT_EVENT_ID_W]);
      end
      if (evt_we && hi) evt_q[index][63:32] <= wdata_i[63:32];
    end
  end

  // ---- reads ---------------------------------------------------------------------------------------------------------------------------
  logic [31:0] overflowed;
  always_comb begin
    overflowed = 32'd0;
    rdata_o = 64'd0;
    if (re_i && hpm_i) begin
      if (at + 12'd4 == regs_pkg::IOMMU_IOCOUNTINH) begin
        overflowed[0] = cycles_q[63];
        for (int unsigned i = 0; i < N; i++) overflowed[i + 1] = evt_q[i][regs_pkg::IOMMU_IOHPMEVT_OF_LSB];
        rdata_o = {inhibit_q & there, overflowed};
      end else if (at == regs_pkg::IOMMU_IOHPMCYCLES) rdata_o = cycles_q;
      else if (in_ctr && there[index + 5'd1]) rdata_o = ctr_q[index];
      else if (in_evt && there[index + 5'd1]) rdata_o = evt_q[index];
    end
  end

  wire unused = &{1'b0, addr_i[2:0], unused_sum, who};
endmodule
`default_nettype wire
