#!/bin/sh
# Runs once, as root, in a stage of its own: puts Node, npm and the pinned agents into /out, which is
# laid over the image. Without a Node in the context there is nothing to do, and /out stays empty.
set -eu
mkdir -p /out
cd /build
[ -x node/package/bin/node ] || exit 0

# Where the packages are unpacked in the image; links lead there.
opt=/out/opt
mkdir -p "$opt/node/bin" "$opt/agents" /out/usr/local/bin
mv node/package/bin/node "$opt/node/bin/node"
mv npm/package "$opt/npm"
# Links into /opt that hold in the image, and here while npm runs.
ln -s /out/opt/node /out/opt/npm /opt/
for name in npm npx; do ln -s "/opt/npm/bin/$name-cli.js" "/out/usr/local/bin/$name"; done
ln -s /opt/node/bin/node /out/usr/local/bin/node
PATH="/out/usr/local/bin:$PATH"
export PATH NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt

[ -n "${npm_config_registry:-}" ] || unset npm_config_registry
cp agents/package.json agents/package-lock.json "$opt/agents/"
cd "$opt/agents"
# Exactly what the lock says, and no package's script runs: those that bring a program for each platform
# have a script to put it into the launcher's place, so the program itself is linked instead.
npm ci --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier --cache /build/cache

# Not needed here: speech, and the one of two builds that some processors cannot run.
rm -rf node_modules/@openai/codex*/vendor/*/codex-resources/voice
[ ! -d node_modules/opencode-linux-x64-baseline ] || rm -rf node_modules/opencode-linux-x64

# link <name> <file that may be it>...
link() {
    name="$1"
    shift
    for file in "$@"; do
        [ -x "$file" ] || continue
        ln -s "/opt/agents/$file" "/out/usr/local/bin/$name"
        return
    done
    echo "$name is not among the agents that were installed for this processor" >&2
    exit 1
}
link pi node_modules/.bin/pi
link codex node_modules/.bin/codex
link claude node_modules/@anthropic-ai/claude-code-linux-*/claude
link opencode node_modules/opencode-linux-*/bin/opencode
chown -R root:root /out
