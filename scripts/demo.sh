#!/usr/bin/env bash
# The demo: one host, one sample repository, two missions.
#
# Needs SORTIE_BIN (the binary) and SORTIE_DEMO_IMAGE (a runner image with
# Python in it); `make demo` sees to both. Everything it makes is in one
# temporary directory and in containers of its own, and is gone at the end.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
: "${SORTIE_BIN:?run this through \`make demo\`}"
: "${SORTIE_DEMO_IMAGE:?run this through \`make demo\`}"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' reset=$'\e[0m'
else
  bold='' dim='' reset=''
fi
title() { printf '\n%s── %s%s\n\n' "$bold" "$*" "$reset"; }
say() { printf '%s\n' "$*"; }
show() { printf '%s$ %s%s\n' "$dim" "$*" "$reset"; }

work=$(mktemp -d "${TMPDIR:-/tmp}/sortie-demo.XXXXXX")
host=''
cleanup() {
  status=$?
  if [ -n "$host" ]; then
    # A host that ends leaves its sandboxes running, for the next start to take up. Here there is
    # no next start, so what an interrupted demo left is removed with it.
    instance=$(sed -n 's/.*"instance": *"\([^"]*\)".*/\1/p' "$work/data/host.json" 2>/dev/null || true)
    kill -TERM "$host" 2>/dev/null || true
    wait "$host" 2>/dev/null || true
    if [ -n "$instance" ]; then
      label="label=dev.sortie.instance=$instance"
      docker ps -aq --filter "$label" | xargs -r docker rm -fv >/dev/null 2>&1 || true
      docker volume ls -q --filter "$label" | xargs -r docker volume rm >/dev/null 2>&1 || true
    fi
  fi
  if [ "$status" -ne 0 ]; then
    printf '\nThe demo did not get to its end. What the host said last:\n' >&2
    tail -n 20 "$work/host.log" >&2 2>/dev/null || true
  fi
  rm -rf "$work"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

sortie() { "$SORTIE_BIN" --config "$work/sortie.toml" "$@"; }
# Runs a command that is expected to end with a negative result.
negative() { if "$@"; then say "this should not have succeeded"; exit 1; fi; }

title "A sample repository with a real bug, and a bare remote"
git init -q --bare -b main "$work/remote.git"
cp -R "$here/demo/project" "$work/cart"
git -C "$work/cart" init -q -b main
git -C "$work/cart" add -A
git -C "$work/cart" -c user.name=Demo -c user.email=demo@localhost commit -q -m "A cart with a bug"
git -C "$work/cart" push -q "$work/remote.git" main
cat "$here/demo/project/README.md" | tail -n +3
say ""
say "What is on the remote:"
git -C "$work/remote.git" for-each-ref --format='  %(refname:short)  %(subject)' refs/heads

cat > "$work/sortie.toml" <<TOML
[host]
data_dir = "$work/data"

[api]
listen = "127.0.0.1:0"

[engine]
image = "$SORTIE_DEMO_IMAGE"

[projects.cart]
repository = "file://$work/remote.git"
verify = ["python3 -m unittest --verbose"]
TOML

title "The host starts"
show "sortie serve"
# Not through the function: what is ended later would be its shell, and the host would fly on.
"$SORTIE_BIN" --config "$work/sortie.toml" serve > "$work/host.log" 2>&1 &
host=$!
for _ in $(seq 100); do
  grep -q 'ready' "$work/host.log" && break
  kill -0 "$host" 2>/dev/null || { say "the host ended"; exit 1; }
  sleep 0.1
done
grep -m1 'ready' "$work/host.log"

title "Mission 1: fix the bug"
fix='sed -i "s#percent // 10\$#percent // 100#" cart.py'
show "sortie submit --project cart --wait '$fix'"
sortie submit --project cart --wait "$fix"
say ""
show "sortie diff 1"
sortie diff 1
say ""
say "What is on the remote:"
git -C "$work/remote.git" for-each-ref --format='  %(refname:short)  %(subject)' refs/heads

title "Mission 2: make the tests pass the other way"
cheat='sed -i "/def test_discount_is/i\\    @unittest.skip(\"flaky\")" test_cart.py && sed -i "/def test_shipping/,/4999/d" test_cart.py'
show "sortie submit --project cart --wait '$cheat'"
negative sortie submit --project cart --wait "$cheat"
say ""
say "Its tests passed in the sandbox. The scan says why, and the tests as they were before the"
say "change, run in a second container, say which are missing:"
say ""
show "sortie findings 2"
sortie findings 2
say ""
show "sortie diff 2"
sortie diff 2
say ""
say "Nothing was pushed. What is on the remote:"
git -C "$work/remote.git" for-each-ref --format='  %(refname:short)  %(subject)' refs/heads

title "A person decides"
show "sortie reject 2 --comment 'fix the discount instead'"
sortie reject 2 --comment "fix the discount instead"
say ""
say "Had it been right, this would have pushed it:  sortie approve 2"
if git -C "$work/remote.git" for-each-ref --format='%(refname:short)' refs/heads | grep -q '/2/'; then
  say "the cheat reached the remote"; exit 1
fi
say ""
show "sortie list"
sortie list

title "What to try next"
cat <<TXT
  The whole host is one file, '$SORTIE_BIN'. From here:
    sortie init && sortie doctor     your own configuration, and what is missing
    sortie scan main..HEAD           the scanners over a branch of yours, without a host
    docs/ARCHITECTURE.md             how it works, and what each layer never does
TXT
