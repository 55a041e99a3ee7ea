"""How often what was read lies in the 90 % bands that `world imagine` draws of a recorded episode.

    python3 bench/imagine.py target/release/forethought examples/tanks/tanks.toml 10 [STEP]

Imagines 20 periods from every STEPth reading on, knowing only what was read before it and the actions after it.
"""

import json
import subprocess
import sys

program, world, episode = sys.argv[1:4]
step = int(sys.argv[4]) if len(sys.argv) > 4 else 15
inside, wide = {}, {}
start = 5
while True:
    asked = ["world", "imagine", world, "--episode", episode, "--from", str(start), "--periods", "20", "--json"]
    found = subprocess.run([program, *asked], capture_output=True, text=True)
    if found.returncode:
        break
    for sensor, rows in json.loads(found.stdout)["sensors"].items():
        for row in rows:
            if row["ahead"] in (1, 5, 20) and row["measured"] is not None:
                key = (sensor, row["ahead"])
                inside.setdefault(key, []).append(row["low"] <= row["measured"] <= row["high"])
                wide.setdefault(key, []).append(row["high"] - row["low"])
    start += step
for (sensor, ahead), kept in inside.items():
    mean = sum(wide[sensor, ahead]) / len(kept)
    print(f"{sensor}, {ahead} ahead: {sum(kept)} of {len(kept)} inside, {mean:.3f} wide on average")
every = [kept for all in inside.values() for kept in all]
print(f"all: {sum(every)} of {len(every)}, {100 * sum(every) / max(1, len(every)):.1f} %")
