#!/bin/sh
# Runs a program in a network of its own: this side is the client's machine, the namespace "site" is the site's. It is started in
# new namespaces for network, mounts and processes, so whatever it makes is gone when it ends, however it ends.
set -eu
mount -t tmpfs tmpfs /run
mount --bind "$(dirname "$0")/hosts" /etc/hosts
ip link set lo up
ip netns add site
ip -n site link set lo up
ip link add c0 type veth peer name s0 netns site
ip address add 10.77.0.1/24 dev c0
ip -n site address add 10.77.0.2/24 dev s0
ip link set c0 up
ip -n site link set s0 up
SHOTGRID_LAB=1
export SHOTGRID_LAB
"$@"
