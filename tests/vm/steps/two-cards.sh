# SPDX-License-Identifier: Apache-2.0
# Every card at once: a demo of its own on each; then each from the bottom up, while its neighbour is still there.
head -c 262144 /bin/busybox > /tmp/file
[ "$(echo "$APERTURE_CARDS" | wc -l)" -ge 2 ] || { echo "not two cards: $APERTURE_CARDS"; exit 1; }
for card in $APERTURE_CARDS; do
  { aperture demo --card "$card" --file /tmp/file > "/tmp/demo.${card##*:}" 2>&1; echo $? >> "/tmp/demo.${card##*:}"; } &
done
wait
for card in $APERTURE_CARDS; do
  cat "/tmp/demo.${card##*:}"
  [ "$(tail -n 1 "/tmp/demo.${card##*:}")" = 0 ] || { echo "the demo failed on $card"; exit 1; }
done
for card in $APERTURE_CARDS; do
  aperture selftest --card "$card" || exit
done
