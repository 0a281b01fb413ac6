#!/usr/bin/env bash
# A real S3 server: data and checkpoints in it, everything killed, resumed on another shape. The
# digest is that of the quiet run with files of this machine.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

if [[ ! -x build/s3/serve ]]; then
  printf 'skipped: there is no S3 server; scripts/s3_server.sh installs one\n'
  exit 77
fi

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
build/s3/serve "$scratch/server" "$port" >"$scratch/server.log" 2>&1 &
export AWS_ENDPOINT_URL=http://127.0.0.1:$port AWS_ACCESS_KEY_ID=tester
export AWS_SECRET_ACCESS_KEY=testing AWS_REGION=us-east-1

# put OBJECT [FILE]: by curl, whose signatures are not ours; without a file a bucket.
put() {
  curl -sS --fail --retry 30 --retry-connrefused --retry-delay 1 -o /dev/null \
    --aws-sigv4 "aws:amz:$AWS_REGION:s3" --user tester:testing \
    -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' ${2:+-T "$2"} -X PUT "$AWS_ENDPOINT_URL/$1"
}

mkdir "$scratch/data"
digits=examples/digits/digits
head -n 700 "$digits.train.csv" | gzip >"$scratch/data/part-1.csv.gz"
(head -n 1 "$digits.train.csv" && tail -n +701 "$digits.train.csv") | gzip >"$scratch/data/part-2.csv.gz"
cp "$digits.test.csv" "$scratch/data/test.csv"
put bucket || fail "the server takes no bucket: $(tail -n 3 "$scratch/server.log")"
for file in part-1.csv.gz part-2.csv.gz test.csv; do
  put "bucket/data/$file" "$scratch/data/$file" || fail "the server takes no $file"
done

spec=examples/digits/mlp.yaml
store=s3://bucket/runs/digits
long=(--set training.epochs=100 --set checkpoint.every_steps=400 --set training.evaluate_every=1050)
here=(--set "data.train=$scratch/data/part-*.csv.gz" --set "data.test=$scratch/data/test.csv")
there=(--set "data.train=s3://bucket/data/part-*.csv.gz" --set data.test=s3://bucket/data/test.csv
  --set "checkpoint.store=$store")

"$BALLAST" train "$spec" --out "$scratch/quiet" "${long[@]}" "${here[@]}" >/dev/null
expected=$(digest_of "$scratch/quiet")

# Credentials that the server does not know, and an address without a bucket, before any training.
AWS_SECRET_ACCESS_KEY=wrong mistake "a wrong secret" \
  'key tester of AWS_ACCESS_KEY_ID; check that they are right' \
  train "$spec" --out "$scratch/out" "${there[@]}"
mistake "no such bucket" 'there is no bucket bukket' \
  train "$spec" --out "$scratch/out" "${there[@]}" --set checkpoint.store=s3://bukket/runs
mistake "no such object" 'data.train: no object matches s3://bucket/data/no-' \
  train "$spec" --out "$scratch/out" --set 'data.train=s3://bucket/data/no-*.csv' --set data.test=

"$BALLAST" train "$spec" --out "$scratch/run" --workers 2 --servers 2 "${long[@]}" "${there[@]}" \
  >"$scratch/run.log" 2>&1 &
launcher=$!
wait_for_step "$scratch/run" 1000 "$launcher"
members=$(pgrep -P "$launcher")
kill -9 "$launcher"
wait "$launcher" || true
for member in $members; do
  tail -s 0.1 --pid="$member" -f /dev/null # Members end with their launcher.
done
[[ ! -e $scratch/run/checkpoints ]] || fail "checkpoints are in the output directory too"
"$BALLAST" checkpoint ls "$store" >"$scratch/ls.log" 2>&1 || fail "ls: $(cat "$scratch/ls.log")"
grep -q ' whole$' "$scratch/ls.log" || fail "no checkpoint was kept: $(cat "$scratch/ls.log")"

mistake "a store that holds a run" 'holds a run already' \
  train "$spec" --out "$scratch/out" "${long[@]}" "${there[@]}"

"$BALLAST" resume "$scratch/run" --workers 1 --servers 3 >"$scratch/run.log" 2>&1 ||
  fail "resume: $(tail -n 3 "$scratch/run.log")"
expect_digest "everything killed, resumed from S3" "$expected" "$scratch/run"
cmp -s "$scratch/quiet/history.jsonl" "$scratch/run/history.jsonl" || fail "resumed: another history"

# The verbs, by the output directory and by the address; what no manifest lists was removed.
"$BALLAST" checkpoint verify "$scratch/run" >"$scratch/verify.log" 2>&1 ||
  fail "verify: $(cat "$scratch/verify.log")"
oldest=$("$BALLAST" checkpoint ls "$store" --json | grep -m1 -oE '"checkpoint-[0-9]+-[0-9]+' | cut -d- -f2,3)
"$BALLAST" checkpoint rm "$store" "$oldest" >"$scratch/rm.log" 2>&1 ||
  fail "rm: $(cat "$scratch/rm.log")"
! "$BALLAST" checkpoint ls "$store" --json | grep -q "checkpoint-$oldest" || fail "rm: it is still there"
"$BALLAST" inspect "$store" >"$scratch/inspect.log" 2>&1 || fail "inspect: $(cat "$scratch/inspect.log")"

# Files by address go through predict too.
"$BALLAST" predict "$scratch/run" "$scratch/data/test.csv" >"$scratch/by-path"
"$BALLAST" predict "$scratch/run" s3://bucket/data/test.csv >"$scratch/by-address"
cmp -s "$scratch/by-path" "$scratch/by-address" || fail "predict: other predictions by address"

# Another run in its place, which must not take its checkpoints for its own.
"$BALLAST" train "$spec" --out "$scratch/run" --overwrite --seed 2 --set training.epochs=2 \
  "${there[@]}" >"$scratch/run.log" 2>&1 || fail "overwrite: $(tail -n 3 "$scratch/run.log")"
"$BALLAST" train "$spec" --out "$scratch/short" --seed 2 --set training.epochs=2 "${here[@]}" >/dev/null
expect_digest "another run in its place" "$(digest_of "$scratch/short")" "$scratch/run"
finish
