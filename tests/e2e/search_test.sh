#!/usr/bin/env bash
# A search on real processes: the same results on any shape of the fleet, whatever is killed, and no
# run that has ended is done again.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=$scratch/search.yaml
cat >"$spec" <<EOF
name: search
seed: 3
data:
  train: [$PWD/examples/digits/digits.train.csv, $PWD/examples/digits/digits.test.csv]
  label: digit
features:
  - scale: 1/16
model: softmax
optimizer:
  adam: {learning_rate: 0.02}
training: {epochs: 12, batch: 64, leaves: 4}
checkpoint: {every_steps: 50}
cross_validation: {split: stratified, folds: 3}
search:
  metric: accuracy
  parameters:
    optimizer.learning_rate: [0.001, 0.01, 0.03]
    optimizer.l2: [0, 1.0e-4]
EOF

# expect_same NAME: the results of a search beside those of the quiet one.
expect_same() {
  local file
  for file in cv.json results.csv predictions.csv refit/model.safetensors; do
    cmp "$scratch/quiet/$file" "$scratch/$1/$file" || fail "$1: another $file"
  done
  printf 'ok: %s\n' "$1"
}

# wait_for_runs NAME COUNT PID: blocks until so many runs have ended, or PID has.
wait_for_runs() {
  local seen
  seen=$(grep -m "$2" -c '^c[0-9]*-r' < <(tail -s 0.1 -n +1 -F --pid="$3" "$scratch/$1.log" 2>/dev/null)) || :
  ((seen == $2)) || fail "$1 ended before $2 runs had"
}

"$BALLAST" search "$spec" --out "$scratch/quiet" --threads 2 >"$scratch/quiet.log" 2>&1 ||
  fail "search: $(tail -n 3 "$scratch/quiet.log")"
[[ $(wc -l <"$scratch/quiet/results.csv") == 19 ]] || fail "expected a line for each of 18 runs"
grep -q '"chosen"' "$scratch/quiet/cv.json" || fail "nothing was chosen"
[[ -s $scratch/quiet/report.html ]] || fail "no report"

# On a terminal lines are drawn again and again, each within its width; the count comes to its end.
script -qec "stty cols 60; '$BALLAST' search '$spec' --out '$scratch/terminal' --threads 2" \
  /dev/null >"$scratch/terminal.log" || fail "on a terminal: $(tail -n 3 "$scratch/terminal.log")"
expect_same terminal
tr -d '\r' <"$scratch/terminal.log" | sed 's/\x1b\[[0-9]*[A-Z]//g' >"$scratch/drawn.log"
grep -q ' of 19 runs' "$scratch/drawn.log" || fail "18 runs and the refit are not counted: $(grep -m 1 ' runs' "$scratch/drawn.log")"
if grep -oE '[0-9]+ of [0-9]+ runs' "$scratch/drawn.log" | awk '$1 > $3 { bad = 1 } END { exit !bad }'; then
  fail "more runs have ended than there are"
fi
# Those of the end are printed once, whole.
(($(grep -E ' of [0-9]+ splits' "$scratch/drawn.log" | grep -cE '.{61}') <= 5)) ||
  fail "lines are wider than the terminal"

"$BALLAST" search "$spec" --out "$scratch/fleet" --workers 3 --servers 2 \
  >"$scratch/fleet.log" 2>&1 || fail "on a fleet: $(tail -n 3 "$scratch/fleet.log")"
expect_same fleet

# Members die, one after another; then everything does.
"$BALLAST" search "$spec" --out "$scratch/killed" --workers 3 --servers 2 \
  >"$scratch/killed.log" 2>&1 &
launcher=$!
wait_for_runs killed 2 "$launcher"
kill -9 "$(children_of "$launcher" worker | head -n 1)"
wait_for_runs killed 4 "$launcher"
kill -9 "$(children_of "$launcher" server | head -n 1)"
wait_for_runs killed 6 "$launcher"
kill -9 "$(children_of "$launcher" worker | tail -n 1)"
wait_for_runs killed 8 "$launcher"
members=$(pgrep -P "$launcher")
kill -9 "$launcher"
wait "$launcher" && fail "it was not killed"
for member in $members; do
  tail -s 0.1 --pid="$member" -f /dev/null # Members end with their launcher.
done
before=$(find "$scratch/killed/runs" -name 'rung-0.json' -printf '%P %T@\n' | sort)
"$BALLAST" resume "$scratch/killed" --workers 2 --servers 1 >"$scratch/resumed.log" 2>&1 ||
  fail "resume: $(tail -n 3 "$scratch/resumed.log")"
expect_same killed
after=$(find "$scratch/killed/runs" -name 'rung-0.json' -printf '%P %T@\n' | sort)
[[ $(comm -12 <(printf '%s\n' "$before") <(printf '%s\n' "$after")) == "$before" ]] ||
  fail "a run that had ended was done again"
while read -r run _; do
  ! grep -q "^${run%%/*} " "$scratch/resumed.log" ||
    fail "${run%%/*} had ended and was done again: $(grep "^${run%%/*} " "$scratch/resumed.log")"
done <<<"$before"
! grep -q 'on [12] of 3 splits' "$scratch/resumed.log" ||
  fail "the best, without runs that had ended: $(grep 'of 3 splits' "$scratch/resumed.log")"

# Nothing is left to do.
"$BALLAST" resume "$scratch/killed" >"$scratch/again.log" 2>&1 || fail "resume when done"
expect_same killed

# A damaged record of an end is named.
printf '{"score":' >"$scratch/killed/runs/c001-r0-f2/rung-0.json"
code=0
"$BALLAST" resume "$scratch/killed" >"$scratch/again.log" 2>&1 || code=$?
[[ $code == 2 && $(<"$scratch/again.log") == *"c001-r0-f2/rung-0.json: truncated or altered"* ]] ||
  fail "expected exit code 2 and a sentence, saw $code: $(cat "$scratch/again.log")"

# Halving stops runs at rungs and goes on with the better ones from their checkpoints: they end with
# the bits of runs that never stopped.
sed 's/^  metric: accuracy$/  metric: accuracy\n  method: halving\n  configurations: 9\n  steps_min: 20/
  s/^    optimizer.learning_rate: .*/    optimizer.learning_rate: {log_uniform: [1.0e-4, 0.3]}/
  /optimizer.l2/d' "$spec" >"$scratch/halving.yaml"
for shape in "--threads 2" "--workers 3 --servers 2"; do
  # shellcheck disable=SC2086
  "$BALLAST" search "$scratch/halving.yaml" --out "$scratch/halving" --overwrite $shape \
    >"$scratch/halving.log" 2>&1 || fail "halving: $(tail -n 3 "$scratch/halving.log")"
  cut -d, -f3-7,9- <(grep ',done,' "$scratch/halving/results.csv") >"$scratch/raced-${shape:2:1}"
done
cmp "$scratch/raced-t" "$scratch/raced-w" || fail "halving: other results on a fleet"
[[ $(grep -c ',halved,' "$scratch/halving/results.csv") == 24 ]] || fail "expected 8 to be halved"
rate=$(grep -m1 ',done,' "$scratch/halving/results.csv" | cut -d, -f8)
"$BALLAST" search "$spec" --out "$scratch/straight" --threads 2 \
  --set "search.parameters={optimizer.learning_rate: [$rate]}" >"$scratch/straight.log" 2>&1 ||
  fail "without rungs: $(tail -n 3 "$scratch/straight.log")"
cut -d, -f3-7,9- <(grep ',done,' "$scratch/straight/results.csv") | cmp - "$scratch/raced-t" ||
  fail "halving: a run that paused ended with other bits"

# A configuration that cannot be trained is reported, and does not end the job.
"$BALLAST" search "$spec" --out "$scratch/failing" --threads 2 \
  --set 'search.parameters={optimizer.learning_rate: [0.01, 1.0e+10]}' \
  --set training.diverged_above=8 \
  >"$scratch/failing.log" 2>&1 || fail "a failing run ended the job: $(tail -n 3 "$scratch/failing.log")"
[[ $(grep -c ",failed," "$scratch/failing/results.csv") == 3 ]] || fail "expected three failed runs"
grep -q "training.diverged_above" "$scratch/failing/results.csv" || fail "a failure without its reason"

# cv is the same without choices.
"$BALLAST" cv "$spec" --out "$scratch/cv" >"$scratch/cv.log" 2>&1 && fail "cv took a search"
grep -q "ballast search" "$scratch/cv.log" || fail "cv: $(cat "$scratch/cv.log")"
"$BALLAST" search "$spec" --out "$scratch/quiet" >"$scratch/again.log" 2>&1 && fail "replaced a job"
grep -q "ballast resume" "$scratch/again.log" || fail "no advice: $(cat "$scratch/again.log")"
finish
