#!/usr/bin/env bash
# Finds a container engine, or starts one: `scripts/engine.sh start | stop [OWNER] | status`.
#
# An engine that already answers is used as it is and never stopped from here. An engine that this
# script started is remembered, with the SORTIE_ENGINE_OWNER it was started for, so that `stop` ends
# exactly that one, and `stop demo` only one that the demo started. A second dockerd is never started
# beside a running one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib.sh

# A cold start takes 2 to 10 s; a machine that is busy compiling has needed 30.
START_LIMIT_S=90
# dockerd stops its containers first and gives each 10 s.
STOP_LIMIT_S=60

# First line: the pid, or `systemd`; second line: for whom.
started_file="$SORTIE_STATE_DIR/engine.started"
owner="${SORTIE_ENGINE_OWNER:-setup}"
log_file="$SORTIE_STATE_DIR/dockerd.log"
system_pid_file=/var/run/docker.pid
socket=/var/run/docker.sock

answers() { have docker && timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
version() { timeout 10 docker version --format '{{.Server.Version}} (API {{.Server.APIVersion}}, {{.Server.Os}}/{{.Server.Arch}})'; }
under_systemd() { [ -d /run/systemd/system ] && have systemctl && systemctl cat docker.service >/dev/null 2>&1; }
# A process that ended and that nobody waited for still has its name, and an empty command line.
is_dockerd() {
    [ -n "${1:-}" ] && [ "$(cat "/proc/$1/comm" 2>/dev/null)" = dockerd ] &&
        [ -n "$(tr -d '\0' <"/proc/$1/cmdline" 2>/dev/null)" ]
}
system_dockerd() { is_dockerd "$(cat "$system_pid_file" 2>/dev/null || true)"; }

# Polls until the engine answers; gives up when the process given as $1 is gone or time is over.
wait_for_engine() {
    local pid="${1:-}" deadline=$((SECONDS + START_LIMIT_S))
    while ! answers; do
        if [ -S "$socket" ] && ! [ -w "$socket" ]; then open_socket; fi
        if [ -n "$pid" ] && ! [ -d "/proc/$pid" ]; then return 1; fi
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.3
    done
}

# A user who may become root may use the engine too. The entry lasts as long as the socket, so
# nobody is put into a group for good.
open_socket() {
    have setfacl || as_root apt-get install -y -qq --no-install-recommends acl >/dev/null 2>&1 || true
    if have setfacl && as_root setfacl -m "u:$(id -un):rw" "$socket" 2>/dev/null; then
        say engine "allowed $(id -un) to use $socket until the engine restarts"
    else
        die "use $socket: $(id -un) may not open it" \
            "sudo usermod -aG docker $(id -un), log out and in, and try again"
    fi
}

# Outside systemd nobody may have mounted the control groups, and without them no container starts.
mount_cgroups() {
    mountpoint -q /sys/fs/cgroup && return 0
    say engine "mounting the control groups (cgroup2)"
    as_root mount -t cgroup2 none /sys/fs/cgroup || true
}

# iptables' nftables flavour fails on kernels without nf_tables, the legacy one on kernels without
# ip_tables; dockerd takes what `iptables` is. Choose the one that works, for this dockerd only.
iptables_path() {
    as_root iptables -w 5 -t nat -L -n >/dev/null 2>&1 && return 0
    have iptables-legacy || return 0
    as_root iptables-legacy -w 5 -t nat -L -n >/dev/null 2>&1 || return 0
    mkdir -p "$SORTIE_STATE_DIR/iptables-legacy"
    local tool
    for tool in iptables ip6tables; do
        ln -sf "$(command -v $tool-legacy)" "$SORTIE_STATE_DIR/iptables-legacy/$tool"
    done
    printf '%s:' "$SORTIE_STATE_DIR/iptables-legacy"
}

start() {
    if answers; then
        say engine "Docker $(version) answers"
        return 0
    fi
    [ -z "${DOCKER_HOST:-}" ] || die "reach the container engine: DOCKER_HOST is set to $DOCKER_HOST and nothing answers there" \
        "start that engine, or unset DOCKER_HOST to let a local one be started"
    if [ -S "$socket" ] && ! [ -w "$socket" ] && [ "$(id -u)" -ne 0 ]; then
        open_socket
        if answers; then say engine "Docker $(version) answers"; return 0; fi
    fi
    have docker || die "reach a container engine: the docker client is not installed" "scripts/setup.sh installs it"
    mkdir -p "$SORTIE_STATE_DIR"

    if system_dockerd; then
        say engine "a dockerd is starting; waiting for it"
        wait_for_engine || die "reach the container engine: a dockerd runs (pid $(cat $system_pid_file)) but does not answer within ${START_LIMIT_S} s" \
            "look at its log, or stop it and try again"
    elif under_systemd; then
        say engine "starting docker.service"
        as_root systemctl start docker.service || die "start docker.service" "journalctl -u docker.service says why"
        printf 'systemd\n%s\n' "$owner" >"$started_file"
        wait_for_engine || die "reach the container engine: docker.service was started but does not answer within ${START_LIMIT_S} s" \
            "journalctl -u docker.service says why"
    else
        have dockerd || die "start a container engine: dockerd is not installed" "scripts/setup.sh installs it"
        start_dockerd
    fi
    say engine "Docker $(version) answers"
}

start_dockerd() {
    # Asked first and on its own, because the next steps keep their errors to themselves.
    as_root true
    mount_cgroups
    say engine "starting dockerd, its log is $log_file"
    local path pid
    path="$(iptables_path)$PATH"
    # Its own session, so that neither Ctrl-C here nor the end of this terminal stops it. The shell
    # in between writes its pid and becomes dockerd, so the pid is right under sudo as well.
    # --group lets the calling user open the socket without joining the docker group.
    as_root rm -f "$started_file"
    as_root setsid --fork env "PATH=$path" bash -c '
        printf "%s\n%s\n" $$ "$4" >"$1"; exec dockerd --group "$2" >>"$3" 2>&1 </dev/null
    ' dockerd-start "$started_file" "$(id -gn)" "$log_file" "$owner"
    local deadline=$((SECONDS + 5))
    until [ -s "$started_file" ]; do
        [ "$SECONDS" -lt "$deadline" ] || die "start dockerd: no process came up" "look at $log_file"
        sleep 0.1
    done
    pid="$(head -n 1 "$started_file")"
    if ! wait_for_engine "$pid"; then
        local what="it ended at once"
        if is_dockerd "$pid"; then
            what="it did not answer within ${START_LIMIT_S} s"
            as_root kill "$pid"
        fi
        as_root rm -f "$started_file"
        tail -n 4 "$log_file" >&2 || true
        die "start dockerd: $what" "the lines above are the end of $log_file"
    fi
}

stop() {
    if ! [ -s "$started_file" ]; then
        say engine "was not started from here; left as it is"
        return 0
    fi
    local pid started_for
    { read -r pid; read -r started_for || started_for=setup; } <"$started_file"
    if [ -n "${1:-}" ] && [ "$1" != "$started_for" ]; then
        say engine "was started for $started_for, not for $1; left as it is"
        return 0
    fi
    if [ "$pid" = systemd ]; then
        say engine "stopping docker.service"
        as_root systemctl stop docker.service docker.socket || die "stop docker.service" "journalctl -u docker.service says why"
    elif is_dockerd "$pid"; then
        say engine "stopping dockerd (pid $pid)"
        as_root kill "$pid"
        local deadline=$((SECONDS + STOP_LIMIT_S))
        while is_dockerd "$pid"; do
            [ "$SECONDS" -lt "$deadline" ] || die "stop dockerd: pid $pid still runs after ${STOP_LIMIT_S} s" "kill -9 $pid ends it the hard way"
            sleep 0.2
        done
    fi
    as_root rm -f "$started_file"
}

status() {
    if answers; then
        say engine "Docker $(version) answers$([ -s "$started_file" ] && echo ', started from here')"
    else
        say engine "none answers"
        return 1
    fi
}

case "${1:-}" in
    start | stop | status) "$@" ;;
    *) die "run $0: '${1:-}' is no action" "one of: start, stop [OWNER], status" ;;
esac
