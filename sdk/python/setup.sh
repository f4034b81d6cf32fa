#!/usr/bin/env bash
# Brings a Debian or Ubuntu machine to where Python plugins can be built: Python 3.11 with `venv`.
# Everything else comes from PyPI when a project is built. Quick when all is there.
#
#   sdk/python/setup.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. scripts/lib.sh

# Debian has the module `venv` without `python3-venv`, but not the pip that it puts in.
can_make_environments() {
    python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if ! can_make_environments; then
    have apt-get || die "find Python 3.11 or newer with venv" \
        "install it with this system's package manager and run this again"
    say python "installing python3-venv"
    mkdir -p "$SORTIE_STATE_DIR"
    {
        as_root apt-get -o DPkg::Lock::Timeout=300 update || true
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
            install -y --no-remove --no-install-recommends python3 python3-venv
    } >"$SORTIE_STATE_DIR/apt.log" 2>&1 </dev/null ||
        die "install python3-venv" "$SORTIE_STATE_DIR/apt.log says why"
    hash -r
    can_make_environments || die "find Python 3.11 or newer with venv: this system's is $(python3 --version 2>&1)" \
        "install a newer Python, put it first on PATH and run this again"
fi
say python "$(python3 --version) with venv"
