"""90 % intervals for the next single measurement: BoTorch's SingleTaskGP on every table, left out by recipe.

    python bench/peers/tables.py                     first: the tables and folds
    python bench/peers/coverage.py [--only NAME ...] [--summary] [--check]

Reads bench/out/tables/*.json, writes one line a table and fold to bench/out/coverage.jsonl.

Inputs are scaled to the unit cube by the table's smallest and largest value, categories one-hot; outcomes are
standardised by the training rows of the fold. SingleTaskGP's defaults (squared-exponential kernel, a length scale an
input, no output scale, its priors), fit_gpytorch_mll, everything refitted in each fold. A recipe is left out with all
its repeats. Interval: mean -+ 1.6448536 sd, sd of a new single measurement (latent variance + noise), outcome units.

Repeats of a recipe are folded into their mean: with equal noise the likelihood of all rows is exactly that of the
means (noise / count) times a within-recipe term, and so is the posterior, which makes agnp (3295 rows, 164 recipes)
exact and cheap. --check shows the equality with a plain SingleTaskGP on all rows. Dense Cholesky throughout (GPyTorch
would turn to conjugate gradients above 800 rows). Where more than 1000 recipes train, the hyper-parameters are
fitted on 500 of them (numpy default_rng(fold)) and the prediction uses all: the line says fitted_on and exact_fit.

Printed: k of n by one drawn measurement a recipe ("drawn" in the table's file: one a recipe is independent enough for
Clopper-Pearson; 95 % and, for the rule of issue 4, at 1 - 0.05 / number of tables), by the first measurement of each
recipe in the file, and over all rows; the mean interval score
(u - l) + 20 (l - y)+ + 20 (y - u)+ over all rows, divided by the standard deviation of all outcomes of the table.
"""

import argparse
import glob
import json
import math
import os
import time
import warnings

from common import OUT, append, lines, one_thread, stamp, versions

import numpy as np

warnings.filterwarnings("ignore")
FILE = "coverage.jsonl"
Z = 1.6448536269514722
EXACT, SUBSET = 1000, 500


def load():
    t = {}
    for p in glob.glob(os.path.join(OUT, "tables", "*.json")):
        with open(p) as f:
            t[os.path.basename(p)[:-5]] = json.load(f)
    # small first, the ordinal one last
    return dict(sorted(t.items(), key=lambda kv: (kv[1]["kind"] != "numeric", len(kv[1]["fold"]))))


def encode(t):
    x, out = np.array(t["x"]), []
    for j, cat in enumerate(t["categorical"]):
        if cat:
            out += [(x[:, j] == k).astype(float) for k in range(len(t["options"][j]))]
        else:
            w = t["hi"][j] - t["lo"][j]
            out.append((x[:, j] - t["lo"][j]) / (w or 1.0))
    return np.stack(out, 1)


def mll_class():
    import torch
    from gpytorch.mlls import ExactMarginalLogLikelihood

    class Folded(ExactMarginalLogLikelihood):
        """Exact likelihood of all rows, written with recipe means, counts and within-recipe sums of squares."""

        def __init__(self, likelihood, model, count, ss):
            super().__init__(likelihood, model)
            self.count, self.ss = count, ss

        def forward(self, dist, target, *params, **kw):
            v = self.likelihood.noise.reshape(())
            n = self.count
            K = dist.covariance_matrix + torch.diag_embed(v / n)
            L = torch.linalg.cholesky(K)
            w = torch.linalg.solve_triangular(L, (target - dist.mean).unsqueeze(-1), upper=False).squeeze(-1)
            ll = -0.5 * (w * w).sum() - L.diagonal().log().sum() - 0.5 * len(n) * math.log(2 * math.pi)
            ll = ll - 0.5 * ((n - 1) * torch.log(2 * math.pi * v) + torch.log(n) + self.ss / v).sum()
            total = n.sum()
            return self._add_other_terms(ll, params).div(total)

    return Folded


def gather(x, y, recipe, keep):
    """Means, counts and within sums of squares of the recipes in keep, in order."""
    ids = [i for i in range(len(keep)) if keep[i]]
    at = {r: k for k, r in enumerate(ids)}
    X = np.zeros((len(ids), x.shape[1]))
    s, c = np.zeros(len(ids)), np.zeros(len(ids))
    for i, r in enumerate(recipe):
        if r in at:
            k = at[r]
            X[k] = x[i]
            s[k] += y[i]
            c[k] += 1
    m = s / c
    ss = np.zeros(len(ids))
    for i, r in enumerate(recipe):
        if r in at:
            ss[at[r]] += (y[i] - m[at[r]]) ** 2
    return ids, X, m, c, ss


def fit(X, m, c, ss):
    import torch
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    T = lambda a: torch.tensor(a, dtype=torch.double)
    model = SingleTaskGP(T(X), T(m).unsqueeze(-1), outcome_transform=None)
    mll = mll_class()(model.likelihood, model, T(c), T(ss))
    fit_gpytorch_mll(mll)
    return (model.covar_module.lengthscale.detach().reshape(-1).numpy(), float(model.likelihood.noise),
            float(model.mean_module.constant))


def kernel(a, b, l):
    a, b = a / l, b / l
    d = (a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2 * a @ b.T
    return np.exp(-0.5 * np.maximum(d, 0.0))


def one_fold(t, x, y, recipe, k):
    import torch
    from scipy.linalg import cho_factor, cho_solve
    torch.manual_seed(k)
    t0 = time.process_time()
    fold = np.array(t["fold"])
    train = np.array([fold[r] != k for r in recipe])
    mu0, s0 = y[train].mean(), y[train].std(ddof=1)
    z = (y - mu0) / s0
    ids, X, m, c, ss = gather(x, z, recipe, fold != k)
    n = len(ids)
    if n > EXACT:
        pick = np.sort(np.random.default_rng(k).choice(n, SUBSET, replace=False))
    else:
        pick = np.arange(n)
    l, v, mean = fit(X[pick], m[pick], c[pick], ss[pick])
    K = kernel(X, X, l) + np.diag(v / c)
    F = cho_factor(K, lower=True)
    test, Xt, _, _, _ = gather(x, z, recipe, fold == k)
    ks = kernel(Xt, X, l)
    pm = mean + ks @ cho_solve(F, m - mean)
    pv = 1.0 - np.einsum("ij,ji->i", ks, cho_solve(F, ks.T))
    sd = np.sqrt(np.maximum(pv, 0.0) + v)
    return dict(recipes=test, mean=(mu0 + s0 * pm).tolist(), sd=(s0 * sd).tolist(), noise=v, constant=mean,
                lengthscales=l.tolist(), y_sd=float(s0), train_rows=int(train.sum()), train_recipes=n,
                fitted_on=len(pick), exact_fit=bool(n <= EXACT), cpu=time.process_time() - t0)


def clopper(k, n, level):
    from scipy.stats import beta
    a = 1 - level
    return (0.0 if k == 0 else float(beta.ppf(a / 2, k, n - k + 1)),
            1.0 if k == n else float(beta.ppf(1 - a / 2, k + 1, n - k)))


def summary(tables):
    rows = lines(FILE)
    tot = sum(t["kind"] == "numeric" for t in tables.values())
    shares, scores = [], []
    for name, t in tables.items():
        r = [q for q in rows if q["table"] == name]
        if not r:
            continue
        mean, sd = {}, {}
        for q in r:
            mean.update(zip(q["recipes"], q["mean"]))
            sd.update(zip(q["recipes"], q["sd"]))
        y, rec = np.array(t["y"]), t["recipe"]
        k1 = n1 = ka = na = kf = 0
        drawn = set(t["drawn"])
        sc, seen = [], set()
        for i, g in enumerate(rec):
            if g not in mean:
                continue
            lo, hi = mean[g] - Z * sd[g], mean[g] + Z * sd[g]
            ok = lo <= y[i] <= hi
            ka, na = ka + ok, na + 1
            if g not in seen:
                seen.add(g)
                kf += ok
            if i in drawn:
                k1, n1 = k1 + ok, n1 + 1
            sc.append((hi - lo) + 20 * max(lo - y[i], 0) + 20 * max(y[i] - hi, 0))
        score = float(np.mean(sc) / y.std(ddof=1))
        a, b = clopper(k1, n1, 0.95)
        c, d = clopper(k1, n1, 1 - 0.05 / tot)
        done = len({q["fold"] for q in r})
        part = "" if done == t["folds"] else f"  PART: {done} of {t['folds']} folds"
        sub = "" if all(q["exact_fit"] for q in r) else f"  hyper-parameters on {r[0]['fitted_on']} recipes"
        if not part and t["kind"] == "numeric":
            shares.append(k1 / n1)
            scores.append(score)
        print(f"{name:34s} recipes {n1:4d} rows {na:4d}  drawn {k1} of {n1} = {100 * k1 / n1:.1f} % "
              f"[{100 * a:.1f}, {100 * b:.1f}] (at 1-.05/{tot} [{100 * c:.1f}, {100 * d:.1f}])  first {kf} = {100 * kf / n1:.1f} %  all rows {ka} of {na} = "
              f"{100 * ka / na:.1f} %  interval score {score:.3f} sd  load {r[-1]['load'][0]}{sub}"
              f"{'  ORDINAL' if t['kind'] != 'numeric' else ''}{part}")
    if shares:
        print(f"{len(shares)} of {tot} numeric tables complete: mean coverage by drawn measurement {100 * np.mean(shares):.1f} %, "
              f"median interval score {np.median(scores):.3f} sd")


def check(tables):
    """The folded likelihood against a plain SingleTaskGP on all rows: value at equal hyper-parameters, and fits."""
    import gpytorch
    import torch
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from gpytorch.mlls import ExactMarginalLogLikelihood
    for name in ("alkox.conversion", "fullerenes.product", "p3ht_cnt.conductivity"):
        t = tables[name]
        x, y, rec = encode(t), np.array(t["y"]), t["recipe"]
        z = (y - y.mean()) / y.std(ddof=1)
        ids, X, m, c, ss = gather(x, z, rec, np.ones(len(t["fold"]), bool))
        T = lambda a: torch.tensor(a, dtype=torch.double)
        with gpytorch.settings.max_cholesky_size(10000):
            a = SingleTaskGP(T(x), T(z).unsqueeze(-1), outcome_transform=None)
            ma = ExactMarginalLogLikelihood(a.likelihood, a)
            b = SingleTaskGP(T(X), T(m).unsqueeze(-1), outcome_transform=None)
            mb = mll_class()(b.likelihood, b, T(c), T(ss))
            va = [float(ma(a(*a.train_inputs), a.train_targets)), float(mb(b(*b.train_inputs), b.train_targets))]
            fit_gpytorch_mll(ma)
            fit_gpytorch_mll(mb)
            for q in (ma, mb):
                q.train()
            vb = [float(ma(a(*a.train_inputs), a.train_targets)), float(mb(b(*b.train_inputs), b.train_targets))]
        print(name, "per row, at the start:", va, "fitted:", vb, "noise", float(a.likelihood.noise), float(b.likelihood.noise))


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--only", nargs="*")
    a.add_argument("--summary", action="store_true")
    a.add_argument("--check", action="store_true")
    a = a.parse_args()
    tables = load()
    if a.summary:
        return summary(tables)
    one_thread()
    if a.check:
        return check(tables)
    ver = versions("botorch", "gpytorch", "torch", "numpy", "scipy")
    have = {(q["table"], q["fold"]) for q in lines(FILE)}
    for name, t in tables.items():
        if a.only and name not in a.only:
            continue
        x, y, rec = encode(t), np.array(t["y"]), t["recipe"]
        t0 = time.time()
        for k in range(t["folds"]):
            if (name, k) in have:
                continue
            append(FILE, dict(table=name, fold=k, **one_fold(t, x, y, rec, k), versions=ver, threads=1, **stamp()))
        print(name, f"{time.time() - t0:.0f} s", flush=True)
    summary(tables)


if __name__ == "__main__":
    main()
