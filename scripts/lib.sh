# What every script here shares: where state lives, how to speak, how to become root.
# Sourced, never run. It changes nothing on the machine by itself.

# Everything the scripts keep between calls (the engine's pid and log) is here.
SORTIE_STATE_DIR="${SORTIE_STATE_DIR:-${XDG_STATE_HOME:-$HOME/.local/state}/sortie}"
# Everything that can be rebuilt (target folders, the compiler's output) is here.
SORTIE_CACHE_DIR="${SORTIE_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/sortie}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$SORTIE_CACHE_DIR/target}"

# The oldest compiler the workspace accepts (`rust-version` in Cargo.toml says the same).
SORTIE_MIN_RUST="1.95"

# A shell that was not a login shell often lacks rustup's folder; a user's shell often lacks sbin,
# where Debian keeps dockerd, debootstrap and iptables.
for dir in "${CARGO_HOME:-$HOME/.cargo}/bin" /usr/local/sbin /usr/sbin /sbin; do
    case ":$PATH:" in
        *":$dir:"*) ;;
        *) if [ "$dir" = "${CARGO_HOME:-$HOME/.cargo}/bin" ]; then PATH="$dir:$PATH"; else PATH="$PATH:$dir"; fi ;;
    esac
done
# Node, where the system's is too old: sdk/js/setup.sh puts it there only then.
if [ -d "$SORTIE_CACHE_DIR/node/bin" ]; then PATH="$SORTIE_CACHE_DIR/node/bin:$PATH"; fi
export PATH

# One line per step, on stderr, so that a script's stdout stays usable as data.
say() { printf '  %-10s %s\n' "$1" "$2" >&2; }

# What happened, then what to do next.
die() {
    printf 'error: failed to %s\n' "$1" >&2
    [ $# -lt 2 ] || printf '  next: %s\n' "$2" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# True when the version in $1 is at least the one in $2.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# Runs a command as root: directly, or through sudo. Asks for a password only on a terminal.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif ! have sudo; then
        die "run '$1' as root: $(id -un) is not root and sudo is not installed" \
            "run this as root, or install sudo and allow it for $(id -un)"
    elif [ -t 0 ] && [ -t 2 ]; then
        sudo -- "$@"
    elif sudo -n true 2>/dev/null; then
        sudo -n -- "$@"
    else
        die "run '$1' as root: sudo wants a password and there is no terminal to ask on" \
            "run this in a terminal, as root, or after 'sudo -v'"
    fi
}

# The active compiler's version, or nothing.
rust_version() { rustc --version 2>/dev/null | awk '{print $2}' | sed 's/-.*//'; }

# An older default toolchain beside a recent `stable` is common: take the recent one for this process.
pick_toolchain() {
    have rustup || return 0
    [ -z "${RUSTUP_TOOLCHAIN:-}" ] || return 0
    version="$(rust_version)"
    if [ -n "$version" ] && at_least "$version" "$SORTIE_MIN_RUST"; then return 0; fi
    version="$(RUSTUP_AUTO_INSTALL=0 RUSTUP_TOOLCHAIN=stable rustc --version 2>/dev/null | awk '{print $2}')"
    if [ -n "$version" ] && at_least "$version" "$SORTIE_MIN_RUST"; then export RUSTUP_TOOLCHAIN=stable; fi
}
