"""SIGKILL at random moments of `run` and of `world drive`, half of them with an absence longer than the time-out.

    python3 bench/doors.py [--kills 1000] [--seed 1] [--binary target/release/forethought] [--only one worlds …] [--work FOLDER]

Eight kinds of campaigns and one of worlds, each killed the same number of times. After every second kill nobody drives for longer
than the machine's time-out: what a program did meanwhile counts by its own clock. Programs and plants keep logs of their own, in
files that forethought does not know. Checked after the kills:

- a stage of a trial was started once at most, by the programs' logs;
- every answer of a program that ended within its time is recorded, with the outcomes of its recipe;
- the record holds all that was read from it before, `verify` and `replay` exit with 0, and the campaign came to its end;
- a plant is made safe before anything else after a kill in an episode, every action lies within its range and rate, and a sealed
  episode reads the same ever after.

Prints a line of JSON a kind and exits with 1 where anything was violated. Python 3 alone is needed, on Linux: the folder of each
kind is left in FOLDER. A thousand kills take some 40 minutes on two cores.
"""
import argparse
import collections
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

TIMEOUT_S = 2
ABSENCE_S = 2.4
# A kill that ends nothing is none: runs that came to their end are given more to do.
MORE_TRIALS = 30
REPLAY_MOST_S = 1200

MACHINE = """
import json, os, random, sys, time
order = json.loads(sys.stdin.readline())
def note(name, *words):
    log = os.open(os.path.join(os.environ["FORETHOUGHT_DIR"], name), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, (" ".join(map(str, words)) + "\\n").encode())
    os.close(log)
began = time.time()
note("starts", order["key"])
time.sleep(SLEEP)
print(json.dumps({"outcomes": OUTCOMES}), flush=True)
note("ends", order["key"], time.time() - began)
"""

ONE_STAGE = """[machine.m]
driver = "command"
command = ["python3", "-SE", "m.py"]
timeout = "TIMEOUT"
MACHINE
"""

TWO_STAGES = """[stage.a]
machine = "m"
parameters = ["x"]
outcomes = ["w"]
[stage.b]
machine = "n"
inputs = ["w"]
outcomes = ["y"]
[machine.n]
driver = "command"
command = ["python3", "-SE", "m.py"]
timeout = "TIMEOUT"
""" + ONE_STAGE

PLANT = """
import json, random, sys, time
log = open("plant.log", "a", buffering=1)
level, noise = 20.0, random.Random(1)
for line in sys.stdin:
    log.write(line)
    question = json.loads(line)
    if "hello" in question:
        answer = {"card": {"name": "oven", "period_s": 1,
            "actions": [{"name": "heat", "unit": "%", "low": 0, "high": 100, "rate": 10, "safe": 0}],
            "sensors": [{"name": "temp", "low": 0, "high": 200}]}}
    elif "reset" in question:
        level = 20.0
        answer = {"read": [level]}
    elif "step" in question:
        time.sleep(0.01)
        level += 0.1 * (20 + question["step"][0] - level) + noise.gauss(0, 0.1)
        answer = {"read": [level], "done": False}
    else:
        answer = {"ok": True}
    sys.stdout.write(json.dumps(answer) + "\\n")
    sys.stdout.flush()
"""
HIGHEST, RATE = 90, 8

WORLD = """forethought = 1
name = "oven"
seed = 7
[environment]
driver = "pipe"
command = ["python3", "-S", "plant.py"]
timeout_s = TIMEOUT
[sensor]
temp = { target = 60, scale = 2, limit = { max = 90 } }
[action]
heat = { range = [0, HIGHEST], rate = RATE, safe = 0 }
[explore]
time = "240s"
episodes = 3
[drive]
time = "60s"
episodes = 2
horizon = "15s"
"""


class Kind:
    """A kind of campaign: how its machine works, how long it is left alone at most, whether programs die with the engine."""

    def __init__(self, trials, sleep, machine="", file=ONE_STAGE, start=1000, extra="", longest_s=0.4, all_die=False):
        self.trials, self.longest_s, self.all_die = trials, longest_s, all_die
        outcomes, more = '{"y": order["recipe"]["x"]}', ""
        if file is TWO_STAGES:
            outcomes = '{"w": order["recipe"]["x"]} if order["stage"] == "a" else {"y": order["inputs"]["w"]}'
            more = "w = { watch = true }\n"
        self.program = MACHINE.replace("SLEEP", sleep).replace("OUTCOMES", outcomes)
        self.file = (
            'forethought = 1\nname = "doors"\nseed = 3\n[parameter]\nx = { range = [0, 1] }\n'
            f'[outcome]\ny = {{ goal = "maximize" }}\n{more}[start]\ntrials = {start}\n'
            + file.replace("TIMEOUT", f"{TIMEOUT_S}s").replace("MACHINE", machine)
            + f"{extra}[budget]\ntrials = {trials}\n"
        )


KINDS = {
    "one": Kind(40, "0.02"),
    "four": Kind(80, "random.random() * 0.1", "parallel = 4"),
    "stages": Kind(40, "random.random() * 0.05", "parallel = 2", TWO_STAGES),
    "outlives": Kind(30, "0.3 + random.random() * 0.7", "parallel = 3"),
    "model": Kind(24, "0.03", "parallel = 2", start=5, longest_s=0.8),
    "all-die": Kind(60, "random.random() * 0.2", "parallel = 3", all_die=True),
    "batch": Kind(48, "random.random() * 0.05", "parallel = 4"),
    "interlock": Kind(
        40, "0.05", 'parallel = 2\nsignals = { ok = ["true"] }', extra='[envelope]\ninterlock = ["m.ok"]\n'
    ),
}
KINDS["batch"].file += 'batch = 4\nwait = "batch"\n'


class Project:
    """A folder with a campaign or a world, and what was found wrong with it."""

    def __init__(self, binary, folder, files):
        self.binary, self.folder, self.file = binary, folder, next(iter(files))
        self.problems, self.read = [], []
        self.kills = self.absences = self.runs = 0
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for name, text in files.items():
            with open(self.path(name), "w") as f:
                f.write(text)

    def path(self, name):
        return os.path.join(self.folder, name)

    def lines(self, name):
        try:
            with open(self.path(name)) as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def say(self, *words, timeout=300):
        """What the program answers to a verb: exit code, output, complaints."""
        try:
            told = subprocess.run(
                [self.binary, *words], cwd=self.folder, capture_output=True, text=True, timeout=timeout, env=environment()
            )
            return told.returncode, told.stdout, told.stderr
        except subprocess.TimeoutExpired:
            return "hangs", "", ""

    def wrong(self, what):
        self.problems.append(what)

    def start(self, *words):
        self.runs += 1
        with open(self.path("errors"), "w") as errors:
            return subprocess.Popen(
                [self.binary, *words, self.file, "--no-report", "--quiet"],
                cwd=self.folder, stdout=subprocess.DEVNULL, stderr=errors, env=environment(),
            )

    def kill(self, process):
        """Kills it; after every second time nobody comes for longer than the time-out. False where it had ended."""
        if process.poll() is not None:
            return False
        process.kill()
        process.wait()
        self.kills += 1
        if self.kills % 2 == 0:
            self.absences += 1
            time.sleep(ABSENCE_S)
        return True

    def look(self):
        """Reads the record, which holds what it held."""
        code, out, complaint = self.say("log", self.file, "--json")
        lines = out.splitlines()
        if code != 0:
            # Before its first event is durable there is no record.
            if self.read:
                self.wrong(f"log: {code} {(complaint or out).strip()[:200]}")
            return
        if lines[: len(self.read)] != self.read:
            self.wrong(f"events went: {len(self.read)} were read, then {len(lines)}")
        self.read = lines

    def events(self):
        return [json.loads(line) for line in self.read]

    def check(self, *words, timeout=300):
        code, out, complaint = self.say(*words, self.file, timeout=timeout)
        if code != 0:
            self.wrong(f"{words[0]}: {code} {(complaint or out).strip()[:200]}")

    def result(self, name, **more):
        return {"kind": name, "kills": self.kills, "absences": self.absences, "runs": self.runs, **more, "problems": self.problems[:8]}


def environment():
    return dict(os.environ, NO_COLOR="1")


def kill_all_of(folder):
    """Ends whatever was started from a folder: machines die with the engine."""
    mark = f"FORETHOUGHT_DIR={folder}\0".encode()
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/environ", "rb") as f:
                if mark in f.read() + b"\0":
                    os.kill(int(process), signal.SIGKILL)
        except OSError:
            pass


def grow(project, section, entry, more):
    """Gives a file that came to its end more to do."""
    with open(project.path(project.file)) as f:
        text = f.read()
    pattern = re.compile(rf"(\[{section}\][^\[]*?{entry} = )(\d+)")
    with open(project.path(project.file), "w") as f:
        f.write(pattern.sub(lambda m: f"{m[1]}{int(m[2]) + more}", text, count=1))


def campaign(binary, folder, name, kills, rng):
    kind = KINDS[name]
    project = Project(binary, folder, {"c.toml": kind.file, "m.py": kind.program})
    trials = kind.trials
    while True:
        process = project.start("run")
        last = project.kills >= kills
        try:
            code = process.wait(300 if last else rng.random() ** 1.5 * kind.longest_s)
        except subprocess.TimeoutExpired:
            if last:
                project.wrong("the last run hangs")
                process.kill()
                process.wait()
                break
            if rng.random() < 0.5:
                project.look()
            if project.kill(process):
                if kind.all_die:
                    kill_all_of(folder)
                project.look()
                if project.kills % 10 == 0:
                    project.check("verify")
            continue
        if code == 1 and kind.all_die:
            # Three programs in a row died: a person mends the machine.
            project.say("resume", "c.toml")
        elif code != 0:
            project.wrong(f"run: {code} {' '.join(project.lines('errors'))[:200]}")
            break
        elif last:
            break
        else:
            grow(project, "budget", "trials", MORE_TRIALS)
            trials += MORE_TRIALS
    project.look()
    project.check("verify")
    project.check("replay", timeout=REPLAY_MOST_S)
    answers = check_orders(project, kind)
    states = collections.Counter(trial["state"] for trial in json.loads(project.say("status", "c.toml", "--json")[1])["trials"])
    if not kind.all_die and states["measured"] != trials:
        project.wrong(f"{dict(states)} of {trials} trials")
    return project.result(name, starts=len(project.lines("starts")), answers=answers, states=dict(states))


def check_orders(project, kind):
    """Each stage of each trial was started once at most; each answer in time is recorded as it was given. How many were."""
    orders = collections.Counter(key.rsplit("/", 1)[0] for key in project.lines("starts"))
    twice = {order: count for order, count in orders.items() if count > 1}
    if twice:
        project.wrong(f"started twice: {twice}")
    set_to, answered = {}, {}
    for event in project.events():
        if event["event"] == "decided":
            set_to.update({p["trial"]: p["recipe"]["x"] for p in event["proposals"]})
        if event["event"] == "reported" and event["fate"] == "answered":
            answered[event["key"]] = event["outcomes"]
    for key, outcomes in answered.items():
        recipe = set_to[int(key.split("/")[1])]
        if any(value != recipe for value in outcomes.values()):
            project.wrong(f"{key} was recorded as {outcomes}, and x was {recipe}")
    ended = dict(line.split() for line in project.lines("ends"))
    in_time = {key for key, seconds in ended.items() if float(seconds) < 0.8 * TIMEOUT_S}
    lost = in_time - set(answered)
    if lost and not kind.all_die:
        project.wrong(f"answered in time and not recorded: {sorted(lost)[:5]}")
    return len(in_time & set(answered))


def world(binary, folder, name, kills, rng):
    text = WORLD.replace("TIMEOUT", str(TIMEOUT_S)).replace("HIGHEST", str(HIGHEST)).replace("RATE", str(RATE))
    project = Project(binary, folder, {"world.toml": text, "plant.py": PLANT})
    sealed, seen = {}, 0
    while project.kills < kills:
        was_open = bool(project.read) and project.events()[-1]["event"] in ("episode_intended", "alarm_raised")
        process = project.start("world", "drive")
        # Two of three kills come while an episode is under way.
        patience = time.time() + 120
        while project.kills % 3 and process.poll() is None and time.time() < patience:
            if any('"step"' in line for line in project.lines("plant.log")[seen:]):
                break
            time.sleep(0.02)
        try:
            code = process.wait(rng.random() * 3)
        except subprocess.TimeoutExpired:
            project.kill(process)
            code = None
        lines = project.lines("plant.log")
        words = [line for line in lines[seen:] if not line.startswith('{"hello"')]
        seen = len(lines)
        check_words(project, words, was_open)
        project.look()
        if project.read:
            project.check("verify")
            check_episodes(project, sealed, rng)
        if code == 0:
            grow(project, "drive", "episodes", 2)
        elif code is not None:
            project.wrong(f"world drive: {code} {' '.join(project.lines('errors'))[:200]}")
            break
    project.check("replay", timeout=REPLAY_MOST_S)
    return project.result(name, episodes=len(sealed), steps=sum('"step"' in line for line in project.lines("plant.log")))


def check_words(project, words, was_open):
    if was_open and words and not words[0].startswith('{"safe"'):
        project.wrong(f"after a kill in an episode the first word is {words[0][:60]}")
    before = 0.0
    for word in words:
        if '"step"' not in word:
            before = 0.0
            continue
        now = json.loads(word)["step"][0]
        if not -1e-9 <= now <= HIGHEST + 1e-9 or abs(now - before) > RATE * (1 + 1e-9) + 1e-9:
            project.wrong(f"an action of {now} follows {before}")
        before = now


def check_episodes(project, sealed, rng):
    """What was sealed reads as it did: all that is new, and a few of the others."""
    ended = [e["episode"] for e in project.events() if e["event"] == "episode_sealed" and e["periods"]]
    known = [episode for episode in ended if episode in sealed]
    new = [episode for episode in ended if episode not in sealed]
    for episode in new + rng.sample(known, min(3, len(known))):
        code, out, complaint = project.say("world", "export", project.file, "--episode", str(episode))
        if code != 0 or sealed.setdefault(episode, out) != out:
            project.wrong(f"episode {episode} reads otherwise now: {code} {complaint.strip()[:200]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--binary", default="target/release/forethought")
    parser.add_argument("--only", nargs="+", choices=[*KINDS, "worlds"])
    parser.add_argument("--work", default="bench/out/doors")
    arguments = parser.parse_args()
    kinds = arguments.only or [*KINDS, "worlds"]
    each = -(-arguments.kills // len(kinds))
    results = []
    for name in kinds:
        rng = random.Random(f"{arguments.seed} {name}")
        began = time.time()
        folder = os.path.join(os.path.realpath(arguments.work), name)
        one = world if name == "worlds" else campaign
        result = one(os.path.abspath(arguments.binary), folder, name, each, rng)
        results.append(result)
        print(json.dumps({**result, "seconds": round(time.time() - began)}), flush=True)
    bad = sum(bool(result["problems"]) for result in results)
    total, absences = (sum(result[what] for result in results) for what in ("kills", "absences"))
    print(f"{total} kills, {absences} with an absence of {ABSENCE_S} s: {'nothing wrong' if bad == 0 else f'{bad} kinds with problems'}")
    sys.exit(1 if bad else 0)


main()
