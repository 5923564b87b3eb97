// SPDX-License-Identifier: Apache-2.0
// Types and sizes that the DMA block's modules share.
//
// A module that is linted alone uses only some of the constants, which is no fault: UNUSEDPARAM is off for this file alone.
`default_nettype none
/* verilator lint_off UNUSEDPARAM */
package dma_pkg;
  localparam int unsigned CHUNK_BYTES = 256;  // data moves in pieces that end at a multiple of this
  localparam int unsigned SLOTS = 8;          // data bursts in flight in each direction; ids 0 to 7
  localparam int unsigned USER_W = 47;        // AxUSER: {translation type, process id valid, process_id, device_id}

  localparam logic [1:0] TTYPE_UNTRANSLATED = 2'd0;  // as PCIe's AT field
  localparam logic [1:0] TTYPE_TRANSLATED = 2'd2;

  localparam logic [2:0] AXI_SIZE_8 = 3'd3;
  localparam logic [2:0] AXI_SIZE_16 = 3'd4;
  localparam logic [1:0] AXI_BURST_INCR = 2'b01;

  // A piece of a descriptor's work that passes through the data mover as a whole.
  typedef struct packed {
    logic [2:0]  channel;
    logic        read;       // takes src from memory
    logic        write;      // gives dst to memory
    logic        generated;  // bytes are pseudo-random: written, or compared with what is read
    logic        check;      // compares
    logic        record;     // the completion record instead of data
    logic        ones;       // writes bytes of all ones (misbehaviour)
    logic        first;      // first of its descriptor
    logic [63:0] src;        // before the address mask
    logic [63:0] dst;
    logic [8:0]  length;     // bytes, 1 to CHUNK_BYTES
    logic [39:0] offset;     // of the piece in its descriptor
  } chunk_t;
  localparam int unsigned CHUNK_W = 3 + 7 + 64 + 64 + 9 + 40;

  // The next word of the pseudo-random sequence.
  function automatic logic [63:0] prbs_next(input logic [63:0] x);
    logic [63:0] a;
    logic [63:0] b;
    begin
      a = x ^ (x << 13);
      b = a ^ (a >> 7);
      prbs_next = b ^ (b << 17);
    end
  endfunction
endpackage
/* verilator lint_on UNUSEDPARAM */
`default_nettype wire
