#!/bin/sh
# Makes sure that a PostgreSQL server is installed and starts one of its own in the folder $1; prints its URL.
# Run it as root. `sh .ci/postgresql.sh DIR stop` ends it.
set -eu

folder=$1
bin() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; }

if [ "${2:-start}" = stop ]; then
    su postgres -c "$(bin)/pg_ctl -D '$folder/data' -m immediate stop" >/dev/null
    exit 0
fi
if [ ! -x "$(bin)/pg_ctl" ]; then
    echo "postgresql.sh: installing postgresql" >&2
    apt-get update -qq
    # No cluster of Debian's own: it would take port 5432.
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
fi
mkdir -p "$folder"
chown postgres "$folder"
su postgres -c "$(bin)/initdb -D '$folder/data' -A trust -E UTF8 --locale=C.UTF-8" >"$folder/log" 2>&1 || {
    cat "$folder/log" >&2
    exit 1
}
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
su postgres -c "$(bin)/pg_ctl -D '$folder/data' -w -l '$folder/server.log' -o '-p $port -h 127.0.0.1 -k $folder -c fsync=off' start" >/dev/null
echo "postgresql+psycopg://postgres@127.0.0.1:$port/postgres"
