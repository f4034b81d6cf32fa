#!/bin/sh
# Compiles the plugin to a core module, build/my_rule.wasm, with the first compiler that is there:
#
#   $WASM_CC            a command that compiles and links C for wasm32-wasi, such as a WASI SDK's clang
#   clang               with wasi-libc; Debian: clang lld wasi-libc libclang-rt-dev-wasm32
#   zig                 from ziglang.org, or `pip install ziglang`
set -eu
cd "$(dirname "$0")"

has_wasi() { echo '#include <stdlib.h>' | "$@" -fsyntax-only -x c - >/dev/null 2>&1; }

if [ -n "${WASM_CC:-}" ]; then
    # Split on purpose: the variable holds a command with its arguments.
    # shellcheck disable=SC2086
    set -- $WASM_CC
elif has_wasi clang --target=wasm32-wasi --sysroot=/usr; then
    # As zig does it: too deep a recursion traps instead of writing over data.
    set -- clang --target=wasm32-wasi --sysroot=/usr -Wl,--stack-first
elif command -v zig >/dev/null 2>&1; then
    set -- zig cc -target wasm32-wasi
elif python3 -m ziglang version >/dev/null 2>&1; then
    set -- python3 -m ziglang cc -target wasm32-wasi
else
    echo "error: failed to find a C compiler for wasm32-wasi" >&2
    echo "  next: apt-get install clang lld wasi-libc libclang-rt-dev-wasm32, or pip install ziglang" >&2
    exit 1
fi

mkdir -p build
"$@" -mexec-model=reactor -std=c11 -Os -Wall -Wextra -Wl,--strip-all -Wl,-z,stack-size=1048576 \
    -I . ./*.c sortie/sortie.c bindings/scanner.c bindings/scanner_component_type.o \
    -o build/my_rule.wasm
