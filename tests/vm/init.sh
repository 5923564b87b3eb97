#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# The guest's first and only program: loads the VFIO modules, hands VFIO the functions, runs the steps and powers off.
# The kernel's command line says what to do:
#   aperture.token=HEX      comes back in every line of the report, so that no old line is taken for one of this boot
#   aperture.modules=NAME   a file in /modules/orders: a module with its parameters in each line
#   aperture.plugged=N      cards that are plugged in once the guest asks for them
#   aperture.bits=N         address bits of the IOMMU, for tests that depend on them
#   aperture.steps=A,B      scripts in /steps, in their order
# The report goes to the second serial port, everything else to the console.
argument() { tr ' ' '\n' < /proc/cmdline | sed -n "s/^aperture\.$1=//p"; }
report() { echo "aperture $(argument token) $*" > /dev/ttyS1; }

# A function's address by vendor and device id; several are joined by commas.
functions() {
  local found= path
  for path in /sys/bus/pci/devices/*; do
    [ "$(cat "$path/vendor"):$(cat "$path/device")" = "$1:$2" ] && found=$found${found:+,}${path##*/}
  done
  echo "$found"
}

# Runs a command under a time limit, its output on the console too, and reports how it ended.
step() {
  local name=$1 limit=$2 began code
  shift 2
  began=$(cut -d. -f1 /proc/uptime)
  echo "== $name"
  report start "$name"
  rm -f /tmp/code
  { timeout -k 5 "$limit" "$@"; echo $? > /tmp/code; } 2>&1 | tee /tmp/output
  code=$(cat /tmp/code)  # nothing, if even that was killed
  report end "$name" exit "${code:-255}" seconds $(($(cut -d. -f1 /proc/uptime) - began)) \
    $(sed -n 's/^\[  \(PASSED\|SKIPPED\|FAILED\) *\] \([0-9]*\) test.*/\1 \2/p' /tmp/output)
}

load_modules() {
  local module parameters
  while read -r module parameters; do
    # shellcheck disable=SC2086  # one word a parameter
    insmod "/modules/$module.ko" $parameters || return 1
  done < "/modules/orders/$(argument modules)"
}

# The cards' addresses, once there are as many as are to be plugged in.
await_cards() {
  local wanted=$1 tries=600
  while [ "$(functions 0x1234 0xa9e7 | tr ',' '\n' | grep -c .)" -ne "$wanted" ]; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { echo "not $wanted cards but: $(functions 0x1234 0xa9e7)"; return 1; }
    sleep 0.1
  done
}

hand_over() {
  local address
  [ -n "$APERTURE_BDF" ] || { echo "no card among: $(ls /sys/bus/pci/devices | tr '\n' ' ')"; return 1; }
  for address in $(echo "$APERTURE_BDF,$APERTURE_EDU" | tr ',' ' '); do
    echo vfio-pci > "/sys/bus/pci/devices/$address/driver_override"
    echo "$address" > /sys/bus/pci/drivers_probe
    [ -e "/sys/bus/pci/drivers/vfio-pci/$address" ] || { echo "$address is not bound to vfio-pci"; return 1; }
  done
}

# Functions of this script are steps, which are commands of their own.
if [ $$ -ne 1 ]; then "$@"; exit; fi

/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox --install -s /bin
export PATH=/bin LD_LIBRARY_PATH=/lib
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev

report init
export APERTURE_BDF APERTURE_EDU APERTURE_CARD APERTURE_CARDS APERTURE_HOST_BITS
plugged=$(argument plugged)
if [ "$plugged" != 0 ]; then
  report plug
  step plug 90 /init await_cards "$plugged"
fi
APERTURE_BDF=$(functions 0x1234 0xa9e7)  # driver/card/pci.hpp
APERTURE_EDU=$(functions 0x1234 0x11e8)  # QEMU's device for education
report card "$APERTURE_BDF"
step modules 60 /init load_modules
step bind 60 /init hand_over
APERTURE_CARD=vfio:${APERTURE_BDF%%,*}
APERTURE_CARDS=$(echo "$APERTURE_BDF" | tr ',' '\n' | sed 's/^/vfio:/')
APERTURE_HOST_BITS=$(argument bits)
for name in $(argument steps | tr ',' ' '); do
  step "$name" 600 sh "/steps/$name.sh"
done
report done
sync
poweroff -f
