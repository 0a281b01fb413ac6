# simulate: train on simulated clusters, one per seed, and compare the bits.
#
# Usage: ./dev simulate [--seeds N] [--first S]      N seeds, from S on, on all cores
#        ./dev simulate --seed S [--trace]           one seed, with every event
#        ./dev simulate --model [--states N]         every interleaving of a very small cluster
#        ./dev simulate --mutations [NAME...]        break the protocol on purpose, and be found out
#
# Each seed draws a cluster, a network and its faults; the model must end bit for bit the same as
# that of the plain loop in one process. A failing seed fails the same way every time.
#
#   --until-failure   no further than to the first seed that fails
#   --mutations       apply each patch of tests/simulation/mutations to a copy of the sources, in
#                     build/mutations, and simulate 1000 seeds until one fails, the one that the
#                     patch names first; none may pass them all

# shellcheck shell=bash

dev_simulate() {
  if [[ ${1:-} == --model ]]; then
    shift
    build_preset release model
    build/release/tests/model "$@"
    return
  fi
  if [[ ${1:-} == --mutations ]]; then
    shift
    source scripts/dev/mutations.sh
    mutate "$@"
    return
  fi
  build_preset release simulate
  case " $* " in
    *' --seed '*) build/release/tests/simulate "$@" ;;
    *) build/release/tests/simulate --jobs "$(jobs_max)" "$@" ;;
  esac
}
