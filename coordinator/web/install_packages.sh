#!/bin/sh
# install_packages.sh DIRECTORY NPM: the packages of the lock file in DIRECTORY, from npm's cache or
# its registry.
cd "$1" || exit 1
"$2" ci --include=dev --ignore-scripts --prefer-offline --loglevel=error && exit 0
echo "The libraries of the report and the dashboard come from the npm registry, which npm could not use just" \
  "now: see above. Build again with a network; behind a proxy that replaces certificates, let" \
  "NODE_EXTRA_CA_CERTS name the file of its authority." >&2
exit 1
