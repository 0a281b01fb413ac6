#!/usr/bin/env bash
# ./dev explains itself: every verb has a file, a summary and a usage line, and a mistake on the
# command line is one sentence and exit status 2. Run in the root of the repository.

set -euo pipefail

failures=0

failed() {
  printf 'FAILED: %s\n' "$*" >&2
  failures=$((failures + 1))
}

# mistake SAYS ARGUMENTS...: exit status 2, and one line on stderr that has SAYS in it.
mistake() {
  local says=$1 status=0 output
  shift
  output=$(./dev "$@" 2>&1 >/dev/null) || status=$?
  ((status == 2)) || failed "./dev $*: expected exit status 2, saw $status"
  [[ $output == *"$says"* && $output != *$'\n'* ]] ||
    failed "./dev $*: expected one line with '$says', saw '$output'"
}

overview=$(./dev --help)
[[ $overview == "$(./dev)" ]] || failed './dev and ./dev --help differ'

verbs=(setup build demo test lint sanitize fuzz simulate chaos bench data clean)
for verb in "${verbs[@]}"; do
  grep -qE "^  $verb +[a-z]" <<<"$overview" || failed "./dev --help has no line for $verb"
  grep -qF "Usage: ./dev $verb" <<<"$(./dev "$verb" --help)" || failed "$verb --help has no usage"
done
files=(scripts/dev/*.sh)
for verb in "${verbs[@]}" common mutations tidy_one; do
  [[ " ${files[*]} " == *"/$verb.sh "* ]] || failed "scripts/dev/$verb.sh is missing"
done
((${#files[@]} == ${#verbs[@]} + 3)) || failed 'scripts/dev has a file that is no verb'

mistake "saw 'tset'" tset
mistake "saw 'fast'" build fast
mistake "'--now'" setup --now
mistake "'csw'" fuzz csw
mistake "saw '0'" fuzz csv --minutes 0
mistake "'--now'" clean --now
mistake "'--now'" lint --now
mistake "saw 'msan'" sanitize msan
mistake "saw 'quickly'" demo quickly

((failures == 0)) || exit 1
printf 'all %d verbs explain themselves\n' "${#verbs[@]}"
