#!/usr/bin/env bash
# debian_base.sh TAG: makes what the image is built on from Debian's packages, where no registry of
# images can be reached. Needs root, debootstrap, and podman or buildah.
#
# Like Debian's own image it is a minbase without documents and translations, with the sources of
# security updates.

set -euo pipefail

readonly tag=$1 suite=bookworm
# shellcheck disable=SC2016  # apt-get's own.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $suite" | head -n 1)
readonly mirror=${mirror:?apt-get names no source of bookworm to make the image from}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
root=$scratch/root

debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$scratch/log" || {
  tail -n 20 "$scratch/log" >&2
  exit 1
}
cat >"$root/etc/apt/sources.list" <<END
deb $mirror $suite main
deb $mirror $suite-updates main
deb ${mirror%/debian*}/debian-security $suite-security main
END
# As Debian's image has it: packages that are added later bring no documents either.
cat >"$root/etc/dpkg/dpkg.cfg.d/docker" <<'END'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/info/*
END
find "$root/usr/share/doc" -type f ! -name copyright -delete
rm -rf "$root"/usr/share/{man,info,locale,lintian}/* "$root"/var/cache/apt/*.bin \
  "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/var/log/*.log \
  "$root"/var/cache/debconf/*-old

engine=podman
command -v podman >/dev/null || engine=buildah
tar -C "$root" -cf "$scratch/base.tar" .
if [[ $engine == podman ]]; then
  podman import --quiet --change 'CMD ["bash"]' "$scratch/base.tar" "$tag"
else
  container=$(buildah from scratch)
  buildah add -q "$container" "$scratch/base.tar" / >/dev/null
  buildah config --cmd bash "$container"
  buildah commit -q "$container" "$tag"
  buildah rm "$container" >/dev/null
fi
