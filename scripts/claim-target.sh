#!/usr/bin/env bash
# Makes a target folder this checkout's. Checkouts share one, and cargo tells what changed by the
# time of a file alone: what another checkout built after this one's files were written would be
# taken for theirs. Two that build at the same time need a CARGO_TARGET_DIR each.
#
#   scripts/claim-target.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

owner="$1/checkout"
[ "$(cat "$owner" 2>/dev/null)" != "$PWD" ] || exit 0
mkdir -p "$1"
{ git ls-files -z 2>/dev/null || find . -path ./target -prune -o -type f -print0; } | xargs -0 touch -c
printf '%s\n' "$PWD" >"$owner"
