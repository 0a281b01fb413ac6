# demo: install, build, and train two models on handwritten digits.
#
# Usage: ./dev demo
#
# Trains softmax regression and a small MLP on examples/digits, which is shipped, and leaves the
# models in runs/digits-softmax and runs/digits-mlp.

# shellcheck shell=bash

dev_demo() {
  (($# == 0)) || fail_usage "demo takes no argument, saw '$1'"
  run_verb setup
  build_preset release ballast

  local model started=$SECONDS
  for model in softmax mlp; do
    say "ballast train examples/digits/$model.yaml --out runs/digits-$model --overwrite"
    build/release/ballast train "examples/digits/$model.yaml" --out "runs/digits-$model" --overwrite
  done

  say "both models trained in $((SECONDS - started)) s:"
  sha256sum runs/digits-{softmax,mlp}/model.safetensors
  say "metrics are in runs/digits-*/metrics.json, the history beside them in history.jsonl"
  say "the digests are the same on any number of threads, workers and servers; try"
  printf '    build/release/ballast train examples/digits/mlp.yaml --out runs/digits-3x2 %s\n' \
    '--workers 3 --servers 2'
}
