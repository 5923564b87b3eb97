// SPDX-License-Identifier: Apache-2.0
//
// Interrupts: ipsr collects causes, icvec maps them to vectors. With fctl.WSI each vector is a level wire; without, the rise
// of a bit in ipsr sends its vector's message from msi_cfg_tbl, or marks a masked vector, which sends one when it is unmasked.
// A message that memory refuses raises a fault record (cause 273).
// Latency: a cause shows in ipsr one clock later, the wire follows ipsr combinationally, a message is offered a clock after
// ipsr. Outstanding: one message; each cause, and each masked vector, remembers one more.
// Source: specification, "Interrupt pending status register", "Interrupt-cause-to-vector register", "MSI configuration table".
`default_nettype none
module iommu_irq (
  input  wire          clk_i,
  input  wire          rst_ni,
  input  wire  [2:0]   vectors_log2_i,  /// writable bits of each icvec field
  input  wire          msi_i,           /// capabilities.IGS has MSIs
  input  wire          wsi_i,           /// fctl.WSI
  input  wire          be_i,            /// fctl.BE
  input  wire  [5:0]   pas_i,           /// physical address width
  // causes: levels set again what software cleared, for as long as they last
  input  wire          cq_level_i,      /// command queue: enabled, and an error or fence_w_ip
  input  wire          fq_level_i,      /// fault queue: enabled, and an error
  input  wire          fq_event_i,      /// fault queue: enabled, and a record was stored
  input  wire          pq_level_i,      /// page-request queue: enabled, and an error
  input  wire          pq_event_i,      /// page-request queue: enabled, and a record was stored
  input  wire          pm_event_i,      /// a performance counter overflowed
  // registers
  input  wire  [3:0]   ipsr_clear_i,    /// bits written with 1
  output logic [3:0]   ipsr_o,
  input  wire          icvec_we_i,
  input  wire  [15:0]  icvec_i,
  output logic [15:0]  icvec_o,
  input  wire  [7:0]   table_index_i,   /// 8-byte word of msi_cfg_tbl that is accessed
  input  wire  [1:0]   table_we_i,      /// per half
  input  wire  [63:0]  table_i,
  output logic [63:0]  table_o,
  output logic [15:0]  wires_o,

  // message, held until done
  output logic         wr_valid_o,
  output logic [63:0]  wr_addr_o,
  output logic [31:0]  wr_store_o,
  input  wire          wr_done_i,
  input  wire          wr_error_i,
  output logic         rec_valid_o,     /// fault record of a message that failed, held until taken
  output logic [255:0] rec_o,
  input  wire          rec_ready_i,
  output logic         idle_o           /// no message is waiting that may go out
);
  logic [3:0]  ipsr_q, ipsr_d, vector_bits;
  logic [15:0] icvec_q;
  // a vector has vectors_log2 bits
  assign vector_bits = 4'hf >> (3'd4 - ((vectors_log2_i > 3'd4) ? 3'd4 : vectors_log2_i));
  assign ipsr_d = (ipsr_q & ~ipsr_clear_i) | {pq_level_i | pq_event_i, pm_event_i, fq_level_i | fq_event_i, cq_level_i};
  assign ipsr_o = ipsr_q;
  assign icvec_o = icvec_q;

  always_comb begin
    wires_o = 16'd0;
    for (int unsigned f = 0; f < 4; f++) if (ipsr_q[f] && wsi_i) wires_o[icvec_q[f*4 +: 4]] = 1'b1;
  end

  // ---- MSI configuration table: two 8-byte words a vector, address, then {vector control, data} ----------------------------------------
  logic [63:0] addr_q [0:15];
  logic [31:0] data_q [0:15];
  logic [15:0] mask_q, pending_q, ready;
  logic [3:0]  entry;
  logic        there;
  localparam logic [63:0] ADDR_BITS = iommu_pkg::bits(regs_pkg::IOMMU_MSI_ADDR_ADDR_LSB, regs_pkg::IOMMU_MSI_ADDR_ADDR_W);
  assign entry = table_index_i[4:1];
  assign there = msi_i & (table_index_i[7:5] == 3'd0) & ((entry & ~vector_bits) == 4'd0);
  assign table_o = ~there ? 64'd0 : table_index_i[0] ? {31'd0, mask_q[entry], data_q[entry]} : addr_q[entry];

  always_ff @(posedge clk_i) begin
    if (there && !table_index_i[0]) begin
      if (table_we_i[0]) addr_q[entry][31:0] <= table_i[31:0] & ADDR_BITS[31:0];
      if (table_we_i[1]) addr_q[entry][63:32] <= table_i[63:32] & ADDR_BITS[63:32];
    end
    if (there && table_index_i[0] && table_we_i[0]) data_q[entry] <= table_i[31:0];
    if (!rst_ni) begin
      for (int unsigned v = 0; v < 16; v++) begin
        addr_q[v] <= 64'd0;
        data_q[v] <= 32'd0;
      end
    end
  end

  // ---- messages --------------------------------------------------------------------------------------------------------------------------
  logic        sending_q, failed_q, reach;
  logic [3:0]  next;
  logic [63:0] message_addr_q;                            // as the table was when the message was taken up
  logic [31:0] message_data_q;
  logic [3:0]  rise, due_q, due_next;                     // causes whose message is to go out
  logic [1:0]  due;
  assign rise = wsi_i ? 4'd0 : ipsr_d & (~ipsr_q | ipsr_clear_i);
  assign due = due_q[0] ? 2'd0 : due_q[1] ? 2'd1 : due_q[2] ? 2'd2 : 2'd3;
  assign due_next = due_q & (due_q - 4'd1);               // without the first
  assign ready = pending_q & ~mask_q;
  always_comb begin
    next = icvec_q[due*4 +: 4];
    if ((due_q == 4'd0) & (|ready)) for (int unsigned v = 16; v > 0; v--) if (ready[v-1]) next = 4'(v - 1);
  end
  assign wr_addr_o = message_addr_q;
  logic [31:0] unused_high;
  assign {unused_high, wr_store_o} = be_i ? iommu_pkg::swap4({32'd0, message_data_q}) : {32'd0, message_data_q};
  assign reach = ~iommu_pkg::beyond(wr_addr_o[55:12], pas_i);
  assign wr_valid_o = sending_q & reach;
  assign rec_valid_o = failed_q;
  assign idle_o = ~sending_q & ~failed_q & (ready == 16'd0) & (due_q == 4'd0);
  always_comb begin
    rec_o = 256'd0;
    rec_o[regs_pkg::FAULT_W0_CAUSE_LSB +: regs_pkg::FAULT_W0_CAUSE_W] = regs_pkg::CAUSE_MSI_WRITE_ACCESS_FAULT;
    rec_o[64*regs_pkg::FAULT_IOTVAL_WORD +: 64] = wr_addr_o;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ipsr_q <= 4'd0;
      icvec_q <= 16'd0;
      mask_q <= 16'd0;
      pending_q <= 16'd0;
      due_q <= 4'd0;
      sending_q <= 1'b0;
      failed_q <= 1'b0;
      message_addr_q <= 64'd0;
      message_data_q <= 32'd0;
    end else begin
      ipsr_q <= ipsr_d;
      if (icvec_we_i) icvec_q <= icvec_i & {4{vector_bits}};
      if (there && table_index_i[0] && table_we_i[1]) mask_q[entry] <= table_i[32];

      due_q <= (wsi_i ? 4'd0 : due_q) | rise;
      if (wsi_i) pending_q <= 16'd0;
      else if (due_q != 4'd0 && mask_q[next]) begin
        pending_q[next] <= 1'b1;
        due_q <= due_next | rise;
      end else if (!sending_q && !failed_q && (due_q != 4'd0 || ready != 16'd0)) begin
        sending_q <= 1'b1;
        message_addr_q <= addr_q[next];
        message_data_q <= data_q[next];
        if (due_q != 4'd0) due_q <= due_next | rise;
        else pending_q[next] <= 1'b0;
      end
      if (failed_q) failed_q <= ~rec_ready_i;
      else if (sending_q && (!reach || wr_done_i)) begin
        sending_q <= 1'b0;
        failed_q <= ~reach | wr_error_i;
      end
    end
  end

  wire unused = &{1'b0, unused_high};
endmodule
`default_nettype wire
