"""Likelihood and acquisition value that ours reaches beside BoTorch's, on the 50 data sets of latency.py.

    python bench/peers/latency.py --generate
    cargo run --release -p forethought-plan --example latency -- --peers > bench/out/ours.jsonl
    python bench/peers/latency.py --peer botorch
    python bench/peers/quality.py                  one line a data set in bench/out/quality.jsonl, resumable
    python bench/peers/quality.py --summary

likelihood     log density in nats of the outcomes y in their own unit, under the hyper-parameters that each program's default
               found. BoTorch: lml of z less n ln s. Ours: the belief's figure; `recomputed` is the same from hyper-parameters
               and warp alone, in numpy, Jacobian of the warp included.
acquisition    one model for both: the process that our default fitted (its kernel, lengths, scale, noise, warp), rebuilt in
               BoTorch. BoTorch's optimize_acqf (10 restarts, 512 raw samples, its defaults) searches qLogNoisyExpectedImprovement
               with its default sampler on it; ours is the point that our default suggested. Both points are judged by BoTorch's
               qLogNoisyExpectedImprovement with 4096 draws that neither had seen. On data without noise also by
               LogExpectedImprovement, which is exact there, with optimize_acqf on that. Values are logarithms; higher is better.
"""

import argparse
import json
import math
import warnings

from common import append, lines, one_thread, path, stamp, versions

import numpy as np

warnings.filterwarnings("ignore")
FILE = "quality.jsonl"
JITTER = 1e-10


def warped(warp, y):
    """The outcome in our standard units, and the sum of ln dw/dy."""
    z = (np.asarray(y) - warp["centre"]) / warp["scale"]
    shape = warp["shape"]
    if shape == "straight":
        bent, slope = z, np.zeros_like(z)
    elif shape == "log":
        bent, slope = np.log(z), -np.log(z)
    else:
        l = shape["power"]
        up, down = np.log1p(np.maximum(z, 0)), np.log1p(np.maximum(-z, 0))
        rise = np.expm1(l * up) / l if l > 1e-9 else up
        fall = np.expm1((2 - l) * down) / (2 - l) if 2 - l > 1e-9 else down
        bent, slope = np.where(z >= 0, rise, -fall), np.where(z >= 0, (l - 1) * up, (1 - l) * down)
    return (bent - warp["mean"]) / warp["sd"], float(np.sum(slope - math.log(warp["scale"] * warp["sd"])))


def correlation(kernel, X, lengths):
    d = (X[:, None, :] - X[None, :, :]) / lengths
    r2 = (d * d).sum(-1)
    if kernel == "squared_exponential":
        return np.exp(-0.5 * r2)
    a = np.sqrt(5.0 * r2)
    return (1 + a + a * a / 3) * np.exp(-a)


def recomputed(belief, X, y):
    """Likelihood of y, and the mean in standard units, from our hyper-parameters."""
    h = belief["hyper"]
    w, jacobian = warped(belief["warp"], y)
    s2, v = math.exp(h["log_scale"]), math.exp(h["log_noise"])
    A = s2 * (correlation(h["kernel"], X, np.exp(h["log_lengths"])) + JITTER * np.eye(len(X))) + v * np.eye(len(X))
    L = np.linalg.cholesky(A)
    solve = lambda b: np.linalg.solve(L, b)
    one, u = solve(np.ones(len(X))), solve(w)
    mean = float(one @ u / (one @ one))
    r = u - mean * one
    lml = -0.5 * r @ r - np.log(np.diag(L)).sum() - 0.5 * len(w) * math.log(2 * math.pi)
    return float(lml) + jacobian, mean, w


def ours_in_botorch(belief, X, w, mean):
    """Our process as a BoTorch model of -w, which BoTorch maximises."""
    import torch
    from botorch.models import SingleTaskGP
    from gpytorch.kernels import MaternKernel, RBFKernel, ScaleKernel
    h = belief["hyper"]
    base = RBFKernel(ard_num_dims=6) if h["kernel"] == "squared_exponential" else MaternKernel(2.5, ard_num_dims=6)
    m = SingleTaskGP(X, -w.unsqueeze(-1), covar_module=ScaleKernel(base), outcome_transform=None)
    m.likelihood.noise_covar.raw_noise_constraint.lower_bound.fill_(1e-9)
    m.covar_module.base_kernel.lengthscale = torch.tensor(np.exp(h["log_lengths"]))
    m.covar_module.outputscale = math.exp(h["log_scale"])
    m.likelihood.noise = math.exp(h["log_noise"])
    m.mean_module.initialize(constant=-mean)
    return m.double().eval()


def one(d, ours, theirs):
    import torch
    from botorch.acquisition import LogExpectedImprovement
    from botorch.acquisition.logei import qLogNoisyExpectedImprovement
    from botorch.optim import optimize_acqf
    from botorch.sampling.normal import SobolQMCNormalSampler
    belief, y = ours["belief"], np.asarray(d["y"])
    own, mean, w = recomputed(belief, np.asarray(d["x"]), y)
    row = dict(id=d["id"], n=d["n"], noise_sd=d["noise_sd"], kernel=belief["hyper"]["kernel"],
               warp=belief["warp"]["shape"], cpu=ours["cpu"], likelihood=belief["log_likelihood"], recomputed=own,
               botorch_likelihood=theirs["lml"] - len(y) * math.log(y.std(ddof=1)))
    X, W = torch.tensor(d["x"], dtype=torch.double), torch.tensor(w)
    model = ours_in_botorch(belief, X, W, mean)
    bounds = torch.stack([torch.zeros(6), torch.ones(6)]).double()
    mine = torch.tensor([ours["x_best"]], dtype=torch.double)

    def against(acquisition, judge, name):
        torch.manual_seed(d["id"])
        x, _ = optimize_acqf(acquisition, bounds=bounds, q=1, num_restarts=10, raw_samples=512)
        with torch.no_grad():
            row[name], row[f"botorch_{name}"] = float(judge(mine)), float(judge(x))

    noisy = lambda draws, seed: qLogNoisyExpectedImprovement(
        model, X_baseline=X, sampler=SobolQMCNormalSampler(torch.Size([draws]), seed=seed))
    against(qLogNoisyExpectedImprovement(model, X_baseline=X), noisy(4096, 77), "qlognei")
    if d["noise_sd"] == 0:
        exact = LogExpectedImprovement(model, best_f=(-W).max())
        against(exact, exact, "logei")
    return row


def share(rows, name, slack):
    pairs = [(r[name], r[f"botorch_{name}"]) for r in rows if name in r]
    return f"{sum(a >= b - slack for a, b in pairs)} of {len(pairs)}"


def summary():
    from scipy.stats import bootstrap
    rows = lines(FILE)
    print("largest |likelihood - recomputed|", max(abs(r["likelihood"] - r["recomputed"]) for r in rows), "nats")
    for name in ("likelihood", "qlognei", "logei"):
        for what, some in (("all", rows), ("without noise", [r for r in rows if r["noise_sd"] == 0]),
                           ("noise .1", [r for r in rows if r["noise_sd"] > 0])):
            gap = np.array([r[name] - r[f"botorch_{name}"] for r in some if name in r])
            if len(gap):
                b = bootstrap((gap,), np.median, random_state=0).confidence_interval
                print(f"{name:10s} {what:13s} at least BoTorch's {share(some, name, 1e-6):9s}"
                      f" within 5 % {share(some, name, math.log(1.05)):9s} ours less BoTorch's: median {np.median(gap):+.4f}"
                      f" (bootstrap {b.low:+.4f} to {b.high:+.4f}), worst {gap.min():+.4f}")
    for n in sorted({r["n"] for r in rows}):
        print(f"n={n:3d} ours cpu median {1e3 * np.median([r['cpu'] for r in rows if r['n'] == n]):.1f} ms")


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--summary", action="store_true")
    a = a.parse_args()
    if not a.summary:
        one_thread()
        with open(path("datasets.json")) as f:
            sets = json.load(f)
        ours = {r["id"]: r for r in lines("ours.jsonl")}
        theirs = {r["id"]: r for r in lines("latency.jsonl") if r["peer"] == "botorch-logei"}
        have = {r["id"] for r in lines(FILE)}
        ver = versions("botorch", "gpytorch", "torch", "numpy", "scipy")
        for d in sets:
            if d["id"] not in have and d["id"] in ours and d["id"] in theirs:
                row = one(d, ours[d["id"]], theirs[d["id"]])
                append(FILE, dict(row, versions=ver, threads=1, **stamp()))
                print({k: v for k, v in row.items()}, flush=True)
    summary()


if __name__ == "__main__":
    main()
