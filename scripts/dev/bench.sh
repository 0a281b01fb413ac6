# bench: build and run the benchmarks and comparisons in bench/.
#
# Usage: ./dev bench               what there is
#        ./dev bench NAME [ARGUMENTS]
#
#   kernels   what partitions and leaves do most, beside the limits of the machine (Google Benchmark;
#             the arguments are its own, such as --benchmark_filter=tree_add)
#   cuts      what a checkpoint costs the steps around it, and to write  [MiB of weights [DIRECTORY]]
#   checkpoint  what checkpoints cost a whole run of 1 GiB  [--mib N] [--seconds N] [--models NAMES]
#   shapes    examples a second by workers, servers and threads  [SPEC]
#   digits    the digits MLP on five folds
#   search    cross-validation and a search beside scikit-learn (needs ./dev data adult)
#   disk      what a cross-validation takes beside one training run (needs ./dev data adult)
#   folds     time-ordered and grouped folds beside scikit-learn (needs ./dev data bike-sharing
#             and movielens)
#   queue     what 10,000 queued jobs and 100 dashboards cost a job that trains under a service
#             [--jobs N] [--dashboards N] [--seconds N] [--rounds N]
#   curve     what encrypted links cost, small messages and large ones  [--rounds N] [--steps N]
#   a9a       logistic regression beside LIBLINEAR (needs ./dev data a9a)
#
# bench/README.md has the figures of this commit. The packages they need are installed first.

# shellcheck shell=bash

dev_bench() {
  local name=${1:-}
  (($# == 0)) || shift
  case $name in
    '')
      help_of bench
      return 0
      ;;
    kernels | cuts | checkpoint | shapes | digits | search | folds | disk | queue | curve | a9a) ;;
    *)
      fail_usage "bench: expected kernels, cuts, checkpoint, shapes, digits, search, folds, disk," \
        "queue, curve or a9a," \
        "saw '$name'"
      ;;
  esac
  run_verb setup --bench
  build_preset release ballast
  "bench_$name" "$@"
}

# The median and the spread of five rounds; the machine stands above the table.
bench_kernels() {
  [[ -f build/release/bench/bench_kernels ]] || cmake --preset release
  build_preset release bench_kernels
  build/release/bench/bench_kernels --benchmark_repetitions=5 \
    --benchmark_report_aggregates_only=true --benchmark_min_time=0.2 \
    --benchmark_out=build/bench-kernels.json --benchmark_out_format=json "$@"
  say "also in build/bench-kernels.json"
}

bench_cuts() {
  build_preset release bench_cuts
  build/release/bench/bench_cuts "$@"
}

bench_checkpoint() { bench/checkpoint.py "$@"; }

bench_shapes() { bench/shapes.py "$@"; }

bench_curve() { bench/curve.py "$@"; }

bench_queue() { bench/queued_jobs.py "$@"; }

bench_digits() { bench/digits_folds.py; }

bench_search() {
  run_verb data adult
  /usr/bin/python3 bench/search_sklearn.py "$@"  # Where the package is.
}

bench_disk() {
  run_verb data adult
  bench/disk.py "$@"
}

bench_folds() {
  run_verb data bike-sharing
  run_verb data movielens
  PYTHONWARNINGS=ignore /usr/bin/python3 bench/folds_sklearn.py "$@"
}

bench_a9a() {
  run_verb data a9a
  build/release/ballast train examples/a9a/logistic.yaml --out runs/bench-a9a --overwrite
  bench/a9a_liblinear.py runs/bench-a9a
}
