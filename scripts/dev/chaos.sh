# chaos: train on real processes that are killed, stopped, cut off and starved of disk.
#
# Usage: ./dev chaos [--kills N] [--seed S] [EXAMPLE/MODEL ...]
#        ./dev chaos --latency [--kills N] [EXAMPLE/MODEL]
#        ./dev chaos --search [--kills N] [--seed S] [EXAMPLE/SPEC]
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
#   --search       search for the best of many configurations (adult/search: 12 on 5 splits), again and
#                  again, and kill the coordinator, a server and two workers of each search at random
#                  moments, until N (20) were killed. Results and model must be those of the quiet
#                  search, and no run that has ended may be done again. Steps are those of any run
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
  if [[ " $* " != *" "*/*" "* ]]; then
    case " $* " in
      *" --latency "*) ;;
      *" --search "*) run_verb data adult ;;
      *) run_verb data all ;;
    esac
  fi
  python3 -B tests/chaos/chaos.py "$@"
}
