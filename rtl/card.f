// What card_top.sv is made of, for verilator -F: packages first, then the folders that hold one module a file.
regs/regs_pkg.sv
iommu/iommu_pkg.sv
common/ats_pkg.sv
dma/dma_pkg.sv
-y common
-y iommu
-y dma
-y card
-y fpga
+libext+.sv
