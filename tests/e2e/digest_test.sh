#!/usr/bin/env bash
# The promise: one digest on every shape of the cluster, over inproc, ipc and tcp, for a model with
# dropout and shuffling on.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

train() {
  local name=$1 spec=$2
  shift 2
  "$BALLAST" train "$spec" --out "$scratch/$name" "$@" >"$scratch/$name.log" 2>&1 ||
    fail "$name: exit code $?: $(tail -n 3 "$scratch/$name.log")"
}

for model in mlp softmax; do
  spec=examples/digits/$model.yaml
  train "$model" "$spec" --set training.epochs=12
  expected=$(digest_of "$scratch/$model")
  train "$model-again" "$spec" --set training.epochs=12
  expect_digest "$model, again" "$expected" "$scratch/$model-again"
  train "$model-threads" "$spec" --set training.epochs=12 --threads 2
  expect_digest "$model, 2 threads" "$expected" "$scratch/$model-threads"
  train "$model-seed" "$spec" --set training.epochs=12 --seed 2
  [[ $(digest_of "$scratch/$model-seed") != "$expected" ]] || fail "$model: the seed changes nothing"
  for transport in ipc tcp; do
    for shape in "1 1" "2 1" "3 2" "5 3"; do
      read -r workers servers <<<"$shape"
      name=$model-$transport-$workers-$servers
      train "$name" "$spec" --set training.epochs=12 --workers "$workers" --servers "$servers" \
        --transport "$transport"
      expect_digest "$model, $workers workers, $servers servers over $transport" "$expected" \
        "$scratch/$name"
      cmp -s "$scratch/$model/history.jsonl" "$scratch/$name/history.jsonl" ||
        fail "$name: another history"
      cmp -s "$scratch/$model/metrics.json" "$scratch/$name/metrics.json" ||
        fail "$name: other metrics"
      cmp -s "$scratch/$model/optimizer.safetensors" "$scratch/$name/optimizer.safetensors" ||
        fail "$name: another optimizer state"
    done
  done
done
finish
