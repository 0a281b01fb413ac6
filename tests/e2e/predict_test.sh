#!/usr/bin/env bash
# predict applies a model with its transforms: its accuracy is the one that training reported.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

"$BALLAST" train examples/digits/mlp.yaml --out "$scratch/model" --set training.epochs=5 >/dev/null
"$BALLAST" predict "$scratch/model" examples/digits/digits.test.csv --out "$scratch/p.csv"
"$BALLAST" predict "$scratch/model" examples/digits/digits.test.csv --format jsonl >"$scratch/p.jsonl"

python3 - "$scratch" <<'PYTHON' || fail "the predictions do not fit the metrics"
import csv, json, math, sys

scratch = sys.argv[1]
reported = json.load(open(f"{scratch}/model/metrics.json"))["test"]
rows = list(csv.DictReader(open(f"{scratch}/p.csv")))
lines = [json.loads(line) for line in open(f"{scratch}/p.jsonl")]
truth = list(csv.DictReader(open("examples/digits/digits.test.csv")))
assert len(rows) == len(lines) == len(truth), (len(rows), len(lines), len(truth))
right = sum(row["prediction"] == true["digit"] for row, true in zip(rows, truth))
assert abs(right / len(rows) - reported["accuracy"]) < 1e-12, (right, reported)
loss = -sum(
    math.log(float(row["probability_" + true["digit"]])) for row, true in zip(rows, truth)
) / len(rows)
assert abs(loss - reported["log_loss"]) < 1e-5, (loss, reported)
for row, line in zip(rows, lines):
    assert row["prediction"] == line["prediction"]
    assert abs(sum(line["probabilities"].values()) - 1.0) < 1e-5
PYTHON

# Without the label column, and the same numbers.
python3 - "$scratch" <<'PYTHON'
import csv, sys

with open("examples/digits/digits.test.csv") as source, open(f"{sys.argv[1]}/x.csv", "w") as out:
    rows = list(csv.reader(source))
    at = rows[0].index("digit")
    csv.writer(out).writerows([row[:at] + row[at + 1 :] for row in rows])
PYTHON
"$BALLAST" predict "$scratch/model" "$scratch/x.csv" --out "$scratch/q.csv" || fail "without labels"
cmp "$scratch/p.csv" "$scratch/q.csv" || fail "labels change predictions"

# Pipes at both ends: neither is replaced by a file, nor taken for an empty one.
mkfifo "$scratch/pipe"
cat "$scratch/pipe" >"$scratch/r.csv" &
reader=$!
"$BALLAST" predict "$scratch/model" <(cat "$scratch/x.csv") --out "$scratch/pipe" ||
  fail "through pipes"
[[ -p $scratch/pipe ]] || fail "--out replaces a pipe by a file"
if [[ -p $scratch/pipe ]]; then wait "$reader"; else kill "$reader"; fi
cmp "$scratch/p.csv" "$scratch/r.csv" || fail "pipes change predictions"
finish
