# SPDX-License-Identifier: Apache-2.0
# The demo on a real file: the first quarter MiB of a program.
head -c 262144 /bin/busybox > /tmp/file
exec aperture demo --card "$APERTURE_CARD" --file /tmp/file
