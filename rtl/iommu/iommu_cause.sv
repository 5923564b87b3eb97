// SPDX-License-Identifier: Apache-2.0
//
// The priority table: the one place that says which fault wins when several checks of one access fail, which cause it
// reports, and whether DC.tc.DTF silences it. Purely combinational.
//
// Source: specification, chapter "Data structures", process to translate an IOVA (the order of the steps), and chapter
// "In-memory queues", fault record and its CAUSE encodings (the DTF column).
`default_nettype none
module iommu_cause (
  input  wire  [iommu_pkg::CHECKS-1:0] failed_i,  /// failed checks, bit = iommu_pkg::CHK_*
  input  wire         exec_i,                     /// the access is an instruction read
  input  wire         write_i,                    /// the access is a write
  input  wire         ats_i,                      /// it is an ATS translation request: some faults are answers without permissions
  input  wire         dtf_i,                      /// DC.tc.DTF, 0 while no context is located
  output logic        fault_o,                    /// some check failed
  output logic [11:0] cause_o,                    /// CAUSE of the first that failed
  output logic        logged_o                    /// goes to the fault queue
);
  // causes that come in threes follow the access
  logic [11:0] access_fault, page_fault, guest_page_fault;
  assign access_fault = exec_i ? regs_pkg::CAUSE_INSTRUCTION_ACCESS_FAULT : write_i ? regs_pkg::CAUSE_WRITE_ACCESS_FAULT : regs_pkg::CAUSE_READ_ACCESS_FAULT;
  assign page_fault = exec_i ? regs_pkg::CAUSE_INSTRUCTION_PAGE_FAULT : write_i ? regs_pkg::CAUSE_WRITE_PAGE_FAULT : regs_pkg::CAUSE_READ_PAGE_FAULT;
  assign guest_page_fault = exec_i ? regs_pkg::CAUSE_INSTRUCTION_GUEST_PAGE_FAULT : write_i ? regs_pkg::CAUSE_WRITE_GUEST_PAGE_FAULT
                                                                                            : regs_pkg::CAUSE_READ_GUEST_PAGE_FAULT;

  assign fault_o = |failed_i;

  always_comb begin
    cause_o = 12'd0;
    logged_o = 1'b1;
    //           check, highest priority first        cause                                          logged although DTF = 1
    if      (failed_i[iommu_pkg::CHK_OFF])          cause_o = regs_pkg::CAUSE_ALL_INBOUND_DISALLOWED; // yes
    else if (failed_i[iommu_pkg::CHK_BARE_TYPE])    cause_o = regs_pkg::CAUSE_TYPE_DISALLOWED;        // no context, no DTF
    else if (failed_i[iommu_pkg::CHK_DEVICE_WIDTH]) cause_o = regs_pkg::CAUSE_TYPE_DISALLOWED;        // no context, no DTF
    else if (failed_i[iommu_pkg::CHK_DDT_ACCESS])   cause_o = regs_pkg::CAUSE_DDT_ACCESS_FAULT;       // yes
    else if (failed_i[iommu_pkg::CHK_DDT_CORRUPT])  cause_o = regs_pkg::CAUSE_DDT_CORRUPTION;         // yes
    else if (failed_i[iommu_pkg::CHK_DDT_VALID])    cause_o = regs_pkg::CAUSE_DDT_NOT_VALID;          // yes
    else if (failed_i[iommu_pkg::CHK_DDT_CONFIG])   cause_o = regs_pkg::CAUSE_DDT_MISCONFIGURED;      // yes
    else begin
      logged_o = ~dtf_i;
      if      (failed_i[iommu_pkg::CHK_TYPE])        cause_o = regs_pkg::CAUSE_TYPE_DISALLOWED;
      else if (failed_i[iommu_pkg::CHK_PDT_ACCESS])  cause_o = regs_pkg::CAUSE_PDT_ACCESS_FAULT;
      else if (failed_i[iommu_pkg::CHK_PDT_CORRUPT]) cause_o = regs_pkg::CAUSE_PDT_CORRUPTION;
      else if (failed_i[iommu_pkg::CHK_PDT_VALID]) begin
        cause_o = regs_pkg::CAUSE_PDT_NOT_VALID;
        logged_o = ~dtf_i & ~ats_i;
      end
      else if (failed_i[iommu_pkg::CHK_PDT_CONFIG])  cause_o = regs_pkg::CAUSE_PDT_MISCONFIGURED;
      else if (failed_i[iommu_pkg::CHK_PRIVILEGE])   cause_o = regs_pkg::CAUSE_TYPE_DISALLOWED;
      else if (failed_i[iommu_pkg::CHK_IOVA]) begin
        cause_o = page_fault;
        logged_o = ~dtf_i & ~ats_i;
      end
      else if (failed_i[iommu_pkg::CHK_PT_ACCESS])   cause_o = access_fault;
      else if (failed_i[iommu_pkg::CHK_PT_CORRUPT])  cause_o = regs_pkg::CAUSE_PT_CORRUPTION;
      else if (failed_i[iommu_pkg::CHK_PAGE]) begin
        cause_o = page_fault;
        logged_o = ~dtf_i & ~ats_i;
      end
      else if (failed_i[iommu_pkg::CHK_GUEST_PAGE]) begin
        cause_o = guest_page_fault;
        logged_o = ~dtf_i & ~ats_i;
      end
      else if (failed_i[iommu_pkg::CHK_MSI_ACCESS])  cause_o = regs_pkg::CAUSE_MSI_PTE_ACCESS_FAULT;
      else if (failed_i[iommu_pkg::CHK_MSI_CORRUPT]) cause_o = regs_pkg::CAUSE_MSI_PT_CORRUPTION;
      else if (failed_i[iommu_pkg::CHK_MSI_VALID]) begin
        cause_o = regs_pkg::CAUSE_MSI_PTE_NOT_VALID;
        logged_o = ~dtf_i & ~ats_i;
      end
      else if (failed_i[iommu_pkg::CHK_MSI_CONFIG])  cause_o = regs_pkg::CAUSE_MSI_PTE_MISCONFIGURED;
      else if (failed_i[iommu_pkg::CHK_MSI_EXEC])    cause_o = regs_pkg::CAUSE_INSTRUCTION_ACCESS_FAULT;
      else if (failed_i[iommu_pkg::CHK_MSI_DEBUG])   cause_o = regs_pkg::CAUSE_TYPE_DISALLOWED;
    end
  end
endmodule
`default_nettype wire
