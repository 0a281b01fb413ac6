#!/usr/bin/env bash
# The folds as a job's workers read them: no group on both sides, no future in training. On data made
# here, and on the examples' where a mirror has it.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

# cross_validate NAME SPEC ARGUMENTS...: one step of each run is enough to have its folds.
cross_validate() {
  local name=$1 spec=$2
  shift 2
  "$BALLAST" cv "$spec" --out "$scratch/$name" --threads 2 --set training.epochs=0.001 \
    --set cluster.partitions=1 "$@" \
    >"$scratch/$name.log" 2>&1 || fail "$name: $(tail -n 3 "$scratch/$name.log")"
}

# expect_apart NAME SOURCE group|time COLUMN
expect_apart() {
  local name=$1
  shift
  python3 tests/e2e/check_folds.py "$scratch/$name" "$@" 2>"$scratch/$name.err" ||
    fail "$name: $(tail -n 1 "$scratch/$name.err")"
}

# 300 visits by nine people, not in the order of time, several on the same day.
awk 'BEGIN {
  print "person,day,x,y"
  for (i = 0; i < 300; ++i) {
    day = (i * 77) % 97
    printf "p%02d,2024-%02d-%02d,%d,%d\n", (i * i) % 40, 1 + day / 28, 1 + day % 28, i % 7, i % 5
  }
}' >"$scratch/visits.csv"
cat >"$scratch/visits.yaml" <<EOF
data:
  train: visits.csv
  columns: {person: skip, day: skip, x: number, y: number}
  label: y
model: linear
EOF
for split in grouped leave_one_group_out; do
  cross_validate "$split" "$scratch/visits.yaml" \
    --set "cross_validation={split: $split, group: person}"
  expect_apart "$split" "$scratch/visits.csv" group person
done
for split in expanding sliding; do
  cross_validate "$split" "$scratch/visits.yaml" \
    --set "cross_validation={split: $split, time: day, folds: 4, gap: 10}"
  expect_apart "$split" "$scratch/visits.csv" time day
done

# A nested search: its inner splits are made as the outer ones, of their training examples alone, and
# transforms are fitted on what each run trains on.
for how in "group person grouped" "time day expanding"; do
  read -r kind column split <<<"$how"
  "$BALLAST" search "$scratch/visits.yaml" --out "$scratch/nested-$split" --threads 2 \
    --set training.epochs=0.001 --set cluster.partitions=1 --set 'features=[{standardize: x}]' \
    --set "cross_validation={split: $split, $kind: $column, folds: 3}" \
    --set 'search={nested: {folds: 2}, parameters: {optimizer.learning_rate: [0.1, 0.2]}}' \
    >"$scratch/nested.log" 2>&1 || fail "nested $split: $(tail -n 3 "$scratch/nested.log")"
  [[ $(find "$scratch/nested-$split/runs" -name 'r*-f*-c*' | wc -l) == 12 ]] ||
    fail "nested $split: expected 2 configurations on 3 times 2 inner splits"
  expect_apart "nested-$split" "$scratch/visits.csv" "$kind" "$column" x
done

# The checks can fail: k_fold knows neither groups nor times.
cross_validate k_fold "$scratch/visits.yaml" --set 'cross_validation={split: k_fold}'
for what in "group person" "time day"; do
  # shellcheck disable=SC2086
  ! python3 tests/e2e/check_folds.py "$scratch/k_fold" "$scratch/visits.csv" $what \
    >"$scratch/k_fold.out" 2>&1 || fail "k_fold: passed for apart by $what"
  grep -q AssertionError "$scratch/k_fold.out" || fail "k_fold: $(tail -n 1 "$scratch/k_fold.out")"
done

# example NAME MIRRORED FILE group|time COLUMN
example() {
  local name=$1 mirrored=$2 file=$3
  shift 3
  if [[ ! -d ${BALLAST_DATA_MIRROR:-../shared/data}/$mirrored ]]; then
    printf 'not looked at: %s, since no mirror has %s\n' "$name" "$mirrored"
    return 0
  fi
  ./dev data "$name" --into "$scratch/data/$name" >/dev/null || fail "$name: no data"
  cross_validate "$name" "examples/$name/cv.yaml" --set "data.train=$scratch/data/$name/$file"
  expect_apart "$name" "$scratch/data/$name/$file" "$@"
}
example bike-sharing bike_sharing hour.csv.gz time dteday
example movielens movielens_100k ratings.csv.gz group user
finish
