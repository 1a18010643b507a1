"""The official Python client, called as the other programs are: official.py WORK URL COUNT SIZE PAGE CA FILE."""

import json
import resource
import statistics
import sys
import threading
import time

import shotgun_api3

WORK, URL, COUNT, SIZE, PAGE, CA, FILE = sys.argv[1:]
COUNT, SIZE = int(COUNT), int(SIZE)
FIELDS = [
    "code",
    "description",
    "sg_status_list",
    "project",
    "sg_sequence",
    "tasks",
    "created_at",
    "updated_at",
    "sg_cut_in",
    "sg_cut_duration",
    "image",
    "created_by",
]
FILTERS = [["project", "is", {"type": "Project", "id": 70}]]
NEW_ROW = {"code": "SQ010_0010", "project": {"type": "Project", "id": 70}}


def connected(connect=True):
    ca_certs = None if CA == "-" else CA
    return shotgun_api3.Shotgun(URL, script_name="bench", api_key="0123456789abcdef", ca_certs=ca_certs, connect=connect)


def status_of(name):
    with open("/proc/self/status") as status:
        return next((int(line.split()[1]) for line in status if line.startswith(name)), 0)


def cpu_now():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def told(seconds, cpu):
    return {"seconds": seconds, "cpu": cpu, "rss_kb": status_of("VmRSS:"), "threads": status_of("Threads:")}


def measure(work, count=None, warm=True):
    count = count or COUNT
    if warm:
        work()
    times = []
    cpu = cpu_now()
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return told(statistics.median(times), (cpu_now() - cpu) / count)


def callers():
    """One object for each thread, since one cannot be shared."""
    sessions = [connected() for _ in range(SIZE)]
    for session in sessions:
        session.find_one("Shot", FILTERS, FIELDS)
    ready = threading.Barrier(SIZE + 1)

    def call(session):
        ready.wait()
        for _ in range(COUNT):
            session.find_one("Shot", FILTERS, FIELDS)

    threads = [threading.Thread(target=call, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    ready.wait()
    start, cpu = time.perf_counter(), cpu_now()
    for thread in threads:
        thread.join()
    calls = SIZE * COUNT
    return told((time.perf_counter() - start) / calls, (cpu_now() - cpu) / calls)


def fresh():
    session = connected(connect=False)
    # What the others do too: one call and nothing else.
    session._call_rpc("read", {"type": "Shot", "paging": {"entities_per_page": 1, "current_page": 1}})
    session.close()


def main():
    if WORK == "fresh":
        return measure(fresh)
    sg = connected()
    if WORK == "start":
        sg.find_one("Shot", FILTERS, FIELDS)
        return {"seconds": 0}
    if WORK == "one":
        return measure(lambda: sg.find_one("Shot", FILTERS, FIELDS))
    if WORK in ("rows", "pages"):
        # Every value is an object of the interpreter by then.
        return measure(lambda: sg.find("Shot", FILTERS, FIELDS, limit=SIZE))
    if WORK == "callers":
        return callers()
    if WORK == "batch":
        requests = [{"request_type": "create", "entity_type": "Shot", "data": NEW_ROW} for _ in range(SIZE)]
        return measure(lambda: sg.batch(requests))
    if WORK == "resumed":
        return measure(lambda: sg._call_rpc("read", {"type": "Shot", "paging": {"entities_per_page": 1, "current_page": 1}}))
    if WORK == "upload":
        return measure(lambda: sg.upload("Shot", 1000, FILE, "sg_file"), warm=False)
    if WORK == "download":
        return measure(lambda: sg.download_attachment(1, FILE), warm=False)
    if WORK == "keep-values":
        sg.find_one("Shot", FILTERS, FIELDS)
        idle = status_of("VmRSS:")
        kept = sg.find("Shot", FILTERS, FIELDS, limit=SIZE)
        return {"seconds": 0, "grown_kb": status_of("VmRSS:") - idle, "rows": len(kept)}
    raise SystemExit(f"{WORK} is not for the official client")


print(json.dumps(main()))
