# SPDX-License-Identifier: Apache-2.0
# The card for AMD's KC705, with Vivado (2019.1 or later should do; none was at hand when this was written):
#
#   vivado -mode batch -source rtl/fpga/kc705/build.tcl
#
# Everything goes to build/kc705: kc705.bit, timing.txt, utilization.txt. A design that misses its timing gives no bitstream.
# CARD_DIVIDE in the environment: the card's clock is 1000 MHz divided by it (40: 25 MHz).

set here   [file dirname [file normalize [info script]]]
set root   [file normalize $here/../../..]
set rtl    $root/rtl
set out    $root/build/kc705
set part   xc7k325tffg900-2
set divide [expr {[info exists ::env(CARD_DIVIDE)] ? $::env(CARD_DIVIDE) : 40}]
file mkdir $out

# Every source below a folder, as names relative to rtl/, in the order of their bytes.
proc sources {rtl folder} {
  set found {}
  foreach name [glob -nocomplain -directory $rtl/$folder -tails *.sv] {
    lappend found [string trimleft $folder/$name ./]
  }
  foreach sub [glob -nocomplain -directory $rtl/$folder -tails -types d *] {
    lappend found {*}[sources $rtl [string trimleft $folder/$sub ./]]
  }
  return [lsort $found]
}

proc sha256 {text} {
  return [lindex [exec sha256sum << $text] 0]
}

# As tb/CMakeLists.txt does: BUILD_HASH of the card on the board is that of the simulated one from the same sources.
proc build_hash {rtl} {
  set hashes ""
  foreach path [sources $rtl .] {
    append hashes "$path [lindex [exec sha256sum $rtl/$path] 0]\n"
  }
  return [string range [sha256 $hashes] 0 15]
}

set hash [build_hash $rtl]
puts "build hash $hash, card clock [expr {1000.0 / $divide}] MHz"
if {[info exists ::env(HASH_ONLY)]} { exit 0 }

create_project -in_memory -part $part

# ---- the bridge ------------------------------------------------------------------------------------------------------------------
# Ids: those that driver/card/pci.hpp has, which Linux binds to nothing. BAR 0 (IOMMU) and BAR 2 (card and channels), 64 KiB and
# 64 bits wide each, are the card's addresses 0x00000 and 0x10000. Its AXI slave has 32 bits of address, all of which are the
# host's: the card says PAS = 32, and the driver chooses bus addresses below 4 GiB. 2^5 MSIs; it has no MSI-X.
create_ip -force -vendor xilinx.com -library ip -name axi_pcie -module_name axi_pcie_0 -dir $out
set_property -dict [list \
  CONFIG.INCLUDE_RC {PCI_Express_Endpoint_device} \
  CONFIG.XLNX_REF_BOARD {KC705_REVC} \
  CONFIG.NO_OF_LANES {X4} \
  CONFIG.MAX_LINK_SPEED {2.5_GT/s} \
  CONFIG.REF_CLK_FREQ {100_MHz} \
  CONFIG.VENDOR_ID {0x1234} \
  CONFIG.DEVICE_ID {0xa9e7} \
  CONFIG.REV_ID {0x01} \
  CONFIG.ENABLE_CLASS_CODE {true} \
  CONFIG.CLASS_CODE {0x120000} \
  CONFIG.INTERRUPT_PIN {false} \
  CONFIG.NUM_MSI_REQ {5} \
  CONFIG.BAR_64BIT {true} \
  CONFIG.BAR0_ENABLED {true} \
  CONFIG.BAR0_TYPE {Memory} \
  CONFIG.BAR0_SCALE {Kilobytes} \
  CONFIG.BAR0_SIZE {64} \
  CONFIG.PCIEBAR2AXIBAR_0 {0x00000000} \
  CONFIG.BAR1_ENABLED {true} \
  CONFIG.BAR1_TYPE {Memory} \
  CONFIG.BAR1_SCALE {Kilobytes} \
  CONFIG.BAR1_SIZE {64} \
  CONFIG.PCIEBAR2AXIBAR_1 {0x00010000} \
  CONFIG.AXIBAR_NUM {1} \
  CONFIG.AXIBAR_AS_0 {false} \
  CONFIG.AXIBAR_0 {0x00000000} \
  CONFIG.AXIBAR_HIGHADDR_0 {0xFFFFFFFF} \
  CONFIG.AXIBAR2PCIEBAR_0 {0x00000000} \
  CONFIG.S_AXI_ID_WIDTH {4} \
  CONFIG.S_AXI_DATA_WIDTH {64} \
  CONFIG.M_AXI_DATA_WIDTH {64} \
  CONFIG.S_AXI_SUPPORTS_NARROW_BURST {false} \
  CONFIG.COMP_TIMEOUT {50ms} \
] [get_ips axi_pcie_0]
# What Vivado refused or rounded would show as another card, or as none.
foreach {key want} {VENDOR_ID 0x1234 DEVICE_ID 0xa9e7 NO_OF_LANES X4 S_AXI_DATA_WIDTH 64 M_AXI_DATA_WIDTH 64 NUM_MSI_REQ 5
                    BAR0_SIZE 64 BAR1_SIZE 64} {
  set have [get_property CONFIG.$key [get_ips axi_pcie_0]]
  if {![string equal -nocase $have $want]} { error "axi_pcie: $key is $have, expected $want" }
}
generate_target all [get_ips axi_pcie_0]
synth_ip [get_ips axi_pcie_0]

# ---- the card: packages first, regs_pkg before those that use it --------------------------------------------------------------------
set all [sources $rtl .]
set packages [list regs/regs_pkg.sv]
foreach path $all {
  if {[string match *_pkg.sv $path] && $path ne "regs/regs_pkg.sv"} { lappend packages $path }
}
foreach path $packages { read_verilog -sv $rtl/$path }
foreach path $all {
  if {$path ni $packages} { read_verilog -sv $rtl/$path }
}
read_verilog $here/kc705_top.v
read_xdc $here/kc705.xdc
set_property PROCESSING_ORDER LATE [get_files kc705.xdc]

synth_design -top kc705_top -part $part -generic CARD_DIVIDE=$divide -generic BUILD_HASH=64'h$hash
write_checkpoint -force $out/synth.dcp
opt_design
place_design
phys_opt_design
route_design
write_checkpoint -force $out/route.dcp
report_timing_summary -file $out/timing.txt
report_utilization -hierarchical -file $out/utilization.txt
report_cdc -file $out/cdc.txt

set slack [get_property SLACK [get_timing_paths -max_paths 1 -setup]]
set hold  [get_property SLACK [get_timing_paths -max_paths 1 -hold]]
puts "worst slack: setup $slack ns, hold $hold ns"
if {$slack < 0 || $hold < 0} {
  error "timing is missed: on paths that end at the card's clock a larger CARD_DIVIDE helps ($out/timing.txt)"
}
write_bitstream -force $out/kc705.bit
puts "$out/kc705.bit"
