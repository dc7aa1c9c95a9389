#!/usr/bin/env bash
# sockscope beside ss, netstat and lsof on the same sockets, in turn, as ratios of medians.
#
#   benches/compare.sh [SOCKETS=100000] [PROCESSES=100] [RUNS=5]
#   benches/compare.sh scale [RUNS=3]       what a socket costs with 1k, 10k, 100k and 500k of them
#
#   V6_SHARE=30    percent of the connections that are IPv6
#   FILES=1000     other files that each process has open
#   PEERS=once     those that take minutes (ss -tanp, netstat, lsof) run once only
#
# Needs root: the sockets are made on loopback in a private network namespace and are gone when
# the script ends, ten minutes later at the most. Every command's output goes to /dev/null.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=compare
if [ "${1:-}" = scale ]; then
    mode=scale
    shift
    set -- 0 0 "${1:-3}"
fi
sockets=${1:-100000} processes=${2:-100} runs=${3:-5}

if [ -z "${SOCKSCOPE_BENCH_INSIDE:-}" ]; then
    cargo build --quiet --release --bin sockscope --example scene
    [ "$mode" = scale ] && set -- scale "$runs"
    SOCKSCOPE_BENCH_INSIDE=1 exec unshare --net "$0" "$@"
fi

bin=${CARGO_TARGET_DIR:-target}/release
sockscope=$bin/sockscope
ip link set lo up
ready=$(mktemp)
load=
stop() {
    [ -z "$load" ] || kill "$load" 2>/dev/null || true
    [ -z "$load" ] || wait "$load" 2>/dev/null || true
    load=
}
trap 'stop; rm -f "$ready"' EXIT

# start SOCKETS PROCESSES: makes the sockets and waits until they are there.
start() {
    : >"$ready"
    "$bin/examples/scene" load --count "$1" --processes "$2" --v6-share "${V6_SHARE:-0}" \
        --files "${FILES:-0}" --hold 600 --ignore-stdin >"$ready" &
    load=$!
    for _ in $(seq 1200); do
        [ -s "$ready" ] && return
        sleep 0.1
    done
    echo "the sockets could not be made" >&2
    exit 1
}

# Seconds of one run.
once() {
    local start=$EPOCHREALTIME
    "$@" >/dev/null 2>&1 || true
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.4f\n", b - a}'
}


# The median of the numbers that stand in the arguments.
middle() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }

# Peak memory of one run in MiB.
memory() {
    command -v /usr/bin/time >/dev/null || { echo -; return; }
    /usr/bin/time -f %M "$@" 2>&1 >/dev/null | tail -n 1 | awk '{printf "%.0f", $1 / 1024}'
}

# NAME, a command of sockscope, and the command to compare it with.
compare() {
    local name=$1 ours=$2 theirs=$3 a=() b=() turn
    command -v "${theirs%% *}" >/dev/null || return 0
    once $ours >/dev/null
    for turn in $(seq "$runs"); do
        a+=("$(once $ours)")
        case ${PEERS:-}:$turn:$theirs in
        once:1:* | :* | *:"ss -tan") b+=("$(once $theirs)") ;;
        esac
    done
    local x y
    x=$(middle "${a[@]}")
    y=$(middle "${b[@]}")
    printf '| %s | %s | %.3f s | %.3f s | %s times | %s MiB |\n' "$name" "$theirs" "$y" "$x" \
        "$(awk -v x="$x" -v y="$y" 'BEGIN {printf "%.1f", y / x}')" "$(memory $ours)"
}

about() {
    echo "$(nproc) cores, $(uname -sr), $(date -u +%F), $runs runs in turn, medians"
    echo
}

if [ "$mode" = scale ]; then
    echo "a socket's share of the whole run; $(about)"
    echo "| sockets | processes | conns --format plain | a socket | --no-owners | a socket | memory |"
    echo "|---|---|---|---|---|---|---|"
    for size in "1000 10" "10000 10" "100000 100" "500000 100"; do
        set -- $size
        start "$1" "$2"
        a=() b=()
        plain="$sockscope conns -t --format plain"
        once $plain >/dev/null
        for _ in $(seq "$runs"); do
            a+=("$(once $plain)")
            b+=("$(once $plain --no-owners)")
        done
        awk -v n="$1" -v p="$2" -v x="$(middle "${a[@]}")" -v y="$(middle "${b[@]}")" -v m="$(memory $plain)" \
            'BEGIN {printf "| %d | %d | %.1f ms | %.2f us | %.1f ms | %.2f us | %s MiB |\n", n, p, x * 1e3, x * 1e6 / n, y * 1e3, y * 1e6 / n, m}'
        stop
    done
    exit
fi

start "$sockets" "$processes"
echo "$sockets sockets over $processes processes (${V6_SHARE:-0} % IPv6, ${FILES:-0} other files each), $(about)"
echo "| sockscope | compared with | theirs | ours | faster | our memory |"
echo "|---|---|---|---|---|---|"
compare "conns -t --format plain" "$sockscope conns -t --format plain" "ss -tanp"
compare "the same, owners from /proc" "env SOCKSCOPE_OWNERS=proc $sockscope conns -t --format plain" "ss -tanp"
compare "conns -t (table)" "$sockscope conns -t" "ss -tanp"
compare "conns -t --json" "$sockscope conns -t --json" "ss -tanp"
compare "conns -t --no-owners" "$sockscope conns -t --no-owners --format plain" "ss -tan"
compare "states" "$sockscope states" "ss -tan"
compare "listen -t" "$sockscope listen -t" "ss -tlnp"
compare "the same, owners from /proc" "env SOCKSCOPE_OWNERS=proc $sockscope listen -t" "ss -tlnp"
compare "port 2048" "$sockscope port 2048" "lsof -nP -iTCP:2048"
compare "doctor --for 0" "$sockscope doctor --for 0" "ss -tanp"
compare "the overview" "$sockscope" "ss -tanp"
compare "buildup" "$sockscope buildup" "ss -tanp"
compare "conns -t --format plain" "$sockscope conns -t --format plain" "netstat -tanp"
compare "conns -t --format plain" "$sockscope conns -t --format plain" "lsof -nP -iTCP"
