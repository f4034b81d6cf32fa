#!/usr/bin/env bash
# Installs the servers from npm that the tests start, into this user's cache. Quick when they are there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
. scripts/lib.sh

dir="$SORTIE_CACHE_DIR/test-servers"
pins=tests/servers/npm
if cmp -s "$pins/package-lock.json" "$dir/package-lock.json" && [ -e "$dir/.installed" ]; then
    say servers "there"
    exit
fi
have npm || die "install the test servers: npm is missing" "run sdk/js/setup.sh, which installs Node"
say servers "installing from npm into $dir"
rm -rf "$dir"
mkdir -p "$dir"
cp "$pins/package.json" "$pins/package-lock.json" "$dir/"
npm ci --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent >&2 ||
    die "install the test servers from npm" "see whether npm reaches its registry, and run this again"
touch "$dir/.installed"
