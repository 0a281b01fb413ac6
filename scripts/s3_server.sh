#!/usr/bin/env bash
# Puts an S3 server into build/s3 for tests/e2e/s3_test.sh: versitygw where there is a Go that can
# build it, else moto in a Python environment. Where it is there already nothing is done.
#
# Usage: scripts/s3_server.sh           installs it
#        build/s3/serve DIRECTORY PORT      serves it on loopback to the key "tester", secret "testing"

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly versitygw=v1.8.0 moto=5.2.1 home=$PWD/build/s3
log=$home/install.log

# It keeps objects as files, checks signatures, and knows conditional writes.
install_versitygw() {
  command -v go >/dev/null || return 1
  GOBIN=$home/bin GOTOOLCHAIN=local \
    go install "github.com/versity/versitygw/cmd/versitygw@$versitygw" >>"$log" 2>&1 || return 1
  cat >"$home/serve.new" <<SERVE
#!/bin/sh
mkdir -p "\$1/objects" "\$1/about"
exec "$home/bin/versitygw" --quiet --access tester --secret testing --port "127.0.0.1:\$2" \\
  posix --sidecar "\$1/about" "\$1/objects"
SERVE
}

install_moto() {
  python3 -m venv "$home/venv" >>"$log" 2>&1 || return 1
  "$home/venv/bin/pip" install --quiet "moto[server]==$moto" >>"$log" 2>&1 || return 1
  cat >"$home/serve.new" <<SERVE
#!/bin/sh
exec "$home/venv/bin/moto_server" -H 127.0.0.1 -p "\$2"
SERVE
}

mkdir -p "$home"
[[ ! -x $home/serve ]] || exit 0
if ! install_versitygw && ! install_moto; then
  printf 'no S3 server could be installed (it takes Go or Python, and a network): %s says why\n' \
    "build/s3/install.log" >&2
  exit 1
fi
chmod +x "$home/serve.new"
mv "$home/serve.new" "$home/serve"
