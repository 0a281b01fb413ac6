# chaos: train on real processes that are killed, stopped, cut off and starved of disk.
#
# Usage: ./dev chaos [--kills N] [--seed S] [EXAMPLE/MODEL ...]
#        ./dev chaos --latency [--kills N] [EXAMPLE/MODEL]
#
# Each example is trained quietly first, then again and again on clusters that the seed draws, while
# faults strike, until N processes (50) were killed. Whatever ends is started again; nothing else
# is done by hand. Every model must have the bits of the quiet one. A table says what each fault cost:
#
#   next step       from the fault to the next committed step
#   longest pause   without a commit, from the fault on; a step that was all but done may still be
#                   committed right after a fault, so this is what the fault cost
#   steps again     done a second time, after going back to a checkpoint
#
# Network partitions (between namespaces) and full disks (small tmpfs) need root, and happen in
# namespaces of their own.
#
#   --latency      kill N (20) servers, workers and coordinators, one at a time, and time it
#   --no-root      only the faults that need no root
#   --patience S   seconds without a step after which a run hangs (120)
#   --keep         keep the directory of runs that went well too

# shellcheck shell=bash

dev_chaos() {
  build_preset release ballast
  local word
  for word in "$@"; do
    [[ $word != */* || $word == digits/* ]] || run_verb data "${word%%/*}"
  done
  [[ " $* " == *" "*/*" "* || " $* " == *" --latency "* ]] || run_verb data all
  python3 -B tests/chaos/chaos.py "$@"
}
