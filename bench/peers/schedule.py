"""Makespan of job shops and flexible job shops: `forethought schedule plan` beside CP-SAT with 1, 2 and 8 workers.

    python schedule.py --program target/release/forethought --instances DIR --best DIR/best_known.csv --seconds 10 la21 mk10
    python schedule.py --taillard 15x15:840612802:398197754 --program …

DIR holds `jobshop/NAME.txt` and `flexible/NAME.txt`. An instance of Taillard's generator (Taillard 1993) is named by its size
and its seeds of durations and machines; such instances are what the search may be tuned on.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path


class Taillard:
    """Bratley, Fox and Schrage's generator, as Taillard printed it."""

    def __init__(self, seed):
        self.seed = seed

    def uniform(self, low, high):
        k = self.seed // 127773
        self.seed = 16807 * (self.seed % 127773) - k * 2836
        if self.seed < 0:
            self.seed += 2147483647
        return low + int(self.seed / 2147483647 * (high - low + 1))


def taillard(jobs, machines, time_seed, machine_seed):
    """Durations from 1 to 99, and a random order of machines for each job."""
    draw = Taillard(time_seed)
    durations = [[draw.uniform(1, 99) for _ in range(machines)] for _ in range(jobs)]
    draw, orders = Taillard(machine_seed), []
    for _ in range(jobs):
        order = list(range(machines))
        for i in range(machines):
            j = draw.uniform(i, machines - 1)
            order[i], order[j] = order[j], order[i]
        orders.append(order)
    lines = [" ".join(f"{m} {d}" for m, d in zip(o, ds)) for o, ds in zip(orders, durations)]
    return f"{jobs} {machines}\n" + "\n".join(lines) + "\n"


def read(path, flexible):
    """Jobs as lists of operations, each a list of (machine, duration)."""
    lines = [line.split() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    jobs = []
    for words in lines[1:]:
        numbers, job = [int(w) for w in words], []
        if not flexible:
            job = [[pair] for pair in zip(numbers[::2], numbers[1::2])]
        else:
            at = 1
            for _ in range(numbers[0]):
                k = numbers[at]
                job.append([(numbers[at + 1 + 2 * i], numbers[at + 2 + 2 * i]) for i in range(k)])
                at += 1 + 2 * k
        jobs.append(job)
    return jobs


def cp_sat(jobs, seconds, workers, seed):
    """Optional intervals and one no-overlap a machine, as OR-Tools' own flexible job shop example."""
    from ortools.sat.python import cp_model

    model, machines, ends = cp_model.CpModel(), {}, []
    horizon = sum(max(d for _, d in operation) for job in jobs for operation in job)
    for job in jobs:
        before = 0
        for operation in job:
            start, end = model.new_int_var(0, horizon, ""), model.new_int_var(0, horizon, "")
            model.add(start >= before)
            chosen = []
            for machine, duration in operation:
                if len(operation) == 1:
                    interval = model.new_interval_var(start, duration, end, "")
                else:
                    is_here = model.new_bool_var("")
                    chosen.append(is_here)
                    interval = model.new_optional_interval_var(start, duration, end, is_here, "")
                machines.setdefault(machine, []).append(interval)
            if chosen:
                model.add_exactly_one(chosen)
            before = end
        ends.append(before)
    for intervals in machines.values():
        model.add_no_overlap(intervals)
    makespan = model.new_int_var(0, horizon, "")
    model.add_max_equality(makespan, ends)
    model.minimize(makespan)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = seed
    status = solver.solve(model)
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    return (int(solver.objective_value) if found else None), status == cp_model.OPTIMAL


def ours(program, path, seconds, seed):
    words = [program, "--quiet", "--json", "schedule", "plan", str(path), "--seconds", str(seconds), "--seed", str(seed)]
    said = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    return said["makespan"], said["is_proved"]


def cpu():
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(s.ru_utime + s.ru_stime for s in spent)


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("names", nargs="*")
    parse.add_argument("--program", default="target/release/forethought")
    parse.add_argument("--instances", type=Path)
    parse.add_argument("--best", type=Path)
    parse.add_argument("--taillard", action="append", default=[], metavar="JxM:SEED:SEED")
    parse.add_argument("--seconds", type=float, default=10)
    parse.add_argument("--seed", type=int, default=1)
    parse.add_argument("--workers", type=int, nargs="*", default=[1, 2, 8])
    asked = parse.parse_args()
    best = {}
    if asked.best:
        best = {row["instance"]: int(row["upper_bound"]) for row in csv.DictReader(asked.best.open())}
    with tempfile.TemporaryDirectory() as folder:
        cases = []
        for name in asked.names:
            path = asked.instances / "jobshop" / f"{name}.txt"
            flexible = not path.exists()
            cases.append((name, asked.instances / "flexible" / f"{name}.txt" if flexible else path, flexible))
        for text in asked.taillard:
            size, times, order = text.split(":")
            path = Path(folder) / f"{size}-{times}.txt"
            path.write_text(taillard(*map(int, size.split("x")), int(times), int(order)))
            cases.append((path.stem, path, False))
        solvers = [("ours", lambda path, jobs: ours(asked.program, path, asked.seconds, asked.seed))]
        for n in asked.workers:
            solvers.append((f"CP-SAT {n}", lambda path, jobs, n=n: cp_sat(jobs, asked.seconds, n, asked.seed)))
        print("| instance | best known |" + "".join(f" {name} | CPU s |" for name, _ in solvers) + " load |")
        print("|---" * (3 + 2 * len(solvers)) + "|")
        gaps = {name: [] for name, _ in solvers}
        for name, path, flexible in cases:
            jobs, cells = read(path, flexible), []
            for solver, solve in solvers:
                begun = cpu()
                makespan, is_proved = solve(path, jobs)
                cells.append(f" {makespan}{' proved' if is_proved else ''} | {cpu() - begun:.1f} |")
                if name in best and makespan:
                    gaps[solver].append(makespan / best[name] - 1)
            print(f"| {name} | {best.get(name, '')} |" + "".join(cells) + f" {os.getloadavg()[0]:.1f} |", flush=True)
        for solver, found in gaps.items():
            if found:
                print(f"{solver}: mean gap {100 * sum(found) / len(found):.2f} % over {len(found)}", file=sys.stderr)


if __name__ == "__main__":
    main()
