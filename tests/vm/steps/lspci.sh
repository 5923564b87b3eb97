# SPDX-License-Identifier: Apache-2.0
# What lspci says of the function: nothing that it cannot read, and each capability with what the card has.
lspci -vv -s "${APERTURE_CARD#vfio:}" > /tmp/lspci || exit
cat /tmp/lspci
for line in 'Class 1200: Device 1234:a9e7 (rev 01)' 'Subsystem: Device 1234:a9e7' 'Region 0: Memory at .*(64-bit, non-prefetchable).*\[size=64K\]' \
  'Region 2: Memory at .*(64-bit, non-prefetchable).*\[size=64K\]' 'Region 4: Memory at .*(64-bit, non-prefetchable).*\[size=4K\]' \
  'Express (v2) Endpoint, MSI 00' 'FLReset+' 'MaxPayload 128 bytes' 'Speed 2.5GT/s, Width x1' 'MSI-X: Enable. Count=20 Masked' \
  'Vector table: BAR=4 offset=00000000' 'PBA: BAR=4 offset=00000800' 'Power Management version 3' 'NoSoftRst+' \
  'Kernel driver in use: vfio-pci'; do
  grep -q -e "$line" /tmp/lspci || { echo "lspci does not say: $line"; wrong=1; }
done
! grep -e 'rev ff' -e 'Unknown header' -e '\[disabled\].*\[disabled\]' -e 'access denied' -e '!!!' /tmp/lspci || wrong=1
exit "${wrong:-0}"
