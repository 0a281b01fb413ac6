#!/usr/bin/env bash
# runtime_packages.sh BINARY: the packages that hold the libraries it is linked with, one a line, and
# those of the group `runtime` of scripts/packages.tsv, which no linker knows of.

set -euo pipefail

readonly binary=$1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

libraries() {
  ldd "$binary" | awk '/not found/ { print "no " $1 > "/dev/stderr"; exit 1 } $2 == "=>" { print $3 }'
}

# dpkg knows a file of a merged /usr by the name it was packed under.
package_of() {
  local path
  path=$(readlink -f "$1")
  dpkg-query -S "$path" 2>/dev/null || dpkg-query -S "${path#/usr}"
}

while read -r library; do
  package_of "$library" | cut -d: -f1
done < <(libraries) | sort -u
awk -F'\t' '$1 == "runtime" { print $2 }' "$root/scripts/packages.tsv"
