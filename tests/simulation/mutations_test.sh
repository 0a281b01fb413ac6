#!/usr/bin/env bash
# Every mutation applies to the sources as they are, and says what it breaks. That each is found,
# `./dev simulate --mutations` shows.

set -euo pipefail

failed=0
for mutation in tests/simulation/mutations/*.patch; do
  if ! patch -p1 -F0 -s -f --dry-run <"$mutation"; then
    printf '%s does not apply any more; make it anew for the code as it is\n' "$mutation" >&2
    failed=1
  fi
  if [[ $(head -n 1 "$mutation") != [A-Z]* ]]; then
    printf '%s does not begin with a sentence that says what it breaks\n' "$mutation" >&2
    failed=1
  fi
done
exit "$failed"
