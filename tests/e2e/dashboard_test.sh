#!/usr/bin/env bash
# The dashboard of a service, used in a browser: tokens, a curve that grows, a service that is killed
# and comes back, a long queue, a search, cancelling and downloading. Screenshots are left in
# BALLAST_DASHBOARD_PICTURES. Without Chromium it is skipped, and says so.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

: "${BALLAST_NODE:?the node that CMake found}"
: "${BALLAST_PAGE_PACKAGES:?where npm put the packages of the pages}"

if [[ -z ${BALLAST_CHROMIUM:-} ]] &&
  ! command -v chromium chromium-browser google-chrome >/dev/null; then
  echo "skipped: there is no Chromium; ./dev setup --test installs one, or name one in \$BALLAST_CHROMIUM"
  exit 77
fi

"$BALLAST" train examples/digits/mlp.yaml --out "$scratch/quiet" >/dev/null
"$BALLAST" keys --token ann --role admin --secret "$scratch/ann" "$scratch/tokens" 2>/dev/null
"$BALLAST" keys --token eye --role view --secret "$scratch/eye" "$scratch/tokens" 2>/dev/null

agents=()
"$BALLAST" server --service "ipc://$scratch/service" --listen "ipc://$scratch/server" \
  --home "$scratch/home" >"$scratch/server.log" 2>&1 &
agents+=("$!")
for i in 1 2; do
  "$BALLAST" worker --service "ipc://$scratch/service" >"$scratch/worker-$i.log" 2>&1 &
  agents+=("$!")
done

BALLAST_DIGEST=$(digest_of "$scratch/quiet")
export BALLAST_DIGEST
"$BALLAST_NODE" tests/e2e/dashboard/browser.mjs "$BALLAST_PAGE_PACKAGES" "$scratch" \
  "${BALLAST_DASHBOARD_PICTURES:-$scratch/pictures}" || fail "the dashboard as a browser shows it"
kill "${agents[@]}"
for agent in "${agents[@]}"; do
  wait "$agent" || fail "an agent that was asked to go: exit code $?"
done
finish
