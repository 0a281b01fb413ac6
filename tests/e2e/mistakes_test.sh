#!/usr/bin/env bash
# What users get wrong: one clear sentence, exit code 2, nothing half written.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

printf 'a,b,label\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n' >"$scratch/good.csv"
printf 'a,b,label\n1,2,x\n3,oops,y\n' >"$scratch/word.csv"
printf 'a,b,label\n1,2,x\n3,nan,y\n' >"$scratch/nan.csv"
printf 'a,b,label\n1,2,x\n3,y\n' >"$scratch/short.csv"
printf 'a,b,label\n' >"$scratch/empty.csv"
printf 'a,b,label\n1,2,x\n3,4,z\n' >"$scratch/stranger.csv"

# spec NAME TRAIN-FILE [EXTRA LINES]
spec() {
  printf 'data:\n  train: %s\n  columns: {a: number, b: number, label: category}\n  label: label\n' \
    "$2" >"$scratch/$1.yaml"
  printf 'model: softmax\ntraining: {epochs: 2, batch: 2}\n%s\n' "${3:-}" >>"$scratch/$1.yaml"
}

begun=job.json

train() {
  mistake "$1" "$2" train "$scratch/$3.yaml" --out "$scratch/out" "${@:4}"
}

spec good good.csv
"$BALLAST" train "$scratch/good.yaml" --out "$scratch/model" >/dev/null || fail "the good spec fails"

train "misspelt field" 'trainning.*training' good --set trainning.epochs=3
train "wrong type" 'epochs.*many' good --set training.epochs=many
train "more steps than are counted" 'more than 1000000000000000 steps' good --set training.epochs=1e20
train "override of nothing" 'model\.nothing|nothing' good --set model.nothing=1
train "impossible combination" 'cross_entropy|linear' good --set model=linear --set model.loss=cross_entropy
spec missing nowhere.csv
train "missing file" 'nowhere\.csv' missing
spec word word.csv
train "a word for a number" 'word\.csv:3:3.*oops' word
spec nan nan.csv
train "not a number" 'nan\.csv:3:3' nan
spec short short.csv
train "too few cells" 'short\.csv:3' short
spec empty empty.csv
train "no rows" 'empty\.csv' empty
spec stranger good.csv
sed -i "s|  train: good.csv|  train: good.csv\n  test: stranger.csv|" "$scratch/stranger.yaml"
train "unknown class in the test file" "stranger\.csv:3.*z" stranger
spec diverges good.csv 'optimizer: {sgd: {learning_rate: 1.0e+30}}'
sed -i 's/^model: softmax/model: linear/; s/label: category/label: number/' "$scratch/diverges.yaml"
sed -i 's/good.csv/numbers.csv/' "$scratch/diverges.yaml"
printf 'a,b,label\n1,2,1\n3,4,9\n5,6,2\n7,8,4\n' >"$scratch/numbers.csv"
begun=model.json # Only training shows it; no model comes of it.
train "a loss that is not finite" 'not finite.*learning_rate' diverges --set training.epochs=50
begun=job.json
printf 'data: [' >"$scratch/syntax.yaml"
train "not YAML" 'syntax\.yaml:1' syntax
mistake "no such spec" 'nowhere\.yaml' train "$scratch/nowhere.yaml"
mistake "unknown verb" 'no verb "trian"; did you mean train\?' trian
mistake "a verb like no other" 'no verb "xyzzy"; expected one of train, cv, search, resume' xyzzy
for seed in -1 18446744073709551616 1.5 ''; do
  train "seed '$seed'" 'expected a whole number from 0' good --seed "$seed"
done
mistake "a wait below zero" 'wait.*-1 not in range' \
  worker --coordinator tcp://127.0.0.1:7700 --wait -1
mistake "a buffer below zero" 'buffer.*-5 not in range' \
  server --coordinator ipc:///nowhere --home "$scratch/home" --buffer -5
mistake "unknown option" 'wrokers' train "$scratch/good.yaml" --wrokers 2
mistake "an output that holds a run" 'resume' train "$scratch/good.yaml" --out "$scratch/model"
mistake "resume of nothing" 'job\.json' resume "$scratch/nowhere"
mistake "a remote endpoint in the clear" 'keys.*insecure' \
  worker --coordinator tcp://192.0.2.1:7700 --wait 1

# What needs no data to be seen is told before any is read: that may take an hour. Both have a cache
# of their own, or nothing would be read.
early() {
  mistake "$1" "$2" "${@:3}" --cache "$scratch/cache.early"
  if [[ -e $scratch/cache.early ]]; then fail "$1: the data was read first"; fi
  rm -rf "$scratch/cache.early"
}
touch "$scratch/file"
early "an output that is a file" 'file: expected a directory to write to.*choose another --out$' \
  train "$scratch/good.yaml" --out "$scratch/file"
early "an output below a file" 'file/out: expected a directory to write to.*choose another --out$' \
  train "$scratch/good.yaml" --out "$scratch/file/out"
early "an output that is a file, of folds" 'file: expected a directory to write to.*another --out$' \
  cv "$scratch/good.yaml" --out "$scratch/file"
early "an endpoint that is none" "endpoint 'tcp://127.0.0.1': expected tcp://HOST:PORT" \
  coordinator "$scratch/good.yaml" --out "$scratch/out" --listen tcp://127.0.0.1
early "an endpoint beyond this machine" 'keys.*insecure' \
  cv "$scratch/good.yaml" --out "$scratch/out" --listen 'tcp://*:7700'
mistake "a home that is a file" 'file: expected a directory to write to.*choose another --home$' \
  server --coordinator tcp://127.0.0.1:7700 --home "$scratch/file" --wait 1
mistake "a socket in no directory" 'nowhere is no directory; make it first$' \
  coordinator "$scratch/good.yaml" --out "$scratch/out" --listen "ipc://$scratch/nowhere/socket"
if ! grep -q amx_bf16 /proc/cpuinfo; then
  early "kernels for another CPU" 'cluster\.kernel.*cannot run sapphirerapids.*haswell' \
    train "$scratch/good.yaml" --out "$scratch/out" --set cluster.kernel=sapphirerapids
fi

# Data that was changed behind our back, when nothing is left of the old.
cp "$scratch/good.csv" "$scratch/changed.csv"
spec changed changed.csv
"$BALLAST" train "$scratch/changed.yaml" --out "$scratch/changed" >/dev/null || fail "before the change"
printf '9,9,y\n' >>"$scratch/changed.csv"
rm -rf "$BALLAST_CACHE"
mistake "resume on other data" 'data of run .* has changed since' resume "$scratch/changed"
mistake "a coordinator on other data" 'holds another run .its data is another one' \
  coordinator "$scratch/changed.yaml" --out "$scratch/changed" --listen "ipc://$scratch/socket"

# A model that was changed behind our back.
cp -r "$scratch/model" "$scratch/altered"
printf 'x' | dd of="$scratch/altered/model.safetensors" bs=1 seek=250 conv=notrunc status=none
mistake "altered model" 'altered.*SHA-256' predict "$scratch/altered" "$scratch/good.csv"
mistake "altered model, inspected" 'altered|checksum' inspect "$scratch/altered"
head -c -1 "$scratch/model/model.safetensors" >"$scratch/altered/model.safetensors"
mistake "truncated model" 'truncated|SHA-256' predict "$scratch/altered" "$scratch/good.csv"
for name in model.json job.json; do
  cp -r "$scratch/model" "$scratch/$name.d"
  rm "$scratch/$name.d/model.safetensors"
  head -c 100 "$scratch/model/$name" >"$scratch/$name.d/$name"
done
mistake "truncated description" 'model\.json: truncated or altered.*train again$' \
  predict "$scratch/model.json.d" "$scratch/good.csv"
mistake "truncated job" 'job\.json: truncated or altered.*overwrite$' resume "$scratch/job.json.d"
cp -r "$scratch/model" "$scratch/bent"
sed -i 's/"step": 4/"step": 5/' "$scratch/bent/model.json"
mistake "altered description" 'model\.json: truncated or altered.*train again$' \
  predict "$scratch/bent" "$scratch/good.csv"
cp "$scratch/model/job.json" "$scratch/bent/job.json"
rm "$scratch/bent/model.safetensors"
sed -i 's/"format"/"formed"/' "$scratch/bent/job.json"
mistake "altered job" 'job\.json: truncated or altered.*overwrite$' resume "$scratch/bent"
rm "$scratch/bent/checkpoints/"*.sst
cp "$scratch/model/job.json" "$scratch/bent/job.json"
mistake "no checkpoint that is whole" 'no checkpoint is whole.*train again with --overwrite$' \
  resume "$scratch/bent"
mistake "predict on another format" 'word\.csv:3' predict "$scratch/model" "$scratch/word.csv"
mistake "predict into a directory" 'expected a file to write to, got a directory' \
  predict "$scratch/model" "$scratch/good.csv" --out "$scratch"
mistake "predict into no directory" 'nowhere is none; make it first' \
  predict "$scratch/model" "$scratch/good.csv" --out "$scratch/nowhere/p.csv"
finish
