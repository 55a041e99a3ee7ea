"""The receding-horizon tasks of `--example trajectories`, solved by CasADi's solvers and by do-mpc.

    python bench/peers/mpc.py [--task pendulum] [--peer sqp-qrqp-multiple] [--repeat 3]
    python bench/peers/mpc.py --summary [bench/out/trajectories.jsonl]     beside ours at equal cost

Plants, bounds, rates, limits, costs, horizons and numbers of periods are those of crates/plan/tests/trajectory/plants.rs and
crates/plan/examples/trajectories.rs. A plan is made anew each period, warm-started with the last one shifted by a period.

One line a task and peer in bench/out/mpc.jsonl; a line that is there is not run again:
  run_cost      cost of what was done over the run, by the task's own cost
  ms, ms_mean   CPU of this process for one decision: median and mean over the periods; of `--repeat` runs the median
  broken        sensors beyond a limit by more than 1e-3, counted over periods
  excess        the most that a limit was broken by
  failed        decisions whose solver did not say that it succeeded; what it returned was used, inside the bounds

  ipopt-multiple, -single   interior point, exact second derivatives, tolerance 1e-4; states and actions are unknowns, or actions
  fatrop-stages             the same for a problem in stages (the action before is a state)
  sqp-QP-multiple, -single  sqpmethod with Gauss-Newton, to 1e-4, whose QP is solved by QP
  do-mpc                    its MPC of a discrete model, IPOPT with the same options

What a peer is given beside its task: the true derivatives; on the pendulum a first plan that pumps energy, for a plan of
zeros is stationary where the rod hangs; speeds that are bounded instead of cut off at 8.
"""

import argparse
import json
import time
import warnings
from dataclasses import dataclass, field
from math import inf, pi
from statistics import median
from typing import Callable

from common import append, lines, stamp, versions

import casadi as ca
import numpy as np

warnings.filterwarnings("ignore")
FILE = "mpc.jsonl"
IPOPT = {"print_level": 0, "sb": "yes", "tol": 1e-4, "mu_init": 1e-3, "warm_start_init_point": "yes",
         "warm_start_bound_push": 1e-6, "warm_start_mult_bound_push": 1e-6, "bound_relax_factor": 0.0}
FATROP = {"print_level": 0, "tol": 1e-4, "mu_init": 1e-3}
SQP = {"max_iter": 30, "tol_pr": 1e-4, "tol_du": 1e-4,
       "print_header": False, "print_iteration": False, "print_status": False}
QP = {"qrqp": {"print_iter": False, "print_header": False, "print_info": False},
      "qpoases": {"printLevel": "none", "sparse": False},
      "osqp": {"warm_start_primal": True, "warm_start_dual": True,
               "osqp": {"verbose": False, "eps_abs": 1e-6, "eps_rel": 1e-6}}}
PEERS = ["ipopt-multiple", "ipopt-single", "fatrop-stages", "sqp-qrqp-multiple", "sqp-qrqp-single", "sqp-osqp-multiple",
         "sqp-osqp-single", "sqp-qpoases-single", "do-mpc"]


@dataclass
class Task:
    """A plant, its cost as squares and a linear rest, its bounds (the plant's units) and how long it is run (periods)."""

    name: str
    start: list  # state
    actions: int
    next: Callable  # (state, action) -> state
    cost: Callable  # (state at the period's end, action, action before) -> (numbers whose squares are summed, rest)
    low: float
    high: float
    horizon: int
    periods: int
    step: float = inf  # most an action moves in a period
    lows: list = field(default_factory=list)  # of states, to be kept
    highs: list = field(default_factory=list)
    cut: Callable = staticmethod(lambda x: x)  # what the plant does to a state beyond what it can reach
    first: Callable = staticmethod(lambda x: [0.0])  # an action of the first plan, from the state

    def __post_init__(self):
        self.lows = self.lows or [-inf] * len(self.start)
        self.highs = self.highs or [inf] * len(self.start)
        x, u, b = ca.SX.sym("x", len(self.start)), ca.SX.sym("u", self.actions), ca.SX.sym("b", self.actions)
        squares, rest = self.cost(x, u, b)
        self.plant = ca.Function("plant", [x, u], [self.cut(self.next(x, u))])
        self.stage = ca.Function("stage", [x, u, b], [ca.sumsqr(squares) + rest])

    def begin(self):
        """A first plan: actions and the states that they lead to, one row a period."""
        x, us, xs = np.array(self.start), [], []
        for _ in range(self.horizon):
            us.append(np.resize(self.first(x), self.actions))
            x = np.array(self.plant(x, us[-1])).ravel()
            xs.append(x)
        return np.array(us), np.array(xs)


def point():
    return Task("point", [2.0, 0.5], 1, horizon=30, periods=60, low=-4.0, high=4.0,
                next=lambda x, u: ca.vertcat(x[0] + 0.1 * x[1] + 0.005 * u[0], x[1] + 0.1 * u[0]),
                cost=lambda x, u, b: (ca.vertcat(x[0], 0.1**0.5 * x[1], 0.05**0.5 * u[0]), 0.0))


def rod(name, hottest):
    def loss(t):
        return 0.002 * t + 1e-6 * t * t

    return Task(name, [0.0] * 3, 2, horizon=30, periods=60, low=0.0, high=3.0, step=0.5, highs=[hottest, inf, hottest],
                next=lambda x, u: ca.vertcat(x[0] + 10.0 * (0.9 * u[0] + 0.015 * (x[1] - x[0]) - loss(x[0])),
                                             x[1] + 10.0 * (0.010 * (x[0] + x[2] - 2.0 * x[1]) - loss(x[1])),
                                             x[2] + 10.0 * (0.9 * u[1] + 0.015 * (x[1] - x[2]) - loss(x[2]))),
                cost=lambda x, u, b: (ca.vertcat(0.1 * (x[1] - 100.0), u - b), 0.1 * (u[0] + u[1])))


def pendulum():
    def swing(x, u):
        speed = x[1] + 0.05 * (15.0 * ca.sin(x[0]) + 3.0 * u[0])
        return ca.vertcat(x[0] + 0.05 * speed, speed)

    def cut(x):
        # The plant cuts the speed before it moves the angle.
        speed = ca.fmin(ca.fmax(x[1], -8.0), 8.0)
        return ca.vertcat(x[0] + 0.05 * (speed - x[1]), speed)

    def cost(x, u, b):
        angle = x[0] - 2.0 * pi * ca.floor((x[0] + pi) / (2.0 * pi))
        return ca.vertcat(angle, 0.1**0.5 * x[1], 0.001**0.5 * u[0]), 0.0

    return Task("pendulum", [pi, 0.0], 1, horizon=40, periods=150, low=-2.0, high=2.0, lows=[-inf, -8.0], highs=[inf, 8.0],
                next=swing, cut=cut, cost=cost, first=lambda x: [2.0 if x[1] >= 0.0 else -2.0])


TASKS = [point(), rod("rod", inf), rod("rod with limits", 106.0), pendulum()]


class Program:
    """A task as a nonlinear program: unknowns w, period by period, and rows g, each with bounds; p: state and action before.

    `shooting`: "single" (actions), "multiple" (actions and states), "stages" (states, the action before among them, and
    actions, from the first state on).
    """

    def __init__(self, task, shooting):
        self.task, self.shooting = task, shooting
        n, m = len(task.start), task.actions
        self.p = x, b = ca.SX.sym("x", n), ca.SX.sym("b", m)
        self.w, self.wl, self.wu, self.g, self.gl, self.gu = [], [], [], [], [], []
        self.squares, self.rest = [], 0.0
        if shooting == "stages":
            x, b = self.unknown(n), self.unknown(m)
        for t in range(task.horizon):
            u = self.unknown(m, task.low, task.high)
            after = task.next(x, u)
            end, kept = after, u
            if shooting != "single":
                end = self.unknown(n, task.lows, task.highs)
                self.row(end - after)
            if shooting == "stages":
                kept = self.unknown(m)
                self.row(kept - u)
                if t == 0:
                    self.row(ca.vertcat(x, b) - ca.vertcat(*self.p))
            if shooting == "single":
                for i in range(n):
                    if min(-task.lows[i], task.highs[i]) < inf:
                        self.row(end[i], task.lows[i], task.highs[i])
            if task.step < inf:
                self.row(u - b, -task.step, task.step)
            squares, rest = task.cost(end, u, b)
            self.squares.append(squares)
            self.rest += rest
            x, b = end, kept

    def unknown(self, size, low=-inf, high=inf):
        v = ca.SX.sym("w", size)
        self.w.append(v)
        self.wl.append(np.broadcast_to(low, size))
        self.wu.append(np.broadcast_to(high, size))
        return v

    def row(self, g, low=0.0, high=0.0):
        self.g.append(g)
        self.gl.append(np.full(g.numel(), low))
        self.gu.append(np.full(g.numel(), high))

    def problem(self):
        squares = ca.vertcat(*self.squares)
        return {"x": ca.vertcat(*self.w), "f": ca.sumsqr(squares) + self.rest, "g": ca.vertcat(*self.g),
                "p": ca.vertcat(*self.p)}

    def bounds(self):
        names = {"lbx": self.wl, "ubx": self.wu, "lbg": self.gl, "ubg": self.gu}
        return {name: np.concatenate([[], *parts]) for name, parts in names.items()}

    def first(self):
        """The first plan as unknowns."""
        us, xs = self.task.begin()
        if self.shooting == "single":
            return us.ravel()
        if self.shooting == "multiple":
            return np.hstack([us, xs]).ravel()
        return np.concatenate([self.task.start, np.zeros(self.task.actions), np.hstack([us, xs, us]).ravel()])

    def gauss_newton(self):
        """The Hessian of the Lagrangian without the curvature of what is squared, nor of the rows."""
        nlp = self.problem()
        j = ca.jacobian(ca.vertcat(*self.squares), nlp["x"])
        scale, lam = ca.SX.sym("s"), ca.SX.sym("l", nlp["g"].shape)
        h = 2.0 * scale * j.T @ j + 1e-8 * ca.SX.eye(nlp["x"].numel())
        return ca.Function("gauss_newton", [nlp["x"], nlp["p"], scale, lam], [h], ["x", "p", "lam_f", "lam_g"], ["hess_gamma_x_x"])

    def solver(self, name):
        options = {"print_time": False, "error_on_fail": False}
        if name == "ipopt":
            options |= {"ipopt": IPOPT}
        elif name == "fatrop":
            equal = [bool(low == high) for low, high in zip(np.concatenate(self.gl), np.concatenate(self.gu))]
            options |= {"fatrop": FATROP, "structure_detection": "auto", "equality": equal}
        else:
            name, qp = "sqpmethod", name.removeprefix("sqp-")
            options |= SQP | {"hess_lag": self.gauss_newton(), "qpsol": qp, "qpsol_options": QP[qp] | {"error_on_fail": False}}
        return ca.nlpsol("solver", name, self.problem(), options)


class Casadi:
    def __init__(self, task, peer):
        name, shooting = peer.rsplit("-", 1)
        program = Program(task, shooting)
        self.solver, self.bounds, self.w, self.multipliers = program.solver(name), program.bounds(), program.first(), {}
        self.staged = shooting == "stages"
        # Where the first action stands, and unknowns and rows of a period.
        at = len(task.start) + task.actions if self.staged else 0
        self.action = slice(at, at + task.actions)
        self.period, self.rows = (len(self.w) - at) // task.horizon, len(self.bounds["lbg"]) // task.horizon

    def decide(self, x, before):
        found = self.solver(x0=self.w, p=np.concatenate([x, before]), **self.bounds, **self.multipliers)
        found = {name: value.full().ravel() for name, value in found.items()}
        self.w = shifted(found["x"], self.period)
        if not self.staged:
            # Interior points in stages start without.
            self.multipliers = {"lam_x0": shifted(found["lam_x"], self.period), "lam_g0": shifted(found["lam_g"], self.rows)}
        return found["x"][self.action], self.solver.stats()["success"]


def shifted(values, width):
    """Each period takes what the next one has; the last is repeated."""
    return np.concatenate([values[width:], values[len(values) - width:]])


class DoMpc:
    def __init__(self, task):
        import do_mpc
        n, m = len(task.start), task.actions
        model = do_mpc.model.Model("discrete", "SX")
        x, b = model.set_variable("_x", "x", shape=(n, 1)), model.set_variable("_x", "b", shape=(m, 1))
        u = model.set_variable("_u", "u", shape=(m, 1))
        model.set_rhs("x", task.next(x, u))
        model.set_rhs("b", u)
        model.setup()
        self.mpc = mpc = do_mpc.controller.MPC(model)
        mpc.settings.n_horizon, mpc.settings.t_step, mpc.settings.state_discretization = task.horizon, 1.0, "discrete"
        mpc.settings.store_lagr_multiplier, mpc.settings.use_terminal_bounds = False, True
        mpc.settings.nlpsol_opts = {"print_time": False} | {f"ipopt.{k}": v for k, v in IPOPT.items()}

        # The task's cost is of a period's end, do-mpc's of its begin, and of the last end: over a plan they differ by a constant.
        def cost(x, u, b):
            squares, rest = task.cost(x, u, b)
            return ca.sumsqr(squares) + rest

        still = ca.SX.zeros(m)
        mpc.set_objective(mterm=cost(x, still, still), lterm=cost(x, u, b))
        mpc.set_rterm(u=0.0)
        mpc.bounds["lower", "_u", "u"], mpc.bounds["upper", "_u", "u"] = task.low, task.high
        for which, of in (("lower", task.lows), ("upper", task.highs)):
            mpc.bounds[which, "_x", "x"] = mpc.terminal_bounds[which, "x"] = np.array(of)
        if task.step < inf:
            for i in range(m):
                mpc.set_nl_cons(f"up_{i}", u[i] - b[i], ub=task.step)
                mpc.set_nl_cons(f"down_{i}", b[i] - u[i], ub=task.step)
        mpc.setup()
        mpc.x0 = np.concatenate([task.start, np.zeros(m)])
        mpc.set_initial_guess()
        for t, (u, x) in enumerate(zip(*task.begin())):
            mpc.opt_x_num["_u", t, 0], mpc.opt_x_num["_x", t + 1, 0, -1] = u, np.concatenate([x, u])

    def decide(self, x, before):
        u = self.mpc.make_step(np.concatenate([x, before])[:, None]).ravel()
        return u, self.mpc.solver_stats["success"]


def run(task, peer):
    """A whole run; CPU seconds of each decision stand under "cpu"."""
    controller = DoMpc(task) if peer == "do-mpc" else Casadi(task, peer)
    x, before = np.array(task.start), np.zeros(task.actions)
    out = {"run_cost": 0.0, "broken": 0, "excess": 0.0, "failed": 0, "cpu": []}
    for _ in range(task.periods):
        start = time.process_time()
        u, fine = controller.decide(x, before)
        out["cpu"].append(time.process_time() - start)
        out["failed"] += not fine
        u = np.clip(u, np.maximum(task.low, before - task.step), np.minimum(task.high, before + task.step))
        x = task.plant(x, u).full().ravel()
        over = np.maximum(x - task.highs, task.lows - x)
        out["run_cost"] += float(task.stage(x, u, before))
        out["broken"] += int((over > 1e-3).sum())
        out["excess"] = max(out["excess"], float(over.max()))
        before = u
    return out


def measure(task, peer, repeat):
    runs = [run(task, peer) for _ in range(repeat)]
    cpu = [r.pop("cpu") for r in runs]
    return {"task": task.name, "peer": peer, **runs[0], "ms": round(1e3 * median(map(median, cpu)), 3),
            "ms_mean": round(1e3 * median(map(np.mean, cpu)), 3), "repeat": repeat,
            "versions": versions("casadi", "do-mpc", "numpy"), **stamp()}


def summary(ours):
    """Each task's lines, quickest first, each beside the quickest of ours that costs at most 1 % more (means of CPU ms)."""
    for task in TASKS:
        print(f"{task.name}:")
        mine = sorted((line for line in ours if line["task"] == task.name), key=lambda line: line["ms"])
        for line in sorted((line for line in lines(FILE) if line["task"] == task.name), key=lambda line: line["ms_mean"]):
            equal = next((m for m in mine if m["run_cost"] <= 1.01 * line["run_cost"] and m["broken"] == 0), None)
            beside = "ours never within 1 %" if equal is None else (
                f"ours {equal['method']} {equal['periods']:.0f} periods: {equal['run_cost']:.2f}, {equal['ms']:.3f} ms, "
                f"peer / ours {line['ms_mean'] / equal['ms']:.2f}")
            print(f"  {line['peer']:18} cost {line['run_cost']:.2f}, ms {line['ms']:.3f} mean {line['ms_mean']:.3f}, "
                  f"broken {line['broken']}, failed {line['failed']}{'; ' + beside if ours else ''}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--task", choices=[t.name for t in TASKS])
    parser.add_argument("--peer", choices=PEERS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--summary", action="store_true")
    parser.add_argument("ours", nargs="?", help="lines of `--example trajectories`")
    a = parser.parse_args()
    if not a.summary:
        done = {(line["task"], line["peer"]) for line in lines(FILE)}
        for task in TASKS:
            for peer in PEERS:
                if a.task in (None, task.name) and a.peer in (None, peer) and (task.name, peer) not in done:
                    append(FILE, measure(task, peer, a.repeat))
    ours = [json.loads(line) for line in open(a.ours)] if a.ours else []
    summary(ours)


if __name__ == "__main__":
    main()
