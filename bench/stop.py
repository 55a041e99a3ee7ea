#!/usr/bin/env python3
"""How long a plant with a period of a minute goes on after `forethought stop` is typed.

    python3 bench/stop.py target/release/forethought

Two programs as plants, each stopped in the midst of a period: a deaf one sleeps to its period's end, one that hears reads its
standard input meanwhile. Seconds from the command to the safe action, and to the command's answer; one JSON line a plant.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

TIMES = 5

PLANT = """
import json, select, sys, time
log = open("plant.log", "a", buffering=1)
card = {"period_s": 60, "actions": [{"name": "heat", "low": 0, "high": 100, "rate": 10, "safe": 0}],
        "sensors": [{"name": "temp", "low": 0, "high": 200}]}
while line := sys.stdin.readline():
    print(line.strip(), file=log)
    ask = json.loads(line)
    if "hello" in ask:
        answer = {"card": card}
    elif "safe" in ask:
        answer = {"ok": True}
    else:
        if "step" in ask:
            if HEARS and select.select([sys.stdin], [], [], 60)[0]:
                continue
            elif not HEARS:
                time.sleep(60)
        answer = {"read": [20.0]}
    print(json.dumps(answer), flush=True)
"""

FILE = """
forethought = 1
name = "oven"
[environment]
driver = "pipe"
command = ["python3", "-S", "plant.py"]
[sensor]
temp = { target = 60 }
[explore]
time = "2h"
episodes = 2
[drive]
time = "1h"
"""


def stopped(program, folder):
    """Seconds to the safe action and to the answer of one stop."""
    log = folder / "plant.log"
    log.unlink(missing_ok=True)
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    driver = subprocess.Popen([program, "world", "explore", "plant.toml", "--no-report"], **quiet)
    while not (log.exists() and '{"step' in log.read_text()):
        time.sleep(0.01)
    before = log.read_text().count("safe")
    began = time.monotonic()
    stop = subprocess.Popen([program, "stop", "plant.toml"], **quiet)
    while log.read_text().count("safe") == before:
        time.sleep(0.001)
    safe = time.monotonic() - began
    assert stop.wait() == 0
    answered = time.monotonic() - began
    assert driver.wait() == 130
    return safe, answered


def main():
    program = os.path.abspath(sys.argv[1])
    for hears in (False, True):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "plant.toml").write_text(FILE)
            (folder / "plant.py").write_text(f"HEARS = {hears}\n{PLANT}")
            times = [stopped(program, folder) for _ in range(TIMES)]
        safe, answered = zip(*times)
        figures = {"hears": hears, "safe_s_most": round(max(safe), 3), "answered_s_most": round(max(answered), 3)}
        print(json.dumps(figures), flush=True)


main()
