"""A line between this machine and the site that delays, loses, reorders, doubles and damages packets.

What the kernel's netem does, for kernels that are built without it: two TUN devices, one of them in the namespace "site",
and this program between them. It prints one line when the line stands, and ends with its standard input.

    link.py DELAY_MS JITTER_MS LOSS REORDER DUPLICATE CORRUPT     the last four in per cent, each way
"""

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
DEEPEST = 20_000


def device(name):
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def main():
    delay, jitter, *chances = (float(word) for word in sys.argv[1:])
    loss, reorder, duplicate, corrupt = (chance / 100 for chance in chances)
    here, there = device("l0"), device("l1")
    for command in (
        "ip link set l1 netns site",
        "ip address replace 10.78.0.1/24 dev l0",
        "ip -n site address replace 10.78.0.2/24 dev l1",
        "ip link set l0 up txqueuelen 5000",
        "ip -n site link set l1 up txqueuelen 5000",
    ):
        subprocess.run(command.split(), check=True)
    print("up", flush=True)
    chance = random.Random(7)
    other = {here: there, there: here}
    waiting = []
    order = 0
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([here, there, sys.stdin], [], [], pause)
        if sys.stdin in ready:
            return
        now = time.monotonic()
        for tun in ready:
            for _ in range(64):
                try:
                    packet = os.read(tun, 65536)
                except BlockingIOError:
                    break
                if chance.random() < loss or len(waiting) > DEEPEST:
                    continue
                if chance.random() < corrupt:
                    place = chance.randrange(len(packet))
                    packet = packet[:place] + bytes([packet[place] ^ 1 << chance.randrange(8)]) + packet[place + 1 :]
                for _ in range(2 if chance.random() < duplicate else 1):
                    late = 0.0 if chance.random() < reorder else delay + chance.uniform(-jitter, jitter)
                    order += 1
                    heapq.heappush(waiting, (now + late / 1000, order, other[tun], packet))
        while waiting and waiting[0][0] <= now:
            _, _, tun, packet = heapq.heappop(waiting)
            try:
                os.write(tun, packet)
            except OSError:
                # A damaged head is no packet, and a full device drops what it gets: both are losses.
                pass


main()
