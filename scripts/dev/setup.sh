# setup: install the packages that Ballast is built with (Debian 12, Ubuntu 24.04).
#
# Usage: ./dev setup [--test] [--lint] [--fuzz] [--bench] [--image] [--kubernetes] [--monitoring]
#
# Installs what scripts/packages.tsv lists, as root or through sudo, and says beforehand what it
# will install and why. When all of it is there nothing is installed and no network is used.
#
#   --test    also install what `./dev test` needs
#   --lint    also install what `./dev lint` needs
#   --fuzz    also install what `./dev fuzz` needs
#   --bench   also install what `./dev bench` compares with
#   --image   also install what tests/e2e/image builds and runs the image with
#   --kubernetes   also install what tests/e2e/kubernetes/cluster.sh makes a cluster of, but for Go
#   --monitoring   also install the Prometheus of tests/e2e/prometheus_test.sh, which is skipped without
#                  it; where there is systemd, Debian's package starts one on port 9090

# shellcheck shell=bash

dev_setup() {
  local groups=(build) option
  for option in "$@"; do
    case $option in
      --test) groups+=(test) ;;
      --lint) groups+=(lint) ;;
      --fuzz) groups+=(fuzz) ;;
      --bench) groups+=(bench) ;;
      --image) groups+=(image) ;;
      --kubernetes) groups+=(kubernetes) ;;
      --monitoring) groups+=(monitoring) ;;
      *)
        fail_usage "setup: unknown argument '$option'; there are --test, --lint, --fuzz, --bench," \
          "--image, --kubernetes and --monitoring"
        ;;
    esac
  done
  command -v apt-get >/dev/null ||
    fail "setup installs Debian packages and finds no apt-get here; install the equivalents of" \
      "scripts/packages.tsv by hand, then run './dev build'"

  local group package why missing=()
  while IFS=$'\t' read -r group package why; do
    [[ " ${groups[*]} " == *" $group "* ]] || continue
    is_installed "$package" || missing+=("$package"$'\t'"$why")
  done < <(grep -v '^#' scripts/packages.tsv)

  if ((${#missing[@]} == 0)); then
    say "setup: every package is installed"
    return 0
  fi
  install_packages "${missing[@]}"
}

# A node that is not the distribution's brings its npm along and refuses the package beside it.
is_installed() {
  local name
  for name in ${1//|/ }; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) != installed ]] || return 0
  done
  [[ $1 == npm ]] && command -v npm >/dev/null
}

# Each argument is "package<tab>why".
install_packages() {
  local entry name names=()
  say "setup: missing: $(printf '%s ' "${@%%$'\t'*}")"
  as_root apt-get update -qq ||
    fail "apt-get cannot read the package lists; setup needs a network the first time"

  say "setup: will install"
  for entry in "$@"; do
    name=$(first_known "${entry%%$'\t'*}")
    names+=("$name")
    printf '  %-20s %-22s %s\n' "$name" "$(candidate_version "$name")" "${entry#*$'\t'}"
  done
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq -y --no-install-recommends "${names[@]}" >"$(log_of_setup)" 2>&1 ||
    {
      tail -n 20 "$(log_of_setup)" >&2
      fail "apt-get could not install the packages above; its whole output is in $(log_of_setup)"
    }
  say "setup: done"
}

log_of_setup() {
  mkdir -p build
  printf 'build/setup.log'
}

# Of the packages a|b|c the first that can be installed here; the first of all when none can.
first_known() {
  local name
  for name in ${1//|/ }; do
    [[ $(candidate_version "$name") == '('* ]] && continue
    printf '%s' "$name"
    return 0
  done
  printf '%s' "${1%%|*}"
}

candidate_version() {
  local line
  while read -r line; do
    [[ $line == Candidate:* ]] || continue
    printf '%s' "${line#Candidate: }"
    return 0
  done < <(LC_ALL=C apt-cache policy "$1")
  printf '(unknown)'
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "setup must install packages, which needs root: run it as root or install sudo"
  fi
}
