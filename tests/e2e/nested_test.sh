#!/usr/bin/env bash
# A nested search: the same results on any shape of the fleet and after everything was killed, and
# everything but the nested score as without nesting.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=$scratch/nested.yaml
cat >"$spec" <<EOF
name: nested
seed: 3
data:
  train: [$PWD/examples/digits/digits.train.csv, $PWD/examples/digits/digits.test.csv]
  label: digit
features:
  - standardize
model: softmax
optimizer:
  adam: {learning_rate: 0.02}
training: {epochs: 6, batch: 64, leaves: 4}
checkpoint: {every_steps: 20}
cluster: {partitions: 8}
cross_validation: {split: stratified, folds: 3}
search:
  metric: accuracy
  nested: {folds: 2}
  parameters:
    optimizer.learning_rate: [0.001, 0.01, 0.03]
EOF

files=(cv.json results.csv predictions.csv refit/model.safetensors)

# expect_same NAME QUIET
expect_same() {
  local file
  for file in "${files[@]}"; do
    cmp "$scratch/$2/$file" "$scratch/$1/$file" || fail "$1: another $file"
  done
  printf 'ok: %s\n' "$1"
}

# wait_for_inner_runs NAME COUNT PID: blocks until so many inner runs have ended, or PID has.
wait_for_inner_runs() {
  local seen
  seen=$(grep -m "$2" -c '^r[0-9]*-f[0-9]*-c' \
    < <(tail -s 0.1 -n +1 -F --pid="$3" "$scratch/$1.log" 2>/dev/null)) || :
  ((seen == $2)) || fail "$1 ended before $2 inner runs had"
}

"$BALLAST" search "$spec" --out "$scratch/quiet" --threads 2 >"$scratch/quiet.log" 2>&1 ||
  fail "search: $(tail -n 3 "$scratch/quiet.log")"
[[ $(wc -l <"$scratch/quiet/results.csv") == 28 ]] ||
  fail "expected a line for each of 9 runs and 18 inner ones"
grep -q '^nested: accuracy 0\.9.* interval .*chosen there: c' "$scratch/quiet.log" ||
  fail "the nested score is not said: $(tail -n 4 "$scratch/quiet.log")"
python3 - "$scratch/quiet" <<'PYTHON' || fail "cv.json and results.csv do not fit each other"
import csv, json, sys

job = json.load(open(f"{sys.argv[1]}/cv.json"))
rows = list(csv.DictReader(open(f"{sys.argv[1]}/results.csv")))
nested = job["nested"]
assert [one["fold"] for one in nested["outer"]] == [0, 1, 2]
for one in nested["outer"]:
    (row,) = [r for r in rows if r["scores_nested"] == "1" and int(r["fold"]) == one["fold"]]
    assert int(row["configuration"]) == one["chosen"], (row, one)
    assert float(row["accuracy"]) == one["scores"]["accuracy"], (row, one)
    means = {}
    for r in rows:
        if r["inner_fold"] != "" and int(r["fold"]) == one["fold"]:
            means.setdefault(int(r["configuration"]), []).append(float(r["accuracy"]))
    assert one["chosen"] == max(means, key=lambda c: sum(means[c])), (means, one)
scores = [one["scores"]["accuracy"] for one in nested["outer"]]
assert abs(nested["mean"]["accuracy"] - sum(scores) / 3) < 1e-12
low, high = nested["interval"]["accuracy"]
assert low < nested["mean"]["accuracy"] < high
PYTHON

# Without nesting, all else is the same.
"$BALLAST" search "$spec" --out "$scratch/flat" --threads 2 --set search.nested= \
  >"$scratch/flat.log" 2>&1 || fail "not nested: $(tail -n 3 "$scratch/flat.log")"
for file in predictions.csv refit/model.safetensors; do
  cmp "$scratch/quiet/$file" "$scratch/flat/$file" || fail "nesting changed $file"
done
cmp <(grep -v '^[0-9]*,[0-9]*,[0-9]*,[0-9]' "$scratch/quiet/results.csv" |
  cut -d, -f1-3,6- | sed 's/,[^,]*$//') "$scratch/flat/results.csv" ||
  fail "nesting changed the rows of the outer splits"

# A worker dies, then everything does, among the inner runs.
"$BALLAST" search "$spec" --out "$scratch/killed" --workers 3 --servers 2 \
  >"$scratch/killed.log" 2>&1 &
launcher=$!
wait_for_inner_runs killed 2 "$launcher"
kill -9 "$(children_of "$launcher" worker | head -n 1)"
wait_for_inner_runs killed 6 "$launcher"
members=$(pgrep -P "$launcher")
kill -9 "$launcher"
wait "$launcher" && fail "it was not killed"
for member in $members; do
  tail -s 0.1 --pid="$member" -f /dev/null # Members end with their launcher.
done
before=$(find "$scratch/killed/runs" -name 'rung-0.json' -printf '%P %T@\n' | sort)
"$BALLAST" resume "$scratch/killed" --workers 2 --servers 1 >"$scratch/resumed.log" 2>&1 ||
  fail "resume: $(tail -n 3 "$scratch/resumed.log")"
expect_same killed quiet
after=$(find "$scratch/killed/runs" -name 'rung-0.json' -printf '%P %T@\n' | sort)
[[ $(comm -12 <(printf '%s\n' "$before") <(printf '%s\n' "$after")) == "$before" ]] ||
  fail "a run that had ended was done again"
grep -q "^$(wc -l <<<"$before") runs have ended before" "$scratch/resumed.log" ||
  fail "not said how many had ended: $(head -n 3 "$scratch/resumed.log")"

# With rungs: an inner race may choose what the outer one gave up, which then has a run of its own.
sed 's/^  metric: accuracy$/  metric: accuracy\n  method: halving\n  configurations: 6\n  steps_min: 20/
  s/^    optimizer.learning_rate: .*/    optimizer.learning_rate: {log_uniform: [1.0e-3, 1.0]}/' \
  "$spec" >"$scratch/halving.yaml"
for shape in "--threads 2" "--workers 3 --servers 2"; do
  # shellcheck disable=SC2086
  "$BALLAST" search "$scratch/halving.yaml" --out "$scratch/halving-${shape:2:1}" $shape \
    >"$scratch/halving.log" 2>&1 || fail "halving: $(tail -n 3 "$scratch/halving.log")"
done
expect_same halving-w halving-t
[[ $(grep -c ',1$' "$scratch/halving-t/results.csv") == 3 ]] || fail "halving: not a score per split"

# What cannot be split inside is told before anything runs, with the field.
"$BALLAST" search "$spec" --out "$scratch/wrong" --set search.nested.folds=150 \
  >"$scratch/wrong.log" 2>&1 && fail "150 inner folds of 116 examples of a class were taken"
grep -q 'search.nested.folds: .*training examples of the split r0-f' "$scratch/wrong.log" ||
  fail "150 inner folds: $(cat "$scratch/wrong.log")"
finish
