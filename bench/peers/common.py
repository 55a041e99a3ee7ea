"""What the peers' benchmarks share: paths, one thread, versions, resumable JSON lines."""

import os

for _v in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ.setdefault(_v, "1")  # before numpy, torch or egobox is imported

import datetime
import importlib.metadata
import json
import time

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(os.path.dirname(HERE), "out")
DATA = os.environ.get("FORETHOUGHT_DATA") or os.path.abspath(
    os.path.join(HERE, "..", "..", "..", "shared", "data", "loop"))
HARTMANN6_MIN = -3.32237


def versions(*names):
    out = {}
    for n in names:
        try:
            out[n] = importlib.metadata.version(n)
        except importlib.metadata.PackageNotFoundError:
            out[n] = None
    return out


def stamp():
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "load": [round(v, 2) for v in os.getloadavg()]}


def path(name):
    os.makedirs(OUT, exist_ok=True)
    return os.path.join(OUT, name)


def lines(name):
    """The lines already written; a last line cut short by a kill is dropped from the file."""
    p = path(name)
    if not os.path.exists(p):
        return []
    with open(p, "rb") as f:
        b = f.read()
    if b and not b.endswith(b"\n"):
        b = b[: b.rfind(b"\n") + 1]
        with open(p, "wb") as f:
            f.write(b)
    return [json.loads(s) for s in b.decode().splitlines() if s]


def append(name, row):
    with open(path(name), "a") as f:
        f.write(json.dumps(row) + "\n")
        f.flush()
        os.fsync(f.fileno())


def one_thread():
    import torch
    torch.set_num_threads(1)
    try:
        torch.set_num_interop_threads(1)
    except RuntimeError:
        pass


class Clock:
    """CPU seconds of this process, all its threads, and wall seconds."""

    def __enter__(self):
        self.c, self.w = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *_):
        self.cpu, self.wall = time.process_time() - self.c, time.perf_counter() - self.w


def hartmann6(x):
    """Hartmann 6 (to be minimised), x in the unit cube: sequence of 6 floats."""
    import math
    a = (1.0, 1.2, 3.0, 3.2)
    A = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8), (17, 8, 0.05, 10, 0.1, 14))
    P = ((1312, 1696, 5569, 124, 8283, 5886), (2329, 4135, 8307, 3736, 1004, 9991),
         (2348, 1451, 3522, 2883, 3047, 6650), (4047, 8828, 8732, 5743, 1091, 381))
    return -sum(a[i] * math.exp(-sum(A[i][j] * (x[j] - 1e-4 * P[i][j]) ** 2 for j in range(6))) for i in range(4))


def quartiles(v):
    import numpy as np
    return [float(q) for q in np.quantile(v, [0.25, 0.5, 0.75])]
