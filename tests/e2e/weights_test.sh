#!/usr/bin/env bash
# Unbalanced data on real processes: one digit against nine others, examples with weights, classes
# with weights, focal loss, and a threshold that is kept with the model and applied.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

# nines.csv: the digits as nine or other, with weights 0 to 3. Beside it the same rows without the
# column, with ones, and with weights times eight; of the test split each row as often as it weighs.
python3 - "$scratch" <<'PYTHON'
import csv, sys

def write(name, header, rows):
    with open(f"{sys.argv[1]}/{name}", "w") as out:
        csv.writer(out).writerows([header] + rows)

for split in ("train", "test"):
    rows = list(csv.reader(open(f"examples/digits/digits.{split}.csv")))
    at = rows[0].index("digit")
    for row in rows[1:]:
        row[at] = "nine" if row[at] == "9" else "other"
    weights = [i * 7 % 4 for i in range(len(rows) - 1)]
    header = ["often"] + rows[0]
    def weighted(f):
        return [[f(w)] + row for w, row in zip(weights, rows[1:])]
    write(f"nines.{split}.csv", header, weighted(lambda w: w))
    write(f"ones.{split}.csv", header, weighted(lambda w: 1))
    write(f"eights.{split}.csv", header, weighted(lambda w: 8 * w))
    write(f"plain.{split}.csv", rows[0], rows[1:])
    repeated = [[1] + row for w, row in zip(weights, rows[1:]) for _ in range(w)]
    write(f"repeated.{split}.csv", header, repeated)
PYTHON

# spec NAME TRAIN TEST: with weights, unless the data has none.
spec() {
  local weight="weight: often, "
  [[ $2 != plain ]] || weight=
  cat >"$scratch/$1.yaml" <<EOF
name: nines
seed: 4
data:
  {train: $2.train.csv, test: $3.test.csv, ${weight}validation: 0.2,
   label: {column: digit, classes: [other, nine]}}
features:
  - scale: 1/16
model:
  layers:
    - dense: 24
    - relu
    - dropout: 0.2
    - dense: 1
  loss: binary_cross_entropy
training: {epochs: 6, batch: 128, leaves: 8, log_every: 5}
EOF
}

train() {
  local name=$1 spec=$2
  shift 2
  "$BALLAST" train "$scratch/$spec.yaml" --out "$scratch/$name" "$@" >"$scratch/$name.log" 2>&1 ||
    fail "$name: exit code $?: $(tail -n 3 "$scratch/$name.log")"
}

spec nines nines nines
spec plain plain plain
spec ones ones ones
spec eights eights eights
spec repeated nines repeated

# ---- what weights mean ---------------------------------------------------------------------------

train plain plain
train ones ones
expect_digest "weights of one are none" "$(digest_of "$scratch/plain")" "$scratch/ones"
train nines nines
train eights eights
expect_digest "only ratios of weights count" "$(digest_of "$scratch/nines")" "$scratch/eights"
[[ $(digest_of "$scratch/nines") != "$(digest_of "$scratch/plain")" ]] || fail "weights change nothing"

train repeated repeated
expect_digest "the test split changes no model" "$(digest_of "$scratch/nines")" "$scratch/repeated"
python3 - "$scratch" <<'PYTHON' || fail "a weight of three is not three examples"
import json, sys

weighted, repeated = (
    json.load(open(f"{sys.argv[1]}/{name}/metrics.json"))["test"] for name in ("nines", "repeated")
)
assert weighted.keys() == repeated.keys() and "roc_auc" in weighted
for name, value in weighted.items():
    assert abs(value - repeated[name]) < 1e-9, (name, value, repeated[name])
PYTHON

# ---- one digest on every shape -------------------------------------------------------------------

hard=(--set training.class_weights=balanced --set training.threshold=f1
  --set 'model.loss={binary_focal: {gamma: 1.5, alpha: 0.6}}')
train quiet nines "${hard[@]}"
expected=$(digest_of "$scratch/quiet")
[[ $expected != "$(digest_of "$scratch/nines")" ]] || fail "class weights and focal loss change nothing"
for shape in "1 1 ipc" "3 2 ipc" "5 3 tcp"; do
  read -r workers servers transport <<<"$shape"
  name=weighted-$transport-$workers-$servers
  train "$name" nines "${hard[@]}" --workers "$workers" --servers "$servers" \
    --transport "$transport"
  expect_digest "$workers workers, $servers servers over $transport" "$expected" "$scratch/$name"
  for file in history.jsonl metrics.json optimizer.safetensors model.json; do
    cmp -s "$scratch/quiet/$file" "$scratch/$name/$file" || fail "$name: another $file"
  done
done
train relaxed nines "${hard[@]}" --set 'training.consistency={bounded: 1}' --workers 2
grep -q '"threshold"' "$scratch/relaxed/model.json" || fail "a relaxed run chooses no threshold"

# ---- the threshold -------------------------------------------------------------------------------

"$BALLAST" inspect "$scratch/quiet" | grep -qE '^threshold 0\.[0-9]+ \(f1 0\.[0-9]+, chosen on validation\)$' ||
  fail "inspect shows no threshold"
"$BALLAST" report "$scratch/quiet" >/dev/null
grep -q '"threshold":{"metric":"f1",.*"chosen_on":"validation"}' "$scratch/quiet/report.html" ||
  fail "the report does not know the threshold"
"$BALLAST" predict "$scratch/quiet" "$scratch/nines.test.csv" --out "$scratch/own.csv"
"$BALLAST" predict "$scratch/quiet" "$scratch/plain.test.csv" --out "$scratch/bare.csv"
cmp "$scratch/own.csv" "$scratch/bare.csv" || fail "weights change predictions"
"$BALLAST" predict "$scratch/quiet" "$scratch/nines.test.csv" --threshold 0.05 \
  --out "$scratch/low.csv"
"$BALLAST" predict "$scratch/nines" "$scratch/nines.test.csv" --out "$scratch/half.csv"
python3 - "$scratch" <<'PYTHON' || fail "the threshold is not what the predictions and metrics say"
import csv, json, sys

scratch = sys.argv[1]
truth = list(csv.DictReader(open(f"{scratch}/nines.test.csv")))

def right_as(threshold, name):
    rows = list(csv.DictReader(open(f"{scratch}/{name}.csv")))
    assert len(rows) == len(truth)
    for row in rows:
        nine = float(row["probability_nine"]) > threshold
        assert row["prediction"] == ("nine" if nine else "other"), (threshold, row)
    return rows

threshold = json.load(open(f"{scratch}/quiet/model.json"))["threshold"]
assert threshold["metric"] == "f1" and threshold["chosen_on"] == "validation"
assert abs(threshold["value"] - 0.5) > 1e-3, threshold
rows = right_as(threshold["value"], "own")
right_as(0.05, "low")
right_as(0.5, "half")

# F1 by weight, at the threshold.
counts = {"tp": 0.0, "fp": 0.0, "fn": 0.0}
for row, true in zip(rows, truth):
    if row["prediction"] == "nine":
        counts["tp" if true["digit"] == "nine" else "fp"] += float(true["often"])
    elif true["digit"] == "nine":
        counts["fn"] += float(true["often"])
f1 = 2 * counts["tp"] / (2 * counts["tp"] + counts["fp"] + counts["fn"])
metrics = json.load(open(f"{scratch}/quiet/metrics.json"))
assert abs(f1 - metrics["test"]["f1"]) < 1e-12, (f1, metrics["test"]["f1"])
assert abs(threshold["score"] - metrics["validation"]["f1"]) < 1e-12, threshold
last = [json.loads(line) for line in open(f"{scratch}/quiet/history.jsonl")][-1]
assert last["validation"]["f1"] <= metrics["validation"]["f1"]
assert last["validation"]["roc_auc"] == metrics["validation"]["roc_auc"]
PYTHON

# ---- a search ------------------------------------------------------------------------------------

search=("${hard[@]}" --set data.validation= --set 'cross_validation={folds: 3}'
  --set 'search={metric: roc_auc, parameters: {training.class_weights: [none, balanced, {nine: 4}]}}')
"$BALLAST" search "$scratch/nines.yaml" --out "$scratch/searched" "${search[@]}" \
  >"$scratch/searched.log" 2>&1 || fail "search: $(tail -n 3 "$scratch/searched.log")"
"$BALLAST" search "$scratch/nines.yaml" --out "$scratch/fleet" "${search[@]}" --workers 3 \
  --servers 2 >"$scratch/fleet.log" 2>&1 || fail "on a fleet: $(tail -n 3 "$scratch/fleet.log")"
for file in cv.json results.csv predictions.csv refit/model.safetensors refit/metrics.json; do
  cmp "$scratch/searched/$file" "$scratch/fleet/$file" || fail "search on a fleet: another $file"
done
python3 - "$scratch/searched" <<'PYTHON' || fail "the refit does not decide as the held-out examples say"
import csv, json, sys

directory = sys.argv[1]
cv = json.load(open(f"{directory}/cv.json"))
kept = json.load(open(f"{directory}/refit/model.json"))["threshold"]
assert kept.pop("chosen_on") == "out_of_fold"
told = cv["curves"]["threshold"]
assert told.pop("applied") is True and kept == told, (kept, told)
rows = list(csv.DictReader(open(f"{directory}/predictions.csv")))
assert {row["weight"] for row in rows} == {"0.0", "1.0", "2.0", "3.0"}
nine = [float(row["probability of nine"]) > kept["value"] for row in rows]
true = [row["actual"] == "nine" for row in rows]
matrix = [[sum(t == a and n == p for t, n in zip(true, nine)) for p in (False, True)]
          for a in (False, True)]
assert matrix == cv["curves"]["confusion"]["counts"], (matrix, cv["curves"]["confusion"])
tp, fp, fn = (sum(float(row["weight"]) for row, t, n in zip(rows, true, nine) if (t, n) == kind)
              for kind in ((True, True), (False, True), (True, False)))
assert abs(2 * tp / (2 * tp + fp + fn) - kept["score"]) < 1e-12
scores = [c["mean"]["roc_auc"] for c in cv["configurations"]]
assert len(set(scores)) == 3, scores
PYTHON

# ---- mistakes ------------------------------------------------------------------------------------

{
  head -n 3 "$scratch/nines.train.csv"
  sed -n 4p "$scratch/nines.train.csv" | sed 's/^[0-9]*/-1/'
} >"$scratch/negative.train.csv"
spec negative negative nines
sed -i 's/, classes: \[other, nine\]//' "$scratch/nines.yaml"
out=(--out "$scratch/never")
mistake "a weight below zero" 'negative\.train\.csv:4:1: expected a weight' \
  train "$scratch/negative.yaml" "${out[@]}"
mistake "a column that is not there" 'data\.weight: there is no column "oftn".*often' \
  train "$scratch/nines.yaml" --set data.weight=oftn "${out[@]}"
mistake "a class that is not there" 'training\.class_weights \(line [0-9]+\): there is no class "nein"' \
  train "$scratch/nines.yaml" --set 'training.class_weights={nein: 2}' "${out[@]}"
mistake "a threshold without validation" 'training\.threshold: the threshold is chosen on the validation split' \
  train "$scratch/nines.yaml" --set training.threshold=f1 --set data.validation= "${out[@]}"
mistake "a threshold that only folds could choose" 'training\.threshold is chosen on the validation' \
  train "$scratch/nines.yaml" --set training.threshold=f1 --set data.validation= \
  --set 'cross_validation={folds: 3}' "${out[@]}"
"$BALLAST" train examples/digits/softmax.yaml --set training.epochs=1 --out "$scratch/softmax" \
  >/dev/null 2>&1 || fail "softmax"
mistake "a threshold of many classes" '--threshold.*binary' \
  predict "$scratch/softmax" examples/digits/digits.test.csv --threshold 0.3
[[ ! -e $scratch/never ]] || fail "something was written"
finish
