// SPDX-License-Identifier: Apache-2.0
// Registers of the DMA channels, a 4 KiB page each: block `dma` of the register map.
//
// A write acts at the clock edge, a read is combinational. The halves of an 8-byte register are written independently.
`default_nettype none
module dma_regs #(
  /// Channels that exist, 1 to 8; the pages of the others read 0.
  parameter int unsigned CHANNELS = 4
) (
  input  wire             clk_i,
  input  wire             rst_ni,

  /// Register access: offset from the first channel's page, 8-byte aligned; strobes 0x0f, 0xf0 or 0xff, others write nothing.
  input  wire             we_i,
  /// rdata_o is 0 otherwise.
  input  wire             re_i,
  input  wire  [14:0]     addr_i,
  input  wire  [63:0]     wdata_i,
  input  wire  [7:0]      wstrb_i,
  output logic [63:0]     rdata_o,

  // configuration of each channel
  output logic [7:0]      enable_o,
  output logic [7:0]      after_stop_o,
  output logic [7:0]      ats_o,
  output logic [8*64-1:0] mask_o,
  output logic [8*64-1:0] ring_base_o,
  output logic [8*64-1:0] record_base_o,
  output logic [8*4-1:0]  log2_o,
  output logic [8*15-1:0] tail_o,
  output logic [8*47-1:0] data_user_o,
  output logic [8*47-1:0] ring_user_o,
  output logic [8*3-1:0]  read_prot_o,
  output logic [8*3-1:0]  write_prot_o,

  // status of each channel
  input  wire  [7:0]      running_i,
  input  wire  [8*15-1:0] head_i,
  input  wire  [7:0]      irq_i,
  input  wire  [7:0]      ring_error_i,
  output logic [7:0]      irq_o,

  /// Channel whose page is addressed, and its counters.
  output logic [2:0]      channel_o,
  input  wire  [63:0]     bytes_read_i,
  input  wire  [63:0]     bytes_written_i,
  input  wire  [63:0]     read_bursts_i,
  input  wire  [63:0]     read_latency_i,
  input  wire  [63:0]     write_bursts_i,
  input  wire  [63:0]     write_latency_i,
  input  wire  [63:0]     busy_cycles_i
);
  logic [8*10-1:0] ctrl_q;
  logic [7:0]      irq_q, ring_error_q;
  logic [8*24-1:0] device_q, ring_device_q;
  logic [8*20-1:0] process_q;
  logic [8*64-1:0] mask_q, ring_base_q, record_base_q;
  logic [8*4-1:0]  log2_q;
  logic [8*16-1:0] tail_q;

  localparam logic [9:0] CTRL_BITS = 10'(1 << regs_pkg::DMA_CTRL_ENABLE_LSB | 1 << regs_pkg::DMA_CTRL_IRQ_ENABLE_LSB
    | 1 << regs_pkg::DMA_CTRL_PROCESS_ID_VALID_LSB | 1 << regs_pkg::DMA_CTRL_PRIVILEGED_LSB | 1 << regs_pkg::DMA_CTRL_EXECUTE_LSB
    | 1 << regs_pkg::DMA_CTRL_TRANSLATED_LSB | 1 << regs_pkg::DMA_CTRL_ATS_LSB | 1 << regs_pkg::DMA_CTRL_WRONG_PROCESS_LSB
    | 1 << regs_pkg::DMA_CTRL_WRITE_AFTER_STOP_LSB);
  localparam logic [63:0] RING_BITS = {64{1'b1}} << regs_pkg::DMA_RING_BASE_ADDRESS_LSB;
  localparam logic [63:0] RECORD_BITS = {64{1'b1}} << regs_pkg::DMA_RECORD_BASE_ADDRESS_LSB;

  // ---- access, as two 32-bit halves ------------------------------------------------------------------------------------------
  logic [2:0]  c;
  logic        there;
  logic [1:0]  we;
  logic [11:0] at;
  logic [31:0] d;
  assign c         = addr_i[14:12];
  assign channel_o = c;
  assign there     = {29'd0, c} < CHANNELS;
  assign we[0]     = we_i && there && (wstrb_i == 8'h0f || wstrb_i == 8'hff);
  assign we[1]     = we_i && there && (wstrb_i == 8'hf0 || wstrb_i == 8'hff);

  logic [63:0] mask_d, ring_base_d, record_base_d;
  logic [9:0]  ctrl_d;
  logic [1:0]  clear_d;              // {ring_error, irq}
  logic [23:0] device_d, ring_device_d;
  logic [19:0] process_d;
  logic [3:0]  log2_d;
  logic [15:0] tail_d;
  always_comb begin
    ctrl_d        = '0;
    clear_d       = '0;
    device_d      = '0;
    process_d     = '0;
    mask_d        = '0;
    ring_base_d   = '0;
    record_base_d = '0;
    ring_device_d = '0;
    log2_d        = '0;
    tail_d        = '0;
    at            = '0;
    d             = '0;
    if (|we) begin
      ctrl_d        = ctrl_q[c*10 +: 10];
      device_d      = device_q[c*24 +: 24];
      process_d     = process_q[c*20 +: 20];
      mask_d        = mask_q[c*64 +: 64];
      ring_base_d   = ring_base_q[c*64 +: 64];
      record_base_d = record_base_q[c*64 +: 64];
      ring_device_d = ring_device_q[c*24 +: 24];
      log2_d        = log2_q[c*4 +: 4];
      tail_d        = tail_q[c*16 +: 16];
    end
    for (int unsigned h = 0; h < 2; h++)
      if (we[h]) begin
        at = {addr_i[11:3], h == 1, 2'b00};
        d  = wdata_i[h*32 +: 32];
        case (at)
          regs_pkg::DMA_CTRL:                   ctrl_d               = d[9:0] & CTRL_BITS;
          regs_pkg::DMA_STATUS:                 clear_d              = {d[regs_pkg::DMA_STATUS_RING_ERROR_LSB],
                                                                        d[regs_pkg::DMA_STATUS_IRQ_LSB]};
          regs_pkg::DMA_DEVICE_ID:              device_d             = d[23:0];
          regs_pkg::DMA_PROCESS_ID:             process_d            = d[19:0];
          regs_pkg::DMA_ADDRESS_MASK:           mask_d[31:0]         = d;
          regs_pkg::DMA_ADDRESS_MASK + 12'd4:   mask_d[63:32]        = d;
          regs_pkg::DMA_RING_BASE:              ring_base_d[31:0]    = d & RING_BITS[31:0];
          regs_pkg::DMA_RING_BASE + 12'd4:      ring_base_d[63:32]   = d;
          regs_pkg::DMA_RECORD_BASE:            record_base_d[31:0]  = d & RECORD_BITS[31:0];
          regs_pkg::DMA_RECORD_BASE + 12'd4:    record_base_d[63:32] = d;
          regs_pkg::DMA_RING_DEVICE_ID:         ring_device_d        = d[23:0];
          regs_pkg::DMA_RING_LOG2:              log2_d               = d[3:0];
          regs_pkg::DMA_TAIL:                   tail_d               = d[15:0];
          default: ;
        endcase
      end
  end

  logic [7:0] clear_irq, clear_error;
  assign clear_irq   = {7'd0, clear_d[0]} << c;
  assign clear_error = {7'd0, clear_d[1]} << c;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ctrl_q        <= '0;
      irq_q         <= '0;
      ring_error_q  <= '0;
      device_q      <= '0;
      process_q     <= '0;
      mask_q        <= '1;
      ring_base_q   <= '0;
      record_base_q <= '0;
      ring_device_q <= '0;
      log2_q        <= '0;
      tail_q        <= '0;
    end else begin
      irq_q        <= (irq_q & ~clear_irq) | irq_i | ring_error_i;
      ring_error_q <= (ring_error_q & ~clear_error) | ring_error_i;
      if (|we) begin
        ctrl_q[c*10 +: 10]        <= ctrl_d;
        device_q[c*24 +: 24]      <= device_d;
        process_q[c*20 +: 20]     <= process_d;
        mask_q[c*64 +: 64]        <= mask_d;
        ring_base_q[c*64 +: 64]   <= ring_base_d;
        record_base_q[c*64 +: 64] <= record_base_d;
        ring_device_q[c*24 +: 24] <= ring_device_d;
        log2_q[c*4 +: 4]          <= log2_d;
        tail_q[c*16 +: 16]        <= tail_d;
      end
    end
  end

  // ---- read -------------------------------------------------------------------------------------------------------------------
  logic [11:0] from;
  logic [31:0] v;
  always_comb begin
    rdata_o = '0;
    from    = '0;
    v       = '0;
    if (re_i) for (int unsigned h = 0; h < 2; h++) begin
      from = {addr_i[11:3], h == 1, 2'b00};
      v    = '0;
      case (from)
        regs_pkg::DMA_CTRL:                    v = 32'(ctrl_q[c*10 +: 10]);
        regs_pkg::DMA_STATUS: begin
          v[regs_pkg::DMA_STATUS_RUNNING_LSB]    = running_i[c];
          v[regs_pkg::DMA_STATUS_IRQ_LSB]        = irq_q[c];
          v[regs_pkg::DMA_STATUS_RING_ERROR_LSB] = ring_error_q[c];
        end
        regs_pkg::DMA_DEVICE_ID:               v = 32'(device_q[c*24 +: 24]);
        regs_pkg::DMA_PROCESS_ID:              v = 32'(process_q[c*20 +: 20]);
        regs_pkg::DMA_ADDRESS_MASK:            v = mask_q[c*64 +: 32];
        regs_pkg::DMA_ADDRESS_MASK + 12'd4:    v = mask_q[c*64 + 32 +: 32];
        regs_pkg::DMA_RING_BASE:               v = ring_base_q[c*64 +: 32];
        regs_pkg::DMA_RING_BASE + 12'd4:       v = ring_base_q[c*64 + 32 +: 32];
        regs_pkg::DMA_RECORD_BASE:             v = record_base_q[c*64 +: 32];
        regs_pkg::DMA_RECORD_BASE + 12'd4:     v = record_base_q[c*64 + 32 +: 32];
        regs_pkg::DMA_RING_DEVICE_ID:          v = 32'(ring_device_q[c*24 +: 24]);
        regs_pkg::DMA_RING_LOG2:               v = 32'(log2_q[c*4 +: 4]);
        regs_pkg::DMA_HEAD:                    v = 32'(head_i[c*15 +: 15]);
        regs_pkg::DMA_TAIL:                    v = 32'(tail_q[c*16 +: 16]);
        regs_pkg::DMA_BYTES_READ:              v = bytes_read_i[31:0];
        regs_pkg::DMA_BYTES_READ + 12'd4:      v = bytes_read_i[63:32];
        regs_pkg::DMA_BYTES_WRITTEN:           v = bytes_written_i[31:0];
        regs_pkg::DMA_BYTES_WRITTEN + 12'd4:   v = bytes_written_i[63:32];
        regs_pkg::DMA_READ_BURSTS:             v = read_bursts_i[31:0];
        regs_pkg::DMA_READ_BURSTS + 12'd4:     v = read_bursts_i[63:32];
        regs_pkg::DMA_READ_LATENCY:            v = read_latency_i[31:0];
        regs_pkg::DMA_READ_LATENCY + 12'd4:    v = read_latency_i[63:32];
        regs_pkg::DMA_WRITE_BURSTS:            v = write_bursts_i[31:0];
        regs_pkg::DMA_WRITE_BURSTS + 12'd4:    v = write_bursts_i[63:32];
        regs_pkg::DMA_WRITE_LATENCY:           v = write_latency_i[31:0];
        regs_pkg::DMA_WRITE_LATENCY + 12'd4:   v = write_latency_i[63:32];
        regs_pkg::DMA_BUSY_CYCLES:             v = busy_cycles_i[31:0];
        regs_pkg::DMA_BUSY_CYCLES + 12'd4:     v = busy_cycles_i[63:32];
        default: ;
      endcase
      if (there) rdata_o[h*32 +: 32] = v;
    end
  end

  // ---- what the channels put on the bus ---------------------------------------------------------------------------------------
  for (genvar g = 0; g < 8; g++) begin : gen_channel
    logic [9:0] ctrl;
    logic       process_valid, wrong, execute, privileged;
    assign ctrl            = ctrl_q[g*10 +: 10];
    assign wrong           = ctrl[regs_pkg::DMA_CTRL_WRONG_PROCESS_LSB];
    assign process_valid   = ctrl[regs_pkg::DMA_CTRL_PROCESS_ID_VALID_LSB] || wrong;
    assign privileged      = ctrl[regs_pkg::DMA_CTRL_PRIVILEGED_LSB];
    assign execute         = ctrl[regs_pkg::DMA_CTRL_EXECUTE_LSB];
    assign enable_o[g]     = ctrl[regs_pkg::DMA_CTRL_ENABLE_LSB];
    assign after_stop_o[g] = ctrl[regs_pkg::DMA_CTRL_WRITE_AFTER_STOP_LSB];
    assign ats_o[g]        = ctrl[regs_pkg::DMA_CTRL_ATS_LSB];
    assign irq_o[g]        = irq_q[g] && ctrl[regs_pkg::DMA_CTRL_IRQ_ENABLE_LSB];
    assign tail_o[g*15 +: 15] = tail_q[g*16 +: 15];
    assign data_user_o[g*47 +: 47] = {
      ctrl[regs_pkg::DMA_CTRL_TRANSLATED_LSB] && !ats_o[g] ? dma_pkg::TTYPE_TRANSLATED : dma_pkg::TTYPE_UNTRANSLATED,
      process_valid, process_valid ? process_q[g*20 +: 20] ^ {19'd0, wrong} : 20'd0, device_q[g*24 +: 24]};
    assign ring_user_o[g*47 +: 47]  = {dma_pkg::TTYPE_UNTRANSLATED, 21'd0, ring_device_q[g*24 +: 24]};
    assign read_prot_o[g*3 +: 3]    = {execute, 1'b0, privileged};
    assign write_prot_o[g*3 +: 3]   = {2'b00, privileged};
  end
  assign mask_o        = mask_q;
  assign ring_base_o   = ring_base_q;
  assign record_base_o = record_base_q;
  assign log2_o        = log2_q;
  wire unused = &{1'b0, addr_i[2:0]};
endmodule
`default_nettype wire
