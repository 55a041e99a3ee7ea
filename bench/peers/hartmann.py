"""Hartmann 6, no noise and none declared: 50 evaluations, 10 of them given, 50 seeds; the peers' own defaults.

    python bench/peers/hartmann.py --generate                      bench/out/starts.json
    python bench/peers/hartmann.py --peer egobox --seeds 0..49     (or egobox-suggest, baybe, botorch, optuna, ax)
    python bench/peers/hartmann.py --summary

starts.json: {"<seed>": ten points of six floats in 0..1}, scipy.stats.qmc.Sobol(6, scramble=True, seed=seed).random(10).
One line a peer and seed in bench/out/hartmann.jsonl: y (all 50 values in order), regret = best - (-3.32237),
x_best, seconds. Regret at 50 evaluations, starts counted. False optimum: regret in 0.10 to 0.14.

  egobox          Egor(xspecs, x_doe, y_doe, seed).minimize(fun, max_iters=40): its own loop
  egobox-suggest  Egor(xspecs, seed).suggest(x, y) forty times: its ask/tell
  baybe           Campaign with six continuous parameters and NumericalTarget minimised, its default recommender
  botorch         SingleTaskGP defaults, LogExpectedImprovement, optimize_acqf with 10 restarts and 512 raw samples
  optuna          GPSampler defaults; the starts are added as finished trials
  ax              Client defaults; the starts attached; the first answer, which comes from Sobol whatever is
                  attached, is abandoned unmeasured
"""

import argparse
import json
import logging
import warnings

from common import HARTMANN6_MIN, Clock, append, hartmann6, lines, one_thread, path, quartiles, stamp, versions

import numpy as np

warnings.filterwarnings("ignore")
FILE = "hartmann.jsonl"
N, N0 = 50, 10


def generate():
    from scipy.stats import qmc
    s = {}
    for seed in range(100):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ten is no power of two
            s[str(seed)] = [list(map(float, r)) for r in qmc.Sobol(6, scramble=True, seed=seed).random(N0)]
    with open(path("starts.json"), "w") as f:
        json.dump(s, f)
    print(len(s), "seeds in", path("starts.json"))


def egobox(x, y, seed):
    import egobox as egx
    order = []

    def fun(X):
        v = np.array([[hartmann6(r)] for r in X])
        order.extend((list(map(float, r)), float(a)) for r, a in zip(X, v[:, 0]))
        return v

    egx.Egor(np.array([[0.0, 1.0]] * 6), x_doe=np.array(x), y_doe=np.array(y)[:, None], seed=seed).minimize(
        fun, max_iters=N - N0)
    for a, b in order:
        x.append(a)
        y.append(b)


def egobox_suggest(x, y, seed):
    import egobox as egx
    e = egx.Egor(np.array([[0.0, 1.0]] * 6), seed=seed)
    while len(y) < N:
        r = [float(v) for v in np.asarray(e.suggest(np.array(x), np.array(y)[:, None])).reshape(-1)[:6]]
        x.append(r)
        y.append(hartmann6(r))


def baybe(x, y, seed):
    import pandas as pd
    import torch
    from baybe import Campaign
    from baybe.objectives import SingleTargetObjective
    from baybe.parameters import NumericalContinuousParameter
    from baybe.searchspace import SearchSpace
    from baybe.targets import NumericalTarget
    np.random.seed(seed)
    torch.manual_seed(seed)
    names = [f"x{j}" for j in range(6)]
    space = SearchSpace.from_product([NumericalContinuousParameter(n, (0.0, 1.0)) for n in names])
    c = Campaign(space, SingleTargetObjective(NumericalTarget("y", minimize=True)))
    df = pd.DataFrame(x, columns=names)
    df["y"] = y
    c.add_measurements(df)
    while len(y) < N:
        r = c.recommend(1)
        p = [float(v) for v in r[names].iloc[0]]
        x.append(p)
        y.append(hartmann6(p))
        r["y"] = [y[-1]]
        c.add_measurements(r)


def botorch(x, y, seed):
    import torch
    from botorch.acquisition import LogExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.optim import optimize_acqf
    from gpytorch.mlls import ExactMarginalLogLikelihood
    torch.manual_seed(seed)
    bounds = torch.stack([torch.zeros(6), torch.ones(6)]).double()
    while len(y) < N:
        X, Y = torch.tensor(x, dtype=torch.double), -torch.tensor(y, dtype=torch.double).unsqueeze(-1)
        m = SingleTaskGP(X, Y)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(m.likelihood, m))
        c, _ = optimize_acqf(LogExpectedImprovement(m, best_f=Y.max()), bounds=bounds, q=1, num_restarts=10,
                             raw_samples=512)
        x.append(c[0].tolist())
        y.append(hartmann6(x[-1]))


def optuna(x, y, seed):
    import optuna as o
    o.logging.set_verbosity(o.logging.ERROR)
    study = o.create_study(sampler=o.samplers.GPSampler(seed=seed))
    dist = {f"x{j}": o.distributions.FloatDistribution(0.0, 1.0) for j in range(6)}
    for p, v in zip(x, y):
        study.add_trial(o.trial.create_trial(params={f"x{j}": p[j] for j in range(6)}, distributions=dist, value=v))
    while len(y) < N:
        t = study.ask(dist)
        x.append([t.params[f"x{j}"] for j in range(6)])
        y.append(hartmann6(x[-1]))
        study.tell(t, y[-1])


def ax(x, y, seed):
    from ax.api.client import Client
    from ax.api.configs import RangeParameterConfig
    logging.disable(logging.INFO)
    cl = Client(random_seed=seed)
    cl.configure_experiment(parameters=[RangeParameterConfig(name=f"x{j}", parameter_type="float", bounds=(0.0, 1.0))
                                        for j in range(6)])
    cl.configure_optimization(objective="-y")
    for p, v in zip(x, y):
        cl.complete_trial(cl.attach_trial({f"x{j}": a for j, a in enumerate(p)}), raw_data={"y": v})
    (i, _), = cl.get_next_trials(max_trials=1).items()
    cl.mark_trial_abandoned(i)
    while len(y) < N:
        (i, p), = cl.get_next_trials(max_trials=1).items()
        x.append([p[f"x{j}"] for j in range(6)])
        y.append(hartmann6(x[-1]))
        cl.complete_trial(i, raw_data={"y": y[-1]})


RUN = {"egobox": egobox, "egobox-suggest": egobox_suggest, "baybe": baybe, "botorch": botorch, "optuna": optuna,
       "ax": ax}


def summary():
    rows = lines(FILE)
    for p in RUN:
        r = [q for q in rows if q["peer"] == p]
        if r:
            g = [q["regret"] for q in r]
            a, b, c = quartiles(g)
            ld = [q["load"][0] for q in r]
            print(f"{p:15s} seeds {len(r):2d}  regret median {b:.6f}  quartiles {a:.6f}-{c:.6f}  worst {max(g):.4f}  "
                  f"in the false optimum (.10-.14) {sum(.10 <= v <= .14 for v in g)} of {len(g)}  above .14: "
                  f"{sum(v > .14 for v in g)}  below .01: {sum(v < .01 for v in g)}  cpu s a suggestion "
                  f"{np.median([q['cpu'] / (N - N0) for q in r]):.3f}  evaluations {min(len(q['y']) for q in r)}-"
                  f"{max(len(q['y']) for q in r)}  load {min(ld):.1f}-{max(ld):.1f}")


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--generate", action="store_true")
    a.add_argument("--summary", action="store_true")
    a.add_argument("--peer", choices=list(RUN))
    a.add_argument("--seeds", default="0..49", help="first..last, both included")
    a = a.parse_args()
    if a.generate:
        return generate()
    if a.summary or not a.peer:
        return summary()
    if not a.peer.startswith("egobox"):
        one_thread()
    lo, hi = map(int, a.seeds.split(".."))
    with open(path("starts.json")) as f:
        starts = json.load(f)
    have = {q["seed"] for q in lines(FILE) if q["peer"] == a.peer}
    ver = versions("egobox", "baybe", "botorch", "gpytorch", "torch", "optuna", "ax-platform", "numpy", "scipy")
    for seed in range(lo, hi + 1):
        if seed in have:
            continue
        x = [list(p) for p in starts[str(seed)]]
        y = [hartmann6(p) for p in x]
        with Clock() as c:
            RUN[a.peer](x, y, seed)
        y = y[:N]
        b = int(np.argmin(y))
        row = dict(peer=a.peer, seed=seed, regret=y[b] - HARTMANN6_MIN, x_best=x[b], y=y, cpu=c.cpu, wall=c.wall,
                   versions=ver, threads=1, **stamp())
        append(FILE, row)
        print(a.peer, seed, round(row["regret"], 6), f"{c.cpu:.1f} s", flush=True)
    summary()


if __name__ == "__main__":
    main()
