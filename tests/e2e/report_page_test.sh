#!/usr/bin/env bash
# ballast report: of real and of made-up directories, looked at in a browser. With
# BALLAST_REPORT_PICTURES set to a directory, screenshots and prints are left there.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

: "${BALLAST_NODE:?the node that CMake found}"
: "${BALLAST_PAGE_PACKAGES:?where npm put the packages of the pages}"

# mistake NAME EXPECTED-TEXT DIRECTORY: exit code 2, one line on stderr, no report.
mistake() {
  local name=$1 text=$2 directory=$3 code=0
  "$BALLAST" report "$directory" >"$scratch/out" 2>"$scratch/log" || code=$?
  if [[ $code != 2 ]]; then
    fail "$name: expected exit code 2, saw $code: $(cat "$scratch/log")"
  elif ! grep -qE -- "$text" "$scratch/log" || (($(wc -l <"$scratch/log") != 1)); then
    fail "$name: expected one line with /$text/, saw: $(cat "$scratch/log")"
  elif [[ -s $scratch/out || -e $directory/report.html ]]; then
    fail "$name: something was written"
  else
    printf 'ok: %s\n' "$name"
  fi
}

# report DIRECTORY: prints where the page is, and it is there.
report() {
  local said
  said=$("$BALLAST" report "$1") || fail "report of $1"
  [[ $said == "$1/report.html" && -s $said ]] || fail "report of $1: expected its place, saw '$said'"
}

pages=$scratch/pages
"$BALLAST_NODE" tests/e2e/report/write_fixtures.mjs "$pages"
"$BALLAST" train examples/digits/mlp.yaml --out "$pages/training" \
  --set training.epochs=12 --set training.log_every=10 >/dev/null || fail "training"
digest=$(digest_of "$pages/training")

# Every metric that there is, two searches in one, and a final model beside them.
"$BALLAST" search examples/digits/cv.yaml --threads 2 --out "$pages/nested" \
  --set training.epochs=3 --set cross_validation.folds=3 \
  --set 'search={method: random, configurations: 4, nested: {folds: 2}, parameters: {optimizer.learning_rate: {log_uniform: [0.001, 0.5]}, training.batch: [32, 64, 128]}}' \
  >/dev/null || fail "a nested search"

# What a run that was killed early leaves, with a line that it was writing.
mkdir "$pages/unfinished"
cp "$pages/training/job.json" "$pages/unfinished/"
{
  head -n 5 "$pages/training/history.jsonl"
  printf '{"step":60,"epo'
} >"$pages/unfinished/history.jsonl"

for directory in "$pages"/*/; do report "${directory%/}"; done
grep -q "\"digest\":\"$digest\"" "$pages/training/report.html" || fail "the page lacks the digest"
[[ $(digest_of "$pages/training") == "$digest" ]] || fail "a report changed the model"
cp "$pages/training/report.html" "$scratch/first.html"
report "$pages/training"
cmp -s "$scratch/first.html" "$pages/training/report.html" || fail "a second report differs"

# A run of a job keeps its metrics and no model.
cp -r "$pages/training" "$scratch/fold"
rm "$scratch/fold"/{model.json,model.safetensors,optimizer.safetensors,report.html}
report "$scratch/fold"
grep -q '"state":"done"' "$scratch/fold/report.html" || fail "a run of a job counts as unfinished"

mistake "no such directory" 'nowhere: expected .*job\.json.*cv\.json' "$scratch/nowhere"
mkdir "$scratch/empty"
mistake "an empty directory" 'empty: expected the output directory of a training run' "$scratch/empty"
broken() { # NAME FILE TEXT EXPECTED
  rm -rf "$scratch/broken"
  cp -r "$pages/${5:-binary-search}" "$scratch/broken"
  rm -f "$scratch/broken/report.html"
  printf '%s' "$3" >"$scratch/broken/$2"
  mistake "$1" "$4" "$scratch/broken"
}
broken "a job cut short" cv.json '{"kind":"search"' 'broken: truncated or altered: expected a job'
broken "a job of another kind" cv.json '{"kind":"dance"}' 'search or training, saw "dance"'
broken "timings cut short" timings.json '{"runs":' 'truncated or altered: expected timings'
broken "metrics cut short" metrics.json '{' 'metrics\.json: truncated or altered' training
broken "a history of something else" history.jsonl $'{"step":1}\n[]\n' \
  'history\.jsonl: truncated or altered: line 2' training
broken "a model that is none" model.json '{}' 'truncated or altered' training
broken "a job file cut short" job.json '{' 'job\.json' training

"$BALLAST_NODE" tests/e2e/report/browser.mjs "$BALLAST_PAGE_PACKAGES" "$pages" \
  ${BALLAST_REPORT_PICTURES:+"$BALLAST_REPORT_PICTURES"} || fail "the pages as a browser shows them"
finish
