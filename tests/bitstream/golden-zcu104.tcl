# Made by fpga_flow for zcu104 and Vivado 2022.2 to 2024.2.
# vivado -mode batch -source build.tcl
create_project accelerator project -part xczu7ev-ffvc1156-2-e -force
set_msg_config -id {Synth 8-4445} -new_severity ERROR
add_files -norecurse {fifo.sv}
add_files -norecurse {fpga_flow_shell.v}
set_property file_type SystemVerilog [get_files *.sv]
update_compile_order -fileset sources_1

create_bd_design system
create_bd_cell -type ip -vlnv xilinx.com:ip:zynq_ultra_ps_e ps
set_property -dict [list CONFIG.PSU__USE__M_AXI_GP0 {0} CONFIG.PSU__USE__M_AXI_GP1 {0} CONFIG.PSU__USE__M_AXI_GP2 {1} CONFIG.PSU__USE__S_AXI_GP2 {1} CONFIG.PSU__SAXIGP2__DATA_WIDTH {64} CONFIG.PSU__FPGA_PL0_ENABLE {1} CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ {200}] [get_bd_cells ps]
create_bd_cell -type module -reference fpga_flow_shell fpga_flow_shell_0
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect control
set_property -dict [list CONFIG.NUM_SI {1} CONFIG.NUM_MI {1}] [get_bd_cells control]
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect memory
set_property -dict [list CONFIG.NUM_SI {1} CONFIG.NUM_MI {1}] [get_bd_cells memory]
create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset
connect_bd_net [get_bd_pins ps/pl_clk0] [get_bd_pins ps/maxihpm0_lpd_aclk]
connect_bd_net [get_bd_pins ps/pl_clk0] [get_bd_pins ps/saxihp0_fpd_aclk]
connect_bd_net [get_bd_pins ps/pl_clk0] [get_bd_pins fpga_flow_shell_0/aclk]
connect_bd_net [get_bd_pins ps/pl_clk0] [get_bd_pins control/aclk]
connect_bd_net [get_bd_pins ps/pl_clk0] [get_bd_pins memory/aclk]
connect_bd_net [get_bd_pins ps/pl_clk0] [get_bd_pins reset/slowest_sync_clk]
connect_bd_net [get_bd_pins ps/pl_resetn0] [get_bd_pins reset/ext_reset_in]
connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins fpga_flow_shell_0/aresetn]
connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins control/aresetn]
connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins memory/aresetn]
connect_bd_intf_net [get_bd_intf_pins ps/M_AXI_HPM0_LPD] [get_bd_intf_pins control/S00_AXI]
connect_bd_intf_net [get_bd_intf_pins control/M00_AXI] [get_bd_intf_pins fpga_flow_shell_0/s_axi]
connect_bd_intf_net [get_bd_intf_pins fpga_flow_shell_0/m_axi] [get_bd_intf_pins memory/S00_AXI]
connect_bd_intf_net [get_bd_intf_pins memory/M00_AXI] [get_bd_intf_pins ps/S_AXI_HP0_FPD]
assign_bd_address
validate_bd_design
save_bd_design
make_wrapper -files [get_files system.bd] -top -import
set_property top system_wrapper [current_fileset]
update_compile_order -fileset sources_1

launch_runs synth_1 -jobs 2
wait_on_run synth_1
launch_runs impl_1 -to_step write_bitstream -jobs 2
wait_on_run impl_1
open_run impl_1
report_utilization -file utilisation.rpt
report_timing_summary -file timing.rpt
file copy -force project/accelerator.runs/impl_1/system_wrapper.bit accelerator.bit
file copy -force project/accelerator.gen/sources_1/bd/system/hw_handoff/system.hwh accelerator.hwh
exit
