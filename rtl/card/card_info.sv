// SPDX-License-Identifier: Apache-2.0
// Block `card` of the register map: who the card is, what it does, its counters, reset, isolation and interrupts.
//
// A write acts at the clock edge, a read is combinational. Everything survives RESET but the counters.
`default_nettype none
module card_info #(
  /// Data width in bits.
  parameter int unsigned DATA_W = 64,
  /// DMA channels.
  parameter int unsigned CHANNELS = 4,
  parameter logic [63:0] BUILD_HASH = 64'd0,
  parameter logic [63:0] CLOCK_HZ = 64'd100_000_000
) (
  input  wire                 clk_i,
  input  wire                 rst_ni,

  /// Register access: 8-byte aligned offset; strobes 0x0f, 0xf0 or 0xff, others write nothing.
  input  wire                 we_i,
  /// rdata_o is 0 otherwise.
  input  wire                 re_i,
  input  wire  [11:0]         addr_i,
  input  wire  [63:0]         wdata_i,
  input  wire  [7:0]          wstrb_i,
  output logic [63:0]         rdata_o,

  input  wire                 busy_i,
  input  wire                 resetting_i,
  /// Start of a reset, one clock.
  output logic                reset_go_o,
  /// The counters are held at 0.
  input  wire                 clear_i,

  // events in this clock
  input  wire  [1:0]          translations_i,
  input  wire  [1:0]          hits_i,
  input  wire  [1:0]          misses_i,
  input  wire                 walk_read_i,
  input  wire  [1:0]          faults_i,
  /// A beat of R, of W, on m_data.
  input  wire                 r_i,
  input  wire                 w_i,
  input  wire  [DATA_W/8-1:0] w_strb_i,

  output logic [31:0]         isolation_timeout_o,
  output logic [1:0]          isolation_clear_o,
  input  wire  [1:0]          isolated_i,

  input  wire  [31:0]         wires_i,
  output logic [31:0]         irq_enable_o,
  output logic [31:0]         irq_rearm_o,
  input  wire  [31:0]         irq_armed_i
);
  localparam logic [31:0] ID = 32'h5254_5041;
  localparam logic [31:0] VERSION = {16'd1, 16'd0};
  localparam logic [31:0] ISOLATION_TIMEOUT = 32'd65536;
  localparam int unsigned IOMMU_VECTORS = 16;
  localparam logic [63:0] BEAT_BYTES = 64'(DATA_W) >> 3;

  logic [63:0] parameters;
  always_comb begin
    parameters = '0;
    parameters[regs_pkg::CARD_PARAMETERS_DATA_WIDTH_LSB +: regs_pkg::CARD_PARAMETERS_DATA_WIDTH_W] =
      regs_pkg::CARD_PARAMETERS_DATA_WIDTH_W'(DATA_W);
    parameters[regs_pkg::CARD_PARAMETERS_CHANNELS_LSB +: regs_pkg::CARD_PARAMETERS_CHANNELS_W] =
      regs_pkg::CARD_PARAMETERS_CHANNELS_W'(CHANNELS);
    parameters[regs_pkg::CARD_PARAMETERS_TLB_WAYS_LSB +: regs_pkg::CARD_PARAMETERS_TLB_WAYS_W] =
      regs_pkg::CARD_PARAMETERS_TLB_WAYS_W'(iommu_pkg::TLB_WAYS);
    parameters[regs_pkg::CARD_PARAMETERS_TLB_SETS_LSB +: regs_pkg::CARD_PARAMETERS_TLB_SETS_W] =
      regs_pkg::CARD_PARAMETERS_TLB_SETS_W'(iommu_pkg::TLB_SETS);
    parameters[regs_pkg::CARD_PARAMETERS_TLB_LARGE_LSB +: regs_pkg::CARD_PARAMETERS_TLB_LARGE_W] =
      regs_pkg::CARD_PARAMETERS_TLB_LARGE_W'(iommu_pkg::TLB_LARGE);
    parameters[regs_pkg::CARD_PARAMETERS_CONTEXTS_LSB +: regs_pkg::CARD_PARAMETERS_CONTEXTS_W] =
      regs_pkg::CARD_PARAMETERS_CONTEXTS_W'(iommu_pkg::CONTEXTS);
    parameters[regs_pkg::CARD_PARAMETERS_SLOTS_LSB +: regs_pkg::CARD_PARAMETERS_SLOTS_W] =
      regs_pkg::CARD_PARAMETERS_SLOTS_W'(iommu_pkg::SLOTS);
    parameters[regs_pkg::CARD_PARAMETERS_PENDING_LSB +: regs_pkg::CARD_PARAMETERS_PENDING_W] =
      regs_pkg::CARD_PARAMETERS_PENDING_W'(iommu_pkg::PEND);
    parameters[regs_pkg::CARD_PARAMETERS_VECTORS_LSB +: regs_pkg::CARD_PARAMETERS_VECTORS_W] =
      regs_pkg::CARD_PARAMETERS_VECTORS_W'(IOMMU_VECTORS + CHANNELS);
  end

  // ---- counters -----------------------------------------------------------------------------------------------------------------
  logic [63:0] cycle_q, translations_q, hits_q, misses_q, walk_reads_q, faults_q, read_bytes_q, write_bytes_q;
  logic [4:0]  w_bytes;
  always_comb begin
    w_bytes = '0;
    for (int unsigned i = 0; i < DATA_W / 8; i++) w_bytes = w_bytes + 5'(w_strb_i[i]);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) cycle_q <= '0;
    else cycle_q <= cycle_q + 64'd1;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      translations_q <= '0;
      hits_q         <= '0;
      misses_q       <= '0;
      walk_reads_q   <= '0;
      faults_q       <= '0;
      read_bytes_q   <= '0;
      write_bytes_q  <= '0;
    end else begin
      translations_q <= translations_q + 64'(translations_i);
      hits_q         <= hits_q + 64'(hits_i);
      misses_q       <= misses_q + 64'(misses_i);
      walk_reads_q   <= walk_reads_q + 64'(walk_read_i);
      faults_q       <= faults_q + 64'(faults_i);
      if (r_i) read_bytes_q <= read_bytes_q + BEAT_BYTES;
      if (w_i) write_bytes_q <= write_bytes_q + 64'(w_bytes);
    end
  end

  // ---- writes ---------------------------------------------------------------------------------------------------------------------
  logic [1:0]  we;
  logic [11:0] at;
  logic [31:0] d, timeout_d, enable_d;
  assign we[0] = we_i && (wstrb_i == 8'h0f || wstrb_i == 8'hff);
  assign we[1] = we_i && (wstrb_i == 8'hf0 || wstrb_i == 8'hff);
  always_comb begin
    timeout_d         = isolation_timeout_o;
    enable_d          = irq_enable_o;
    reset_go_o        = 1'b0;
    isolation_clear_o = '0;
    irq_rearm_o       = '0;
    at                = '0;
    d                 = '0;
    for (int unsigned h = 0; h < 2; h++)
      if (we[h]) begin
        at = {addr_i[11:3], h == 1, 2'b00};
        d  = wdata_i[h*32 +: 32];
        case (at)
          regs_pkg::CARD_RESET:             reset_go_o        = d[regs_pkg::CARD_RESET_GO_LSB];
          regs_pkg::CARD_ISOLATION:         isolation_clear_o = {d[regs_pkg::CARD_ISOLATION_DEVICE_LSB],
                                                                 d[regs_pkg::CARD_ISOLATION_DMA_LSB]};
          regs_pkg::CARD_ISOLATION_TIMEOUT: timeout_d         = d;
          regs_pkg::CARD_IRQ_ENABLE:        enable_d          = d;
          regs_pkg::CARD_IRQ_REARM:         irq_rearm_o       = d;
          default: ;
        endcase
      end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      isolation_timeout_o <= ISOLATION_TIMEOUT;
      irq_enable_o        <= '0;
    end else begin
      isolation_timeout_o <= timeout_d;
      irq_enable_o        <= enable_d;
    end
  end

  // ---- reads ------------------------------------------------------------------------------------------------------------------------
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
        regs_pkg::CARD_ID:                   v = ID;
        regs_pkg::CARD_VERSION:              v = VERSION;
        regs_pkg::CARD_BUILD:                v = BUILD_HASH[31:0];
        regs_pkg::CARD_BUILD + 12'd4:        v = BUILD_HASH[63:32];
        regs_pkg::CARD_PARAMETERS:           v = parameters[31:0];
        regs_pkg::CARD_PARAMETERS + 12'd4:   v = parameters[63:32];
        regs_pkg::CARD_CLOCK_HZ:             v = CLOCK_HZ[31:0];
        regs_pkg::CARD_CLOCK_HZ + 12'd4:     v = CLOCK_HZ[63:32];
        regs_pkg::CARD_CYCLE:                v = cycle_q[31:0];
        regs_pkg::CARD_CYCLE + 12'd4:        v = cycle_q[63:32];
        regs_pkg::CARD_STATUS: begin
          v[regs_pkg::CARD_STATUS_BUSY_LSB]      = busy_i;
          v[regs_pkg::CARD_STATUS_RESETTING_LSB] = resetting_i;
        end
        regs_pkg::CARD_TRANSLATIONS:         v = translations_q[31:0];
        regs_pkg::CARD_TRANSLATIONS + 12'd4: v = translations_q[63:32];
        regs_pkg::CARD_TLB_HITS:             v = hits_q[31:0];
        regs_pkg::CARD_TLB_HITS + 12'd4:     v = hits_q[63:32];
        regs_pkg::CARD_TLB_MISSES:           v = misses_q[31:0];
        regs_pkg::CARD_TLB_MISSES + 12'd4:   v = misses_q[63:32];
        regs_pkg::CARD_WALK_READS:           v = walk_reads_q[31:0];
        regs_pkg::CARD_WALK_READS + 12'd4:   v = walk_reads_q[63:32];
        regs_pkg::CARD_FAULTS:               v = faults_q[31:0];
        regs_pkg::CARD_FAULTS + 12'd4:       v = faults_q[63:32];
        regs_pkg::CARD_READ_BYTES:           v = read_bytes_q[31:0];
        regs_pkg::CARD_READ_BYTES + 12'd4:   v = read_bytes_q[63:32];
        regs_pkg::CARD_WRITE_BYTES:          v = write_bytes_q[31:0];
        regs_pkg::CARD_WRITE_BYTES + 12'd4:  v = write_bytes_q[63:32];
        regs_pkg::CARD_ISOLATION: begin
          v[regs_pkg::CARD_ISOLATION_DMA_LSB]    = isolated_i[0];
          v[regs_pkg::CARD_ISOLATION_DEVICE_LSB] = isolated_i[1];
        end
        regs_pkg::CARD_ISOLATION_TIMEOUT:    v = isolation_timeout_o;
        regs_pkg::CARD_IRQ_PENDING:          v = wires_i;
        regs_pkg::CARD_IRQ_ENABLE:           v = irq_enable_o;
        regs_pkg::CARD_IRQ_REARM:            v = irq_armed_i;
        default: ;
      endcase
      rdata_o[h*32 +: 32] = v;
    end
  end
  wire unused = &{1'b0, addr_i[2:0]};
endmodule
`default_nettype wire
