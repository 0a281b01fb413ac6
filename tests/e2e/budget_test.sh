#!/usr/bin/env bash
# Budgets of a search: with steps the same is left out on any fleet; with seconds runs stop at a
# checkpoint. Either way the job says what is missing, and goes on to the bits of one that never
# stopped.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=$scratch/search.yaml
cat >"$spec" <<EOF
name: budget
seed: 3
data:
  train: [$PWD/examples/digits/digits.train.csv, $PWD/examples/digits/digits.test.csv]
  label: digit
features:
  - scale: 1/16
model: softmax
optimizer:
  adam: {learning_rate: 0.02}
training: {epochs: 4, batch: 64, leaves: 4}
cluster: {partitions: 4}
cross_validation: {split: stratified, folds: 3}
search:
  metric: accuracy
  parameters:
    optimizer.learning_rate: [0.001, 0.01, 0.03]
EOF

# expect_code EXPECTED NAME ARGUMENTS...: of ballast; what it says goes to NAME.log.
expect_code() {
  local expected=$1 name=$2 code=0
  shift 2
  "$BALLAST" "$@" >"$scratch/$name.log" 2>&1 || code=$?
  ((code == expected)) ||
    fail "$name: expected exit code $expected, saw $code: $(tail -n 3 "$scratch/$name.log")"
}

says() { grep -qF -- "$2" "$scratch/$1.log" || fail "$1 does not say '$2': $(cat "$scratch/$1.log")"; }

# expect_same NAME OTHER FILE...
expect_same() {
  local name=$1 other=$2 file
  shift 2
  for file in "$@"; do
    cmp "$scratch/$other/$file" "$scratch/$name/$file" || fail "$name: another $file than $other"
  done
  printf 'ok: %s is as %s\n' "$name" "$other"
}
tables=(cv.json results.csv predictions.csv)

# A run has 4 * 19 steps, a configuration three of them, 228.
expect_code 4 steps search "$spec" --out "$scratch/steps" --threads 2 --set job.steps=500
says steps 'unfinished: job.steps: 500 did not reach for 3 runs and the refit; the same is left out'
says steps 'c001 is chosen'
says steps "go on with: ballast resume $scratch/steps --set job.steps=MORE"
[[ $(grep -c ',done,' "$scratch/steps/results.csv") == 6 ]] || fail "expected two configurations"
[[ $(grep -c ',unfinished,' "$scratch/steps/results.csv") == 3 ]] || fail "expected one to be left out"
[[ ! -e $scratch/steps/refit ]] || fail "there were no steps for a refit"
grep -q '"depends_on_time": false' "$scratch/steps/cv.json" || fail "steps depend on time"
[[ -s $scratch/steps/report.html ]] || fail "no report"
expect_code 4 steps-fleet search "$spec" --out "$scratch/steps-fleet" --workers 3 --servers 2 \
  --set job.steps=500
expect_same steps-fleet steps "${tables[@]}"

# Nothing more to do with as much; with more it goes on, and ends as one that had it from the start.
expect_code 4 again resume "$scratch/steps"
expect_same steps steps-fleet "${tables[@]}"
before=$(find "$scratch/steps/runs" -name 'rung-0.json' -printf '%P %T@\n' | sort)
expect_code 0 more resume "$scratch/steps" --set job.steps=100000
expect_code 0 enough search "$spec" --out "$scratch/enough" --threads 2 --set job.steps=100000
expect_same steps enough "${tables[@]}" refit/model.safetensors
after=$(find "$scratch/steps/runs" -name 'rung-0.json' -printf '%P %T@\n' | sort)
[[ $(comm -12 <(printf '%s\n' "$before") <(printf '%s\n' "$after")) == "$before" ]] ||
  fail "a run that had ended was done again"
expect_code 0 unlimited search "$spec" --out "$scratch/unlimited" --threads 2
expect_same unlimited enough results.csv predictions.csv refit/model.safetensors
! grep -q '"unfinished"' "$scratch/enough/cv.json" || fail "unfinished, with all that it needs"

# Time: runs that take hours, of which none can end in seconds. They stop at a checkpoint.
long=(--set training.epochs=20000 --set job.seconds=4s)
expect_code 4 time search "$spec" --out "$scratch/time" --threads 2 "${long[@]}"
says time 'unfinished: job.seconds: 4 s did not reach for 9 runs'
says time 'depends on how fast the machines were'
says time "go on with: ballast resume $scratch/time"
grep -q '"depends_on_time": true' "$scratch/time/cv.json" || fail "cv.json does not say it depends on time"
grep -q 'depends_on_time' "$scratch/time/report.html" || fail "the report does not know what is missing"
newest() { find "$scratch/time/runs/c000-r0-f0/checkpoints" -name 'checkpoint-*.json' | sort | tail -n 1; }
first=$(newest)
[[ -n $first ]] || fail "the first run has no checkpoint to go on from"
expect_code 4 sitting resume "$scratch/time"
[[ $(newest) != "$first" ]] || fail "another sitting came no further than $first"

# A short one gets to its end in as many sittings as it takes.
sittings=0
expect_code_of_sitting() {
  local code=0
  "$BALLAST" "$@" >"$scratch/sitting.log" 2>&1 || code=$?
  sittings=$((sittings + 1))
  ((code == 0 || code == 4)) || fail "sitting $sittings: exit code $code: $(tail -n 3 "$scratch/sitting.log")"
  ((code == 0))
}
if ! expect_code_of_sitting search "$spec" --out "$scratch/short" --set job.seconds=2s; then
  until expect_code_of_sitting resume "$scratch/short" || ((sittings > 40)); do :; done
fi
((sittings <= 40)) || fail "40 sittings of two seconds were not enough"
printf 'ok: %d sittings\n' "$sittings"
expect_same short unlimited results.csv predictions.csv refit/model.safetensors

# What cannot be: one sentence, exit code 2.
expect_code 2 other resume "$scratch/short" --set optimizer.l2=1
says other '--set optimizer.l2=1: a job goes on by the spec that it was begun with'
expect_code 2 negative search "$spec" --out "$scratch/negative" --set job.steps=-1
says negative 'job.steps: expected a whole number'
finish
