#!/bin/sh
# Makes sure that a Docker engine answers and holds python:3.11-slim, and that a registry to push to and an ssh server are installed. Quick when all are there; run it as root.
# Where no registry can be reached, a stand-in of that name is made with debootstrap and kept in $MLOPS_CI_CACHE.
set -eu

image=python:3.11-slim
cache=${MLOPS_CI_CACHE:-/var/cache/jupyter-mlops}
log=/var/log/jupyter-mlops-dockerd.log

say() { printf 'docker.sh: %s\n' "$*" >&2; }
answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
has_image() { docker image inspect "$image" >/dev/null 2>&1; }

install_packages() {
    for package in "$@"; do
        if dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed'; then
            shift
        else
            shift
            set -- "$@" "$package"
        fi
    done
    [ $# -eq 0 ] && return 0
    say "installing $*"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

start_engine() {
    command -v dockerd >/dev/null || install_packages docker.io iptables
    say "starting dockerd (log: $log)"
    # Its own session with no terminal, so that it outlives this script and whoever called it.
    setsid nohup dockerd >"$log" 2>&1 </dev/null &
    tries=0
    until answers; do
        tries=$((tries + 1))
        if [ "$tries" -ge 120 ]; then
            say "dockerd did not answer within 60 s; its last words:"
            tail -n 20 "$log" >&2
            exit 1
        fi
        sleep 0.5
    done
}

# What a registry would give: Debian with Python 3.11, and this machine's certificates, so that containers reach what it reaches.
make_stand_in() {
    tarball=$cache/python-3.11-slim.tar
    if [ ! -s "$tarball" ]; then
        install_packages debootstrap ca-certificates
        say "making a stand-in for $image with debootstrap (about a minute)"
        mkdir -p "$cache"
        folder=$(mktemp -d "$cache/root.XXXXXX")
        trap 'rm -rf "$folder" "$tarball.part"' EXIT INT TERM
        debootstrap --variant=minbase --include=python3,python3-pip,python3-venv,ca-certificates bookworm "$folder" >"$cache/debootstrap.log" 2>&1 || {
            tail -n 20 "$cache/debootstrap.log" >&2
            exit 1
        }
        rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
        cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/ca-certificates.crt"
        tar -C "$folder" --numeric-owner -cf "$tarball.part" .
        mv "$tarball.part" "$tarball"
    fi
    say "loading the stand-in $image"
    docker import "$tarball" "$image" >/dev/null
}

answers || start_engine
if ! has_image; then
    timeout 120 docker pull --quiet "$image" >/dev/null 2>&1 || make_stand_in
fi
command -v docker-registry >/dev/null || install_packages docker-registry
[ -x /usr/sbin/sshd ] || install_packages openssh-server # the tests start one of their own
say "Docker $(docker version --format '{{.Server.Version}}') answers and has $image"
