"""Durable trials a second with an instant machine and Sobol proposals, beside the disk's own syncs.

    python3 bench/durable.py [--trials 600] [--binary target/release/forethought]

Prints syncs/s (write 4 KiB + fdatasync, median of three rounds), then trials/s and the ratio for one machine slot and for
sixteen, in one folder on one disk.
"""
import argparse
import os
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


def syncs(folder, rounds=3, count=200):
    rates = []
    for _ in range(rounds):
        path = os.path.join(folder, "sync")
        with open(path, "wb") as f:
            began = time.perf_counter()
            for _ in range(count):
                f.write(b"x" * 4096)
                f.flush()
                os.fdatasync(f.fileno())
            rates.append(count / (time.perf_counter() - began))
        os.remove(path)
    return sorted(rates)[rounds // 2]


def trials(binary, folder, count, parallel):
    project = tempfile.mkdtemp(dir=folder)
    with open(os.path.join(project, "c.toml"), "w") as f:
        f.write(FILE.format(trials=count, parallel=parallel))
    began = time.perf_counter()
    subprocess.run([binary, "run", project, "--no-report", "--quiet"], check=True, stdout=subprocess.DEVNULL)
    return count / (time.perf_counter() - began)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=600)
    parser.add_argument("--binary", default="target/release/forethought")
    arguments = parser.parse_args()
    binary = os.path.abspath(arguments.binary)
    with tempfile.TemporaryDirectory(dir=".") as folder:
        before = syncs(folder)
        one = sorted(trials(binary, folder, arguments.trials, 1) for _ in range(3))[1]
        sixteen = sorted(trials(binary, folder, arguments.trials, 16) for _ in range(3))[1]
        rate = (before + syncs(folder)) / 2
    print(f"syncs/s {rate:.0f}")
    print(f"trials/s, 1 slot {one:.0f}: syncs/s / {rate / one:.2f} (reach: / 2.2)")
    print(f"trials/s, 16 slots {sixteen:.0f}: {sixteen / one:.2f} times one slot (reach: 3)")
    print(f"load {os.getloadavg()[0]:.1f}")


main()
