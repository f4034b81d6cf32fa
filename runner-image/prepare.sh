#!/bin/sh
# Runs once, as root, while a runner image is built: packages, user, folders, trust store. Its
# arguments are further Debian packages to install; after --backports, also from the backports.
# The finished image works with a read-only root: only /work, /tmp and the home are ever written,
# and the sandbox mounts all three.
set -eu
export DEBIAN_FRONTEND=noninteractive

# The mirror of the base's own sources, whatever their format.
add_backports() {
    apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
        awk '$2 !~ /-/ { print "deb " $1 " " $2 "-backports main"; exit }' >/etc/apt/sources.list.d/backports.list
    apt-get update -qq
}

# A base that already has both, and no further packages, needs no network here.
if [ $# -gt 0 ] || ! command -v git >/dev/null || ! command -v update-ca-certificates >/dev/null; then
    apt-get update -qq
    if [ "${1:-}" = --backports ]; then
        shift
        add_backports
    fi
    apt-get install -y -qq --no-install-recommends git ca-certificates "$@"
    rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /etc/apt/sources.list.d/backports.list
fi
update-ca-certificates >/dev/null

# Debian keeps some programs under names of its own, or apart from those on the PATH.
for program in /usr/lib/go-*/bin/go /usr/lib/go-*/bin/gofmt; do
    [ ! -x "$program" ] || ln -sf "$program" /usr/local/bin/
done
[ ! -x /usr/bin/fdfind ] || ln -sf /usr/bin/fdfind /usr/local/bin/fd

# Numbers, not names: the sandbox asks for 1000:1000 whatever the image calls it.
getent group 1000 >/dev/null || groupadd --gid 1000 sortie
getent passwd 1000 >/dev/null || useradd --uid 1000 --gid 1000 --no-create-home --home-dir /home/sortie --shell /bin/sh sortie
# A volume mounted over these takes their owner and mode from here.
for dir in /work /home/sortie; do
    mkdir -p "$dir"
    chown 1000:1000 "$dir"
    chmod 0755 "$dir"
done
chmod 1777 /tmp

# Nothing in a sandbox may change its user. `no-new-privileges` says the same at run time.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
