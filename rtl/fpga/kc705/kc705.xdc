# SPDX-License-Identifier: Apache-2.0
# KC705, revision C or later. Not run on a board. Lanes and the reference clock's buffer are placed by axi_pcie's own
# constraints (XLNX_REF_BOARD in build.tcl); read after those of the IP, whose clocks are named here.

# 100 MHz from the slot
set_property PACKAGE_PIN U8 [get_ports pcie_refclk_p]
set_property PACKAGE_PIN U7 [get_ports pcie_refclk_n]
create_clock -name pcie_refclk -period 10.000 [get_ports pcie_refclk_p]

set_property -dict {PACKAGE_PIN G25 IOSTANDARD LVCMOS25 PULLUP true} [get_ports pcie_perst_n]
set_false_path -from [get_ports pcie_perst_n]

set_property -dict {PACKAGE_PIN AB8 IOSTANDARD LVCMOS15} [get_ports {led[0]}]
set_property -dict {PACKAGE_PIN AA8 IOSTANDARD LVCMOS15} [get_ports {led[1]}]
set_property -dict {PACKAGE_PIN AC9 IOSTANDARD LVCMOS15} [get_ports {led[2]}]
set_property -dict {PACKAGE_PIN AB9 IOSTANDARD LVCMOS15} [get_ports {led[3]}]
set_false_path -to [get_ports {led[*]}]

# Between the two clocks there are async_fifo and bit_sync alone; the phase between the clocks means nothing. A Gray code's bits
# may be late by no more than a period of the faster clock. A word is in an async_fifo for two clocks of its reader before it is
# shown, and the reader's logic follows it within the same clock: such a path has a period of the reader's.
set bus_clk  [get_clocks -of_objects [get_pins u_pcie/axi_aclk_out]]
set card_clk [get_clocks -of_objects [get_pins u_card_clk/CLKOUT0]]
set_max_delay -datapath_only -from $bus_clk -to $card_clk [get_property PERIOD $card_clk]
set_max_delay -datapath_only -from $card_clk -to $bus_clk [get_property PERIOD $bus_clk]
set_max_delay -datapath_only -from $bus_clk -to [get_pins -hierarchical -filter {NAME =~ */first_q_reg*/D}] 8.000

# What resets flip-flops without a clock: reset_sync.
set_false_path -to [get_pins -hierarchical -filter {NAME =~ */sync_q_reg*/CLR}]

set_property CFGBVS VCCO [current_design]
set_property CONFIG_VOLTAGE 2.5 [current_design]
set_property BITSTREAM.GENERAL.COMPRESS TRUE [current_design]
