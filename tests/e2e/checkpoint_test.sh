#!/usr/bin/env bash
# Checkpoints of a sparse model: the second one writes what changed; one that is damaged is named and
# the one before it taken; `ballast checkpoint` lists, verifies and removes them.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

# Each example has eight keys of its own: 100 steps touch 200,000 rows, the next one 1 % of them.
awk 'BEGIN {
  for (i = 0; i < 25000; ++i) {
    printf "%d", i % 2 ? 1 : -1
    for (k = 1; k <= 8; ++k) printf " %d:1", 8 * i + k
    printf "\n"
  }
}' >"$scratch/wide.libsvm"
cat >"$scratch/wide.yaml" <<'YAML'
data: {format: libsvm, train: wide.libsvm}
model: logistic
optimizer: {adam: {learning_rate: 0.1}}
training: {steps: 101, batch: 250, shuffle: false}
checkpoint: {every_steps: 100, every_seconds: 0}
YAML

run=$scratch/run
store=$run/checkpoints
"$BALLAST" train "$scratch/wide.yaml" --out "$run" >"$scratch/log" 2>&1 ||
  fail "train: $(tail -n 3 "$scratch/log")"
expected=$(digest_of "$run")

# field N KEY: of the N-th checkpoint, as `ls --json` says.
field() {
  "$BALLAST" checkpoint ls "$run" --json |
    python3 -c "import json, sys; print(json.load(sys.stdin)[$1]['$2'])"
}
[[ $(field 0 step)-$(field 1 step) == 100-101 ]] || fail "ls: $("$BALLAST" checkpoint ls "$run")"
first=$(field 0 bytes)
second=$(($(field 1 bytes) - $(field 1 shared_bytes)))
printf 'the first checkpoint has %d bytes, the second wrote %d\n' "$first" "$second"
((second > 0 && second * 20 < first)) || fail "1 %% of the rows changed: $second of $first bytes"
[[ $(field 0 shared_bytes) == "$first" ]] || fail "the second does not share all of the first"

# exits CODE TEXT ARGUMENTS...: of `ballast checkpoint`.
exits() {
  local expected_code=$1 text=$2 code=0
  shift 2
  "$BALLAST" checkpoint "$@" >"$scratch/log" 2>&1 || code=$?
  if [[ $code != "$expected_code" ]]; then
    fail "checkpoint $*: expected exit code $expected_code, saw $code: $(tail -n 3 "$scratch/log")"
  elif ! grep -qE -- "$text" "$scratch/log"; then
    fail "checkpoint $*: expected /$text/, saw: $(cat "$scratch/log")"
  else
    printf "ok: checkpoint %s\n" "${*:-}"
  fi
}
exits 0 'step +timeline +written +size +shared +state' ls "$run"
exits 0 '101 +1 +20[0-9-]+T[0-9:]+Z .* whole' ls "$store"
exits 0 'checkpoint-1-101.json: whole' verify "$run"
exits 0 'checkpoint-1-100.json: whole' verify "$run" 1-100
exits 2 'no checkpoint 7; there are, by timeline and step, 1-100, 1-101' verify "$run" 7
exits 2 'expected a step such as 1500' verify "$run" last
exits 2 'nowhere' ls "$scratch/nowhere"
exits 2 'STEP is required' rm "$run"
exits 2 'subcommand'

# only_of STEP: a file that no other checkpoint lists; shared_file: one that both do.
only_of() {
  grep -hoE '"name": "[0-9a-f]+\.sst"' "$store/checkpoint-1-$1.json" | sort -u >"$scratch/mine"
  grep -hoE '"name": "[0-9a-f]+\.sst"' "$store"/checkpoint-*.json | sort | uniq -u >"$scratch/single"
  comm -12 "$scratch/mine" "$scratch/single" | sed -n '1s/.*"\(.*\)"/\1/p'
}
shared_file() {
  grep -hoE '"name": "[0-9a-f]+\.sst"' "$store"/checkpoint-*.json | sort | uniq -d |
    sed -n '1s/.*"\(.*\)"/\1/p'
}
# A copy that is changed: the file itself may share its bytes with a server's home.
flip_byte() {
  python3 - "$1" <<'PYTHON'
import os, sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 1
os.remove(sys.argv[1])
open(sys.argv[1], "wb").write(data)
PYTHON
}
cp -r "$run" "$scratch/good"
again() {
  rm -rf "$run"
  cp -r "$scratch/good" "$run"
}
resumes() {
  "$BALLAST" resume "$run" >"$scratch/log" 2>&1 || fail "$1: resume: $(tail -n 3 "$scratch/log")"
  grep -q "passing over a damaged checkpoint: checkpoint-1-101.json.*$2" "$scratch/log" ||
    fail "$1: the damage is not named: $(cat "$scratch/log")"
  expect_digest "$1" "$expected" "$run"
}

delta=$(only_of 101)
flip_byte "$store/$delta"
exits 3 "checkpoint-1-101.json: damaged: partition [0-9]+: .*$delta.*altered" verify "$run"
exits 0 'whole' verify "$run" 100
exits 0 "101 .* damaged: partition .*$delta" ls "$run"
exits 2 'checkpoint-1-100.json is the last one that is whole' rm "$run" 100
resumes "a flipped byte in a delta" "$delta"

again
rm "$store/$delta"
exits 3 "damaged: .*$delta" verify "$run" 101
resumes "a lost delta" "$delta"

again
flip_byte "$store/$(shared_file)"
exits 3 'checkpoint-1-100.json: damaged' verify "$run"
code=0
"$BALLAST" resume "$run" >"$scratch/log" 2>&1 || code=$?
[[ $code == 2 ]] || fail "a damaged base: expected exit code 2, saw $code"
grep -q 'no checkpoint is whole.*checkpoint-1-101.*checkpoint-1-100' "$scratch/log" ||
  fail "a damaged base: $(cat "$scratch/log")"

# Removing one leaves what the other needs.
again
exits 0 'removed checkpoint-1-100.json, and 0 B in 0 files' rm "$run" 100
exits 0 'checkpoint-1-101.json: whole' verify "$run"
exits 2 'last one that is whole' rm "$run" 101
exits 0 'removed checkpoint-1-101.json' rm "$run" 101 --force
exits 2 'there is no checkpoint in' verify "$run"
[[ -z $(find "$store" -name '*.sst') ]] || fail "files were left that nobody lists"

again
exits 0 'removed checkpoint-1-101.json' rm "$run" 1-101
exits 0 'checkpoint-1-100.json: whole' verify "$run"
"$BALLAST" resume "$run" >"$scratch/log" 2>&1 || fail "resume after rm: $(tail -n 3 "$scratch/log")"
expect_digest "resumed after the newest was removed" "$expected" "$run"

# A run that holds the store is left alone.
"$BALLAST" train "$scratch/wide.yaml" --out "$scratch/busy" --set training.steps=1000000 \
  --set checkpoint.every_steps=50 --set training.log_every=50 >"$scratch/busy.log" 2>&1 &
launcher=$!
wait_for_step "$scratch/busy" 200 "$launcher"
wait_for_checkpoint "$scratch/busy" "$launcher"
exits 2 'a run is training in .*busy' rm "$scratch/busy" 100
exits 0 'whole' ls "$scratch/busy"
kill -9 "$launcher"
wait "$launcher" || true
exits 0 'checkpoint-1-[0-9]+.json: whole' verify "$scratch/busy"
finish
