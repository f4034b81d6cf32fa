#!/usr/bin/env bash
# Brings a bare Debian or Ubuntu machine to where `cargo xtask …` works: packages, Rust, a compiler
# for the plugins, a container engine and a base image. Quick when all is there, safe to repeat, and
# it installs nothing that it finds. Without --tests it leaves out what only the tests need.
#
#   scripts/setup.sh [--tests]
#
# SORTIE_SETUP_ENGINE=0   leaves the container engine and the base image alone
# SORTIE_ENGINE_OWNER     remembered when the engine is started, see scripts/engine.sh
# SORTIE_DEBIAN_MIRROR, SORTIE_BASE_IMAGE   see scripts/base-image.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib.sh

WITH_TESTS=0
for argument in "$@"; do
    case "$argument" in
        --tests) WITH_TESTS=1 ;;
        *) die "run $0: unknown argument '$argument'" "the only one is --tests" ;;
    esac
done

# Reaching rustup's servers takes a second or fails; behind some firewalls it would hang.
RUSTUP_TARGET_LIMIT_S=60
RUSTUP_INSTALL_LIMIT_S=600
WASM_TARGET=wasm32-unknown-unknown
apt_log="$SORTIE_STATE_DIR/apt.log"
mkdir -p "$SORTIE_STATE_DIR"

# --- packages ---------------------------------------------------------------------------------

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

apt_refreshed=0
apt_refresh() {
    [ "$apt_refreshed" -eq 0 ] || return 0
    apt_refreshed=1
    as_root apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update >"$apt_log" 2>&1 ||
        say packages "apt-get update had errors (see $apt_log); going on with what is known"
}

# Installs what is given, with nothing recommended and nothing removed. Fails without ending the script.
apt_install() {
    apt_refresh
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
        install -y --no-remove --no-install-recommends "$@" >"$apt_log" 2>&1 </dev/null
}

# The version apt would install, or nothing.
candidate() { apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }'; }

need_apt() {
    have apt-get && have dpkg-query || die "$1: this machine has no apt-get" \
        "on another distribution install it by hand: git, curl, a C compiler, pkg-config, Rust $SORTIE_MIN_RUST, Docker; then run this again"
}

# need <package> <command or file that shows it is there already>
missing=()
need() {
    have "$2" || [ -e "$2" ] || { need_apt "install $1"; installed "$1" || missing+=("$1"); }
}

# What the C template's build.sh looks for first.
c_for_wasm() {
    have wasm-ld && echo 'int main(void) { return 0; }' | clang --target=wasm32-wasi --sysroot=/usr -x c - \
        -o /dev/null >/dev/null 2>&1
}

packages() {
    need git git
    need curl curl
    need ca-certificates /etc/ssl/certs/ca-certificates.crt
    need gcc cc
    need libc6-dev /usr/include/stdlib.h
    need make make
    need pkg-config pkg-config
    need xz-utils xz
    need procps pkill
    if [ "${SORTIE_SETUP_ENGINE:-1}" != 0 ]; then
        need debootstrap debootstrap
        need iptables iptables
        need util-linux setsid
    fi
    if [ "$WITH_TESTS" -eq 1 ]; then
        need openssh-client ssh-keygen
        need openssh-server /usr/sbin/sshd
        need mount mount
        need docker-registry docker-registry
        c_for_wasm || for package in clang lld wasi-libc libclang-rt-dev-wasm32; do
            need_apt "install $package"
            installed "$package" || missing+=("$package")
        done
    fi
    if [ "${#missing[@]}" -eq 0 ]; then
        say packages "all there"
        return
    fi
    say packages "installing ${missing[*]}"
    if ! quietly apt_install "${missing[@]}"; then
        tail -n 15 "$apt_log" >&2
        die "install the packages ${missing[*]}" "the lines above are the end of $apt_log"
    fi
}

# Runs an installation without letting its services start, now or at the next boot: the tests want
# the programs, nobody asked for an SSH server or a registry on this machine.
quietly() {
    local policy=/usr/sbin/policy-rc.d mine=0 status=0 service
    if [ "$WITH_TESTS" -eq 1 ] && ! [ -e "$policy" ]; then
        mine=1
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 0755 "$policy"
        # Left behind, it would stop every later installation's services from starting.
        trap "as_root rm -f $policy" EXIT
    fi
    "$@" || status=$?
    if [ "$mine" -eq 1 ]; then
        as_root rm -f "$policy"
        trap - EXIT
        if [ -d /run/systemd/system ]; then
            for service in "${missing[@]}"; do
                case "$service" in
                    openssh-server) as_root systemctl disable --now ssh.service ssh.socket >/dev/null 2>&1 || true ;;
                    docker-registry) as_root systemctl disable --now docker-registry.service >/dev/null 2>&1 || true ;;
                esac
            done
        fi
    fi
    return "$status"
}

# sshd insists on this folder, which its service would make at boot.
sshd_folder() {
    [ "$WITH_TESTS" -eq 1 ] && [ -x /usr/sbin/sshd ] && ! [ -d /run/sshd ] || return 0
    as_root mkdir -p -m 0755 /run/sshd
}

# --- Rust -------------------------------------------------------------------------------------

rust_is_new_enough() { have cargo && at_least "$(rust_version)" "$SORTIE_MIN_RUST"; }

rust() {
    pick_toolchain
    if rust_is_new_enough; then
        say rust "rustc $(rust_version)"
        return
    fi
    if have cargo; then say rust "rustc '$(rust_version)' is older than $SORTIE_MIN_RUST"; fi
    if rust_from_rustup || rust_from_debian; then
        hash -r
        say rust "rustc $(rust_version)"
        return
    fi
    die "install Rust $SORTIE_MIN_RUST or newer: neither rustup's servers nor this system's packages have it" \
        "install it from https://rustup.rs and run this again"
}

rust_from_rustup() {
    if ! have rustup && [ -n "$(have apt-get && { apt_refresh; candidate rustup; })" ]; then
        say rust "installing rustup from this system's packages"
        apt_install rustup || true
        hash -r
    fi
    if have rustup; then
        say rust "installing the stable toolchain with rustup"
        RUSTUP_MAX_RETRIES=1 timeout "$RUSTUP_INSTALL_LIMIT_S" rustup toolchain install stable --profile minimal \
            --component clippy,rustfmt >"$SORTIE_STATE_DIR/rustup.log" 2>&1 </dev/null || return 1
        rustup default >/dev/null 2>&1 || rustup default stable >/dev/null 2>&1
    else
        say rust "installing rustup from rustup.rs, for this user only"
        local script="$SORTIE_STATE_DIR/rustup-init.sh" url got=0
        # The first is the documented one and leads to the second, which more firewalls let through.
        for url in https://sh.rustup.rs https://static.rust-lang.org/rustup/rustup-init.sh; do
            if curl --proto '=https' --tlsv1.2 -sSfL --connect-timeout 15 --max-time 60 -o "$script" "$url" \
                2>>"$SORTIE_STATE_DIR/rustup.log"; then
                got=1
                break
            fi
        done
        [ "$got" -eq 1 ] || return 1
        RUSTUP_MAX_RETRIES=1 timeout "$RUSTUP_INSTALL_LIMIT_S" sh "$script" -y --no-modify-path --profile minimal \
            --component clippy,rustfmt >>"$SORTIE_STATE_DIR/rustup.log" 2>&1 </dev/null || return 1
    fi
    hash -r
    pick_toolchain
    rust_is_new_enough
}

# Debian keeps a recent compiler for its browsers. It lacks clippy, so `check` needs rustup's.
rust_from_debian() {
    have apt-get || return 1
    apt_refresh
    at_least "$(candidate rustc-web)" "$SORTIE_MIN_RUST" || return 1
    say rust "rustup's servers do not answer; installing Debian's compiler"
    apt_install rustc-web cargo-web || return 1
    hash -r
    rust_is_new_enough
}

# --- the plugins' compiler ----------------------------------------------------------------------

has_wasm_target() { [ -d "$("$1" --print sysroot 2>/dev/null)/lib/rustlib/$WASM_TARGET/lib" ]; }

# Debian's compiler builds the standard library for the target itself; `cargo xtask plugins` does so.
debian_can_build_wasm() {
    at_least "$(RUSTUP_TOOLCHAIN='' /usr/bin/rustc --version 2>/dev/null | awk '{print $2}')" "$SORTIE_MIN_RUST" &&
        [ -x /usr/bin/cargo ] && [ -f /usr/lib/rustlib/src/rust/library/Cargo.toml ] && have wasm-ld
}

wasm() {
    if has_wasm_target rustc; then
        say wasm "rustc has $WASM_TARGET"
        return
    fi
    if debian_can_build_wasm; then
        say wasm "Debian's compiler builds $WASM_TARGET"
        return
    fi
    if have rustup; then
        say wasm "adding $WASM_TARGET with rustup"
        if RUSTUP_MAX_RETRIES=0 timeout "$RUSTUP_TARGET_LIMIT_S" rustup target add "$WASM_TARGET" \
            >"$SORTIE_STATE_DIR/rustup.log" 2>&1 </dev/null && has_wasm_target rustc; then
            return
        fi
    fi
    need_apt "get a compiler for $WASM_TARGET"
    apt_refresh
    if at_least "$(candidate rustc-web)" "$SORTIE_MIN_RUST"; then
        say wasm "rustup cannot add it here; installing what Debian's compiler needs for it"
        apt_install rustc-web cargo-web rust-web-src lld || tail -n 15 "$apt_log" >&2
        hash -r
    fi
    debian_can_build_wasm || die "get a compiler for $WASM_TARGET: neither rustup nor this system's packages have one" \
        "run 'rustup target add $WASM_TARGET' where rustup's servers can be reached, then run this again"
}

# --- the tools of the plugins' other languages ---------------------------------------------------

MIN_GO=1.24
go_is_new_enough() { have go && at_least "$(go env GOVERSION 2>/dev/null | tr -d go)" "$MIN_GO"; }

# Only the tests build plugins in all of them. Where one cannot be installed the others still are,
# and the test of the languages says which is missing.
languages() {
    [ "$WITH_TESTS" -eq 1 ] || return 0
    sdk/python/setup.sh || true
    sdk/js/setup.sh >/dev/null || true
    tests/servers/npm/setup.sh || true
    if ! go_is_new_enough && have apt-get; then
        apt_refresh
        if at_least "$(candidate golang-go | sed 's/^[0-9]*://')" "$MIN_GO"; then
            say go "installing golang-go"
            apt_install golang-go || tail -n 15 "$apt_log" >&2
            hash -r
        fi
    fi
    if go_is_new_enough; then
        say go "$(go env GOVERSION)"
    else
        say go "missing: install Go $MIN_GO or newer from https://go.dev/dl/ and put it on PATH"
    fi
}

# --- container engine and base image ------------------------------------------------------------

engine() {
    if [ "${SORTIE_SETUP_ENGINE:-1}" = 0 ]; then
        say engine "left alone (SORTIE_SETUP_ENGINE=0)"
        return
    fi
    local wanted=()
    if ! { have docker && timeout 10 docker version >/dev/null 2>&1; }; then
        have docker && { have dockerd || [ -n "${DOCKER_HOST:-}" ]; } || wanted+=(docker.io)
    fi
    if [ "${#wanted[@]}" -gt 0 ]; then
        need_apt "install a container engine"
        say engine "installing docker.io"
        if ! apt_install docker.io; then
            tail -n 15 "$apt_log" >&2
            die "install docker.io" "the lines above are the end of $apt_log; any Docker or Podman that answers at DOCKER_HOST will do instead"
        fi
        # Newer Debian ships the client on its own.
        have docker || apt_install docker-cli || die "install docker-cli" "$apt_log says why"
        hash -r
    fi
    scripts/engine.sh start
    say image "base image $(scripts/base-image.sh)"
}

packages
sshd_folder
rust
wasm
languages
engine
