"""Durable trials a second with an instant machine and Sobol proposals, beside the disk's own syncs.

    python3 bench/durable.py [--trials 600] [--binary target/release/forethought]

Five rounds, each: the disk's syncs (write 4 KiB at the end of a file + fdatasync), a campaign with one machine slot, one with
sixteen, in one folder on one disk; printed are the median of each and the medians of the rounds' own ratios, for other work on
the machine moves all three together. A campaign is timed by its journal, from its first decision to its last event, so that
starting the program and fitting the model that names the best recipe at the end are not counted; with them: "whole runs".
"""
import argparse
import datetime
import json
import os
import sqlite3
import statistics
import subprocess
import tempfile
import time

FILE = """forethought = 1
name = "durable"
[parameter]
x1 = {{ range = [0, 1] }}
x2 = {{ range = [0, 1] }}
[outcome]
y = {{ goal = "minimize" }}
[start]
trials = {trials}
[machine.m]
driver = "simulator"
model = "sphere"
parallel = {parallel}
[budget]
trials = {trials}
"""


def syncs(folder, count=400):
    path = os.path.join(folder, "sync")
    with open(path, "wb") as f:
        began = time.perf_counter()
        for _ in range(count):
            f.write(b"x" * 4096)
            f.flush()
            os.fdatasync(f.fileno())
        rate = count / (time.perf_counter() - began)
    os.remove(path)
    return rate


def seconds(event):
    """Since the epoch; Python reads six decimals of the nine."""
    at = event["at"].rstrip("Z")
    return datetime.datetime.fromisoformat(at[:26] + "+00:00").timestamp()


def trials(binary, folder, count, parallel):
    """Trials a second by the journal, and over the whole run of the program."""
    project = tempfile.mkdtemp(dir=folder)
    with open(os.path.join(project, "c.toml"), "w") as f:
        f.write(FILE.format(trials=count, parallel=parallel))
    began = time.perf_counter()
    subprocess.run([binary, "run", project, "--no-report", "--quiet"], check=True, stdout=subprocess.DEVNULL)
    whole = time.perf_counter() - began
    journal = sqlite3.connect(os.path.join(project, "forethought.db"))
    events = [json.loads(bytes) for (bytes,) in journal.execute("SELECT bytes FROM event ORDER BY seq")]
    measured = sum(event["event"] == "reported" for event in events)
    assert measured == count, f"{measured} of {count} trials were measured"
    return count / (seconds(events[-1]) - seconds(events[1])), count / whole


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--binary", default="target/release/forethought")
    arguments = parser.parse_args()
    binary = os.path.abspath(arguments.binary)
    rounds = []
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for _ in range(arguments.rounds):
            sync = syncs(folder)
            one, one_whole = trials(binary, folder, arguments.trials, 1)
            sixteen, sixteen_whole = trials(binary, folder, arguments.trials, 16)
            rounds.append([sync, one, sixteen, sync / one, sixteen / one, one_whole, sixteen_whole])
    sync, one, sixteen, ratio, gain, one_whole, sixteen_whole = map(statistics.median, zip(*rounds))
    print(f"syncs/s {sync:.0f}")
    print(f"trials/s, 1 slot {one:.0f}: syncs/s / {ratio:.2f} (reach: / 2.2)")
    print(f"trials/s, 16 slots {sixteen:.0f}: {gain:.2f} times one slot (reach: 3)")
    print(f"whole runs: {one_whole:.0f} and {sixteen_whole:.0f} trials/s; load {os.getloadavg()[0]:.1f}")


main()
