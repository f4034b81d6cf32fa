#!/usr/bin/env bash
# Makes sure a Debian base image is in the engine and prints its name on stdout.
#
# Pulls debian:bookworm-slim; where no registry answers, makes the same thing with debootstrap under
# a name of its own, so that an official tag is never impersonated. Set SORTIE_BASE_IMAGE to use
# another image (Debian-like, with apt-get), SORTIE_DEBIAN_MIRROR and SORTIE_DEBIAN_SECURITY_MIRROR to
# take packages and their security updates from elsewhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib.sh

OFFICIAL=debian:bookworm-slim
LOCAL=sortie-debian:bookworm-secured
SUITE=bookworm
# A pull takes about 10 s; a registry that is merely unreachable can hold a client for minutes.
PULL_LIMIT_S="${SORTIE_PULL_LIMIT_S:-120}"
# debootstrap takes about a minute; on a slow mirror a few.
BOOTSTRAP_LIMIT_S=900

exists() { docker image inspect "$1" >/dev/null 2>&1; }

# The mirror that this machine's apt uses for one of Debian's archives, or the one given.
mirror() {
    local label="$1" found=""
    if grep -qx 'ID=debian' /etc/os-release 2>/dev/null; then
        # `indextargets` reads every source format apt knows; SITE would lack the path.
        found="$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
            awk -v label="$label" '$2 == "Debian" && $3 == label { print $1; exit }')"
    fi
    echo "${found:-$2}"
}

bootstrap() {
    have debootstrap || die "make a base image: no registry answers and debootstrap is not installed" "run scripts/setup.sh, or set SORTIE_BASE_IMAGE to an image the engine has"
    local dir mirror security
    mirror="${SORTIE_DEBIAN_MIRROR:-$(mirror Debian http://deb.debian.org/debian)}"
    security="${SORTIE_DEBIAN_SECURITY_MIRROR:-$(mirror Debian-Security http://deb.debian.org/debian-security)}"
    dir="$(mktemp -d "${TMPDIR:-/tmp}/sortie-base.XXXXXX")"
    # debootstrap leaves files of root; mktemp's 0700 would become the mode of the image's `/`.
    trap "as_root rm -rf '$dir'" EXIT
    mkdir -m 0755 "$dir/root"
    say image "no registry answers; making $LOCAL with debootstrap (about a minute)"
    if ! as_root timeout "$BOOTSTRAP_LIMIT_S" debootstrap --variant=minbase --include=ca-certificates,git \
        "$SUITE" "$dir/root" "$mirror" >"$dir/log" 2>&1; then
        tail -n 15 "$dir/log" >&2
        die "make a base image with debootstrap" "set SORTIE_DEBIAN_MIRROR to a mirror that this machine reaches"
    fi
    # The sources of the official image, which debootstrap knows only the first of.
    printf 'deb %s %s main\n' "$mirror" "$SUITE" "$mirror" "$SUITE-updates" "$security" "$SUITE-security" |
        as_root tee "$dir/root/etc/apt/sources.list" >/dev/null
    as_root rm -rf "$dir"/root/var/cache/apt/archives "$dir"/root/var/lib/apt/lists/* \
        "$dir"/root/usr/share/{doc,man,locale,info} "$dir"/root/var/log/*
    as_root mkdir -p "$dir/root/var/cache/apt/archives/partial"
    as_root tar -C "$dir/root" --numeric-owner -cf - . | docker import --change 'CMD ["bash"]' - "$LOCAL" >/dev/null
}

if [ -n "${SORTIE_BASE_IMAGE:-}" ]; then
    exists "$SORTIE_BASE_IMAGE" || timeout "$PULL_LIMIT_S" docker pull --quiet "$SORTIE_BASE_IMAGE" >/dev/null ||
        die "find the base image $SORTIE_BASE_IMAGE in the engine or its registry" "check SORTIE_BASE_IMAGE"
    echo "$SORTIE_BASE_IMAGE"
    exit 0
fi
for image in "$OFFICIAL" "$LOCAL"; do
    if exists "$image"; then echo "$image"; exit 0; fi
done
say image "pulling $OFFICIAL"
if timeout "$PULL_LIMIT_S" docker pull --quiet "$OFFICIAL" >/dev/null 2>&1; then echo "$OFFICIAL"; exit 0; fi
bootstrap
echo "$LOCAL"
