// SPDX-License-Identifier: Apache-2.0
//
// One slave port: turns AR and AW into requests for the lookups, and keeps a port that misbehaves from hanging the others.
// A request is refused (answered SLVERR without a walk, without a fault record) while the port is isolated, or when it names
// a device_id that the port may not use.
// Latency: requests none; answers one clock. Outstanding: as the lookups and pending tables admit.
`default_nettype none
module iommu_port #(
  parameter int unsigned DATA_W = 64,  /// data width in bits
  parameter bit          PORT = 1'b0   /// number of this port
) (
  input  wire                          clk_i,
  input  wire                          rst_ni,
  input  wire  [23:0]                  id_base_i,      /// device_ids the port may use: (id & mask) == base
  input  wire  [23:0]                  id_mask_i,
  input  wire  [31:0]                  timeout_i,      /// clocks until isolation, 0: never
  input  wire                          clear_i,        /// ends isolation
  input  wire                          expired_i,      /// the port does not take what it is sent beside AXI
  output logic                         isolated_o,

  // AXI slave
  input  wire  [3:0]                   s_awid, s_arid,
  input  wire  [63:0]                  s_awaddr, s_araddr,
  input  wire  [7:0]                   s_awlen, s_arlen,
  input  wire  [2:0]                   s_awsize, s_arsize,
  input  wire  [1:0]                   s_awburst, s_arburst,
  input  wire  [2:0]                   s_awprot, s_arprot,
  input  wire  [46:0]                  s_awuser, s_aruser,
  input  wire                          s_awvalid, s_arvalid,
  output logic                         s_awready, s_arready,
  input  wire  [DATA_W-1:0]            s_wdata,
  input  wire  [DATA_W/8-1:0]          s_wstrb,
  input  wire                          s_wvalid,
  output logic                         s_wready,
  output logic [3:0]                   s_bid, s_rid,
  output logic [1:0]                   s_bresp, s_rresp,
  output logic                         s_bvalid, s_rvalid,
  input  wire                          s_bready, s_rready,
  output logic [DATA_W-1:0]            s_rdata,
  output logic                         s_rlast,

  // requests, req_t: 0 reads, 1 writes
  output logic [1:0]                   req_valid_o,
  output logic [2*iommu_pkg::REQ_W-1:0] req_o,
  input  wire  [1:0]                   req_ready_i,
  // refused requests: 0 reads, 1 writes
  input  wire  [1:0]                   err_valid_i,
  input  wire  [7:0]                   err_id_i,
  input  wire  [15:0]                  err_len_i,
  input  wire  [1:0]                   err_mrif_i,      // to an interrupt file
  output logic [1:0]                   err_done_o,
  output logic                         sunk_o,          // data of a write to an interrupt file; see iommu_port_write
  output logic [31:0]                  sunk_data_o,
  output logic [3:0]                   sunk_lanes_o,
  output logic                         sunk_ok_o,
  input  wire                          sunk_done_i,
  input  wire                          sunk_bad_i,
  // m_data
  input  wire                          turn_i,
  output logic                         w_valid_o,
  output logic [DATA_W-1:0]            w_data_o,
  output logic [DATA_W/8-1:0]          w_strb_o,
  input  wire                          w_ready_i,
  input  wire                          b_valid_i,
  input  wire  [3:0]                   b_id_i,
  input  wire  [1:0]                   b_resp_i,
  output logic                         b_ready_o,
  input  wire                          r_valid_i,
  input  wire  [3:0]                   r_id_i,
  input  wire  [DATA_W-1:0]            r_data_i,
  input  wire  [1:0]                   r_resp_i,
  input  wire                          r_last_i,
  output logic                         r_ready_o,
  output logic                         empty_o         /// no answer is held
);
  logic isolated_q, read_expired, write_expired, read_empty, write_empty;
  assign isolated_o = isolated_q;
  assign empty_o = read_empty & write_empty;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) isolated_q <= 1'b0;
    else if (read_expired || write_expired || expired_i) isolated_q <= 1'b1;
    else if (clear_i) isolated_q <= 1'b0;
  end

  // AxUSER = {translation type, process id valid, process_id, device_id}
  iommu_pkg::req_t ar;
  iommu_pkg::req_t aw;
  always_comb begin
    ar = '0;
    aw = '0;
    if (s_arvalid) begin
      ar.port = PORT;
      ar.id = s_arid;
      ar.addr = s_araddr;
      ar.len = s_arlen;
      ar.size = s_arsize;
      ar.burst = s_arburst;
      ar.prot = s_arprot;
      {ar.ttype, ar.pv, ar.pid, ar.did} = s_aruser;
      ar.refused = isolated_q | ((ar.did & id_mask_i) != id_base_i);
    end
    if (s_awvalid) begin
      aw.port = PORT;
      aw.id = s_awid;
      aw.addr = s_awaddr;
      aw.len = s_awlen;
      aw.size = s_awsize;
      aw.burst = s_awburst;
      aw.prot = s_awprot;
      {aw.ttype, aw.pv, aw.pid, aw.did} = s_awuser;
      aw.refused = isolated_q | ((aw.did & id_mask_i) != id_base_i);
    end
  end
  assign req_valid_o = {s_awvalid, s_arvalid};
  assign req_o = {aw, ar};
  assign {s_awready, s_arready} = req_ready_i;

  iommu_port_read #(.DATA_W(DATA_W)) read (
    .clk_i, .rst_ni, .timeout_i, .isolated_i(isolated_q), .expired_o(read_expired),
    .err_valid_i(err_valid_i[0]), .err_id_i(err_id_i[3:0]), .err_len_i(err_len_i[7:0]), .err_zero_i(err_mrif_i[0]), .err_done_o(err_done_o[0]),
    .r_valid_i, .r_id_i, .r_data_i, .r_resp_i, .r_last_i, .r_ready_o,
    .s_rid, .s_rdata, .s_rresp, .s_rlast, .s_rvalid, .s_rready, .empty_o(read_empty));

  iommu_port_write #(.DATA_W(DATA_W)) write (
    .clk_i, .rst_ni, .timeout_i, .isolated_i(isolated_q), .clear_i, .expired_o(write_expired),
    .err_valid_i(err_valid_i[1]), .err_id_i(err_id_i[7:4]), .err_len_i(err_len_i[15:8]), .err_mrif_i(err_mrif_i[1]), .err_done_o(err_done_o[1]),
    .sunk_o, .sunk_data_o, .sunk_lanes_o, .sunk_ok_o, .sunk_done_i, .sunk_bad_i,
    .turn_i, .w_valid_o, .w_data_o, .w_strb_o, .w_ready_i, .b_valid_i, .b_id_i, .b_resp_i, .b_ready_o,
    .s_wdata, .s_wstrb, .s_wvalid, .s_wready, .s_bid, .s_bresp, .s_bvalid, .s_bready, .empty_o(write_empty));
endmodule
`default_nettype wire
