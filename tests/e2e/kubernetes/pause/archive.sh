#!/usr/bin/env bash
# archive.sh BINARY NAME:TAG OUT: an image of nothing but that static binary, at /BINARY, in the
# format of `docker save`.

set -euo pipefail

readonly binary=$1 name=$2 out=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/root"
file=${binary##*/}
cp "$binary" "$scratch/root/"
tar -C "$scratch/root" --owner 0 --group 0 --mtime @0 -cf "$scratch/layer.tar" "$file"
digest=$(sha256sum "$scratch/layer.tar" | cut -d' ' -f1)
cat >"$scratch/config.json" <<END
{"architecture": "$(dpkg --print-architecture)", "os": "linux",
 "config": {"Entrypoint": ["/$file"], "User": "65535:65535"},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$digest"]}}
END
printf '[{"Config": "config.json", "RepoTags": ["%s"], "Layers": ["layer.tar"]}]\n' "$name" \
  >"$scratch/manifest.json"
tar -C "$scratch" -cf "$out" manifest.json config.json layer.tar
