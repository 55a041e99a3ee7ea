"""One suggestion, six real parameters, one thread: CPU and wall seconds of the peers, and the quality reached.

    python bench/peers/latency.py --generate               bench/out/datasets.json, 50 data sets
    python bench/peers/latency.py [--peer botorch|ax|egobox|all]
    python bench/peers/latency.py --summary

One line a peer and data set in bench/out/latency.jsonl; lines already there are not run again.
What stands in it, so that another program can evaluate the same quantities:

data sets   {"id", "n", "kind", "noise_sd", "seed", "x": n rows of 6 in [0,1], "y": n outcomes, to be MINIMISED}
            Hartmann 6 with normal noise of sd 0 or 0.1. kind "sobol": scrambled Sobol points;
            "loop": the first half scrambled Sobol, then one at a time the best so far (by true value) plus a
            normal step of log-uniform size 0.02 to 0.2, clipped to the cube, as an optimiser's trail looks.
outcome     z = -(y - mean(y)) / s, s the standard deviation with n - 1 below. BoTorch maximises, so the sign turns.
model       constant mean c; covariance k(a,b) = exp(-1/2 sum_j ((a_j-b_j)/l_j)^2), no output scale; plus noise
            variance v on the diagonal. hyper = {"lengthscales": l, "noise": v, "mean": c}, all in units of z and
            of the unit cube. (SingleTaskGP's default: length scales LogNormal(sqrt2 + ln(6)/2, sqrt3), >= 0.025;
            noise LogNormal(-4, 1), >= 1e-4.)
lml         log N(z; c 1, K + v I) in nats, the whole sample, 2 pi term included, priors not; lml_gpytorch is
            GPyTorch's value of the same, lml ours by Cholesky in numpy (the two agree or the line says by how much).
map         lml + log density of the priors (length scales and noise), as GPyTorch counts them.
logei       log EI at x_best, in units of z: log of E[max(f - best, 0)], f the latent function (no noise) under
            hyper and all n data, best = max z observed (noisy or not). By numpy from hyper: it does not depend on
            BoTorch's code. logei_botorch is BoTorch's own value less log s.
            For qLogNEI, logei is the same analytic LogEI at the point qLogNEI chose.
cpu, wall   fit plus optimisation of the acquisition (BoTorch), get_next_trials (Ax; attaching, and the first
            call, which answers from Sobol, are not counted),
            suggest (egobox). The first data set of each n is run once before, uncounted. fit_cpu is the part for the fit.
"""

import argparse
import json
import math
import warnings

from common import Clock, append, hartmann6, lines, one_thread, path, stamp, versions

import numpy as np

warnings.filterwarnings("ignore")
FILE = "latency.jsonl"
NS = (50, 100, 300)


def generate():
    from scipy.stats import qmc
    sets = []
    for i in range(50):
        n = NS[i % 3]
        q = i // 3
        kind, sd = ("sobol", "loop")[q % 2], (0.0, 0.1)[(q // 2) % 2]
        rng = np.random.default_rng(1000 + i)
        sob = qmc.Sobol(6, scramble=True, seed=1000 + i)
        m = n if kind == "sobol" else n // 2
        x = [list(map(float, r)) for r in sob.random(m)]
        f = [hartmann6(r) for r in x]
        while len(x) < n:
            b = x[int(np.argmin(f))]
            step = math.exp(rng.uniform(math.log(0.02), math.log(0.2)))
            r = [float(v) for v in np.clip(np.array(b) + step * rng.standard_normal(6), 0.0, 1.0)]
            x.append(r)
            f.append(hartmann6(r))
        y = [float(v + sd * e) for v, e in zip(f, rng.standard_normal(n))]
        sets.append(dict(id=i, n=n, kind=kind, noise_sd=sd, seed=1000 + i, x=x, y=y))
    with open(path("datasets.json"), "w") as fh:
        json.dump(sets, fh)
    print(len(sets), "data sets in", path("datasets.json"))


def reference(x, z, hyper, at):
    """lml of z, and analytic log EI at the point `at`, from the hyper-parameters alone."""
    from scipy.linalg import solve_triangular
    from scipy.special import erfcx
    X, l = np.asarray(x), np.asarray(hyper["lengthscales"])
    v, c = hyper["noise"], hyper["mean"]

    def k(a, b):
        d = (a[:, None, :] - b[None, :, :]) / l
        return np.exp(-0.5 * (d * d).sum(-1))

    L = np.linalg.cholesky(k(X, X) + v * np.eye(len(X)))
    w = solve_triangular(L, z - c, lower=True)
    lml = -0.5 * w @ w - np.log(np.diag(L)).sum() - 0.5 * len(z) * math.log(2 * math.pi)
    if at is None:
        return float(lml), None
    u = solve_triangular(L, k(X, np.asarray(at)[None, :])[:, 0], lower=True)
    mu, sd = c + u @ w, math.sqrt(max(1.0 - u @ u, 1e-300))
    t = (mu - z.max()) / sd
    if t > -1.0:
        h = math.log(math.exp(-0.5 * t * t) / math.sqrt(2 * math.pi) + t * 0.5 * math.erfc(-t / math.sqrt(2)))
    else:  # phi(t) (1 - |t| Phi(-|t|)/phi(t)), stable in the tail
        r = -t * math.sqrt(math.pi / 2) * erfcx(-t / math.sqrt(2))
        h = -0.5 * t * t - 0.5 * math.log(2 * math.pi) + (
            math.log1p(-r) if t > -1e4 else -2.0 * math.log(-t))
    return float(lml), float(math.log(sd) + h)


def botorch_one(d, acq):
    import torch
    from botorch.acquisition import LogExpectedImprovement
    from botorch.acquisition.logei import qLogNoisyExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.optim import optimize_acqf
    from gpytorch.mlls import ExactMarginalLogLikelihood
    torch.manual_seed(d["id"])
    X = torch.tensor(d["x"], dtype=torch.double)
    Y = -torch.tensor(d["y"], dtype=torch.double).unsqueeze(-1)
    bounds = torch.stack([torch.zeros(6), torch.ones(6)]).double()
    with Clock() as c:
        with Clock() as fit:
            model = SingleTaskGP(X, Y)
            mll = ExactMarginalLogLikelihood(model.likelihood, model)
            fit_gpytorch_mll(mll)
        if acq == "logei":
            a = LogExpectedImprovement(model, best_f=Y.max())
        else:
            a = qLogNoisyExpectedImprovement(model, X_baseline=X)
        x, _ = optimize_acqf(a, bounds=bounds, q=1, num_restarts=10, raw_samples=512)
    best = x[0].tolist()
    hyper = dict(lengthscales=model.covar_module.lengthscale.detach().reshape(-1).tolist(),
                 noise=float(model.likelihood.noise), mean=float(model.mean_module.constant))
    y = np.asarray(d["y"])
    s = y.std(ddof=1)
    z = -(y - y.mean()) / s
    lml, logei = reference(d["x"], z, hyper, best)
    with torch.no_grad():
        own = float(LogExpectedImprovement(model, best_f=Y.max())(x)) - math.log(s)
        mll.train()
        import gpytorch
        with gpytorch.settings.max_cholesky_size(10000):
            out = model(*model.train_inputs)
            lg = float(model.likelihood(out).log_prob(model.train_targets))
            mp = float(mll(out, model.train_targets)) * len(y)
    return dict(cpu=c.cpu, wall=c.wall, fit_cpu=fit.cpu, x_best=best, hyper=hyper, lml=lml, lml_gpytorch=lg,
                map=mp, logei=logei, logei_botorch=own, true_value=hartmann6(best))


def ax_one(d):
    from ax.api.client import Client
    from ax.api.configs import RangeParameterConfig
    import logging
    logging.disable(logging.INFO)
    cl = Client(random_seed=d["id"])
    cl.configure_experiment(parameters=[RangeParameterConfig(name=f"x{j}", parameter_type="float", bounds=(0.0, 1.0))
                                        for j in range(6)])
    cl.configure_optimization(objective="-y")
    with Clock() as at:
        for x, y in zip(d["x"], d["y"]):
            t = cl.attach_trial({f"x{j}": v for j, v in enumerate(x)})
            cl.complete_trial(t, raw_data={"y": y})
    # The first call still answers from Ax's Sobol node, whatever is attached: drop it, time the next one.
    (i, _), = cl.get_next_trials(max_trials=1).items()
    cl.mark_trial_abandoned(i)
    with Clock() as c:
        r = cl.get_next_trials(max_trials=1)
    (i, p), = r.items()
    run = cl._experiment.trials[i].generator_runs[0]
    best = [p[f"x{j}"] for j in range(6)]
    return dict(cpu=c.cpu, wall=c.wall, attach_cpu=at.cpu, x_best=best, true_value=hartmann6(best),
                generator=str(run._generator_key), node=str(run._generation_node_name))


def egobox_one(d):
    import egobox as egx
    X, Y = np.array(d["x"]), np.array(d["y"])[:, None]
    with Clock() as c:
        e = egx.Egor(np.array([[0.0, 1.0]] * 6), seed=d["id"])
        r = e.suggest(X, Y)
    best = [float(v) for v in np.asarray(r).reshape(-1)[:6]]
    return dict(cpu=c.cpu, wall=c.wall, x_best=best, true_value=hartmann6(best))


RUN = {"botorch-logei": lambda d: botorch_one(d, "logei"), "botorch-qlognei": lambda d: botorch_one(d, "qlognei"),
       "ax": ax_one, "egobox": egobox_one}


def summary():
    rows = lines(FILE)
    for peer in RUN:
        for n in NS:
            r = [q for q in rows if q["peer"] == peer and q["n"] == n]
            if not r:
                continue
            q = [np.quantile([a[k] for a in r], [0.25, 0.5, 0.75]) for k in ("cpu", "wall")]
            ld = [a["load"][0] for a in r]
            print(f"{peer:16s} n={n:3d} sets={len(r):2d} cpu median {q[0][1]:.3f} s (quartiles {q[0][0]:.3f}-{q[0][2]:.3f})"
                  f" wall median {q[1][1]:.3f} s  load {min(ld):.1f}-{max(ld):.1f}")
    r = [q for q in rows if "lml" in q]
    if r:
        print("largest |lml - lml_gpytorch|", max(abs(q["lml"] - q["lml_gpytorch"]) for q in r),
              " largest |logei - logei_botorch|, logei peer",
              max(abs(q["logei"] - q["logei_botorch"]) for q in r if q["peer"] == "botorch-logei"))


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--generate", action="store_true")
    a.add_argument("--summary", action="store_true")
    a.add_argument("--peer", default="all", choices=["all", "botorch", *RUN])
    a = a.parse_args()
    if a.generate:
        return generate()
    if not a.summary:
        one_thread()
        with open(path("datasets.json")) as f:
            sets = json.load(f)
        ver = versions("botorch", "gpytorch", "torch", "ax-platform", "egobox", "numpy", "scipy")
        for peer in [p for p in RUN if a.peer in ("all", p) or p.startswith(a.peer + "-")]:
            have = {q["id"] for q in lines(FILE) if q["peer"] == peer}
            warm = set()
            for d in sets:
                if d["id"] in have:
                    continue
                if d["n"] not in warm:
                    RUN[peer](d)
                    warm.add(d["n"])
                r = RUN[peer](d)
                row = dict(peer=peer, id=d["id"], n=d["n"], kind=d["kind"], noise_sd=d["noise_sd"], **r,
                           versions=ver, threads=1, **stamp())
                append(FILE, row)
                print(peer, d["id"], d["n"], round(r["cpu"], 3), round(r["wall"], 3), r.get("lml"), r.get("logei"),
                      flush=True)
    summary()


if __name__ == "__main__":
    main()
