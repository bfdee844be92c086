#!/usr/bin/env python3
"""Makes tests/golden/measures_frechet.safetensors: the Frechet distance as other tools compute it, and exactly.

usage: make_golden_measures_frechet.py [DIR]
       make_golden_measures_frechet.py --large [--sizes N,...] [--features D,...] [--imago PROGRAM]
       make_golden_measures_frechet.py --files X.npy Y.npy [--imago PROGRAM]
Needs numpy, scipy, mpmath, torch, safetensors, pytorch-fid and torch-fidelity (PyPI); run by hand, never by a test.
For each case NAME: NAME.x and NAME.y, float32 or float64 features, and in float64 NAME.oracle (50 digits, from the
features), NAME.pytorch-fid, NAME.clean-fid, NAME.torch-fidelity and NAME.nvlabs (their own functions of the moments that
each tool takes; nvlabs' and clean-fid's are formulas of one line), NAME.mean32 (numpy's of x in float32) and NAME.sigma of
x; the last six where there is more than one feature.
--large prints, for each size, number of features and kind of data, how far each tool and imago are from the oracle as a
share of the covariances' traces; --files the same of features that are given. imago is asked by `imago evaluate --features X.npy --reference Y.npy --json`.
"""
import argparse
import contextlib
import io
import json
import os
import subprocess
import tempfile
import time
import warnings

import numpy as np
import scipy.linalg

KINDS = ["well", "ill", "singular", "identical", "shifted"]
warnings.simplefilter("ignore")


def features(kind, n, d, seed, dtype):
    """Rows of a linear map of normals, the same map for both sets but for their scales."""
    r, shared = np.random.default_rng(seed), np.random.default_rng(7)
    mix = shared.standard_normal((d, d)) / np.sqrt(d)
    if kind in ("ill", "singular"):
        mix *= np.logspace(0, -4, d)[:, None]
    if kind == "singular":
        mix[d // 2:] = 0
    if kind == "identical":
        r = np.random.default_rng(0)
    x = r.standard_normal((n, d)) * (1 if kind == "identical" else r.uniform(.7, 1.3, d)) @ mix
    return (x + (seed if kind == "shifted" else 0)).astype(dtype)


def moments(x, float32_mean=False, ddof=1):
    mean = np.mean(x, axis=0) if float32_mean else np.mean(x.astype(np.float64), axis=0)
    return mean, np.cov(x, rowvar=False, ddof=ddof)


def frechet(a, b, trace):
    difference = a[0] - b[0]
    return float(difference.dot(difference) + np.trace(a[1]) + np.trace(b[1]) - 2 * trace)


def sqrtm_trace(a, b):
    return np.trace(scipy.linalg.sqrtm(a[1] @ b[1])).real


def tools(x, y):
    import torch
    from pytorch_fid.fid_score import calculate_frechet_distance
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    def pytorch_fid(**options):
        with contextlib.redirect_stdout(io.StringIO()):
            return float(calculate_frechet_distance(*moments(x, **options), *moments(y, **options)))

    def torch_fidelity():
        statistics = [fid_features_to_statistics(torch.from_numpy(t)) for t in (x, y)]
        return fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]

    def nvlabs():
        a, b = moments(x, ddof=0), moments(y, ddof=0)
        return frechet(a, b, sqrtm_trace(a, b))

    return {"pytorch-fid": pytorch_fid, "clean-fid": lambda: pytorch_fid(float32_mean=True),
            "torch-fidelity": torch_fidelity, "nvlabs": nvlabs}


def attempt(f):
    try:
        return f()
    except ValueError as error:  # pytorch-fid's imaginary component
        return float("nan") if "maginary" in str(error) else (_ for _ in ()).throw(error)


# ---- the committed file

def exact(x, y):
    """By the singular values of the smaller cross product, in 50 digits."""
    import mpmath
    mpmath.mp.dps = 50

    def centred(t):
        m = mpmath.matrix(t.astype(np.float64).tolist())
        mean = [mpmath.fsum(m[i, j] for i in range(m.rows)) / m.rows for j in range(m.cols)]
        scale = mpmath.sqrt(m.rows - 1)
        return mean, mpmath.matrix(m.rows, m.cols) + mpmath.matrix(
            [[(m[i, j] - mean[j]) / scale for j in range(m.cols)] for i in range(m.rows)])

    (mx, cx), (my, cy) = centred(x), centred(y)
    # tr (S1 S2)^(1/2) through the eigenvalues of R S2 R with R the root of S1.
    w, v = mpmath.eigsy(cx.T * cx)
    root = v * mpmath.diag([mpmath.sqrt(max(e, 0)) for e in w]) * v.T
    s2 = cy.T * cy
    m = root * s2 * root
    trace = mpmath.fsum(mpmath.sqrt(max(e, 0)) for e in mpmath.eigsy((m + m.T) / 2, eigvals_only=True))
    traces = mpmath.fsum(e**2 for e in cx) + mpmath.fsum(e**2 for e in cy)
    return float(mpmath.fsum((a - b)**2 for a, b in zip(mx, my)) + traces - 2 * trace)


CASES = {"well": ("well", 60, 48, 12, np.float32), "ill": ("ill", 60, 50, 12, np.float64),
         "singular": ("singular", 40, 40, 12, np.float64), "few": ("well", 9, 14, 16, np.float64),
         "identical": ("identical", 40, 40, 10, np.float32), "shifted": ("shifted", 40, 30, 10, np.float32),
         "one": ("well", 20, 30, 1, np.float64)}


def make(directory):
    from safetensors.numpy import save_file
    out = {}
    for name, (kind, n, m, d, dtype) in CASES.items():
        x, y = features(kind, n, d, 1, dtype), features(kind, m, d, 2, dtype)
        out[f"{name}.x"], out[f"{name}.y"] = x, y
        out[f"{name}.oracle"] = np.array(exact(x, y))
        if d > 1:  # their numpy.cov is a number then
            for tool, f in tools(x, y).items():
                out[f"{name}.{tool}"] = np.array(attempt(f))
            out[f"{name}.sigma"] = moments(x)[1]
            out[f"{name}.mean32"] = np.mean(x.astype(np.float32), axis=0)  # of one column it sums pairs
        print(name, {k.split(".")[1]: float(v) for k, v in out.items() if k.startswith(name) and v.ndim == 0})
    save_file(out, f"{directory}/measures_frechet.safetensors",
              metadata={"scipy": scipy.__version__, "numpy": np.__version__})


# ---- the table

def oracle(x, y):
    """Singular values of the cross-Gram, or of the product of Cholesky factors where those exist."""
    def factor(t):
        t = t.astype(np.float64)
        c = (t - t.mean(0)) / np.sqrt(len(t) - 1)
        return np.linalg.qr(c, mode="r") if len(c) > c.shape[1] else c
    traces = sum(np.square(factor(t)).sum() for t in (x, y))
    trace = np.linalg.svd(factor(x) @ factor(y).T, compute_uv=False).sum()
    difference = x.astype(np.float64).mean(0) - y.astype(np.float64).mean(0)
    return difference @ difference + traces - 2 * trace, traces


def imago_figure(program, x, y):
    with tempfile.TemporaryDirectory() as folder:
        np.save(folder + "/x.npy", x)
        np.save(folder + "/y.npy", y)
        out = subprocess.run([program, "evaluate", "--features", folder + "/x.npy", "--reference", folder + "/y.npy",
                              "--metrics", "fid", "--json"], check=True, stdout=subprocess.PIPE).stdout
    figures = json.loads(out)
    return figures["fid"], figures.get("method", "")


def heading(program):
    print("| N | d | data | FID | " + " | ".join(tools(None, None)) + (" | imago | method" if program else "") + " |")


def row(kind, x, y, program):
    true, traces = oracle(x, y)
    cells = []
    for f in tools(x, y).values():
        start = time.process_time()
        value = attempt(f)
        cells.append(f"{(value - true) / traces:.1e} ({time.process_time() - start:.1f} s)")
    if program:
        value, method = imago_figure(program, x, y)
        cells += [f"{(value - true) / traces:.1e}", method]
    print(f"| {len(x)} | {x.shape[1]} | {kind} | {true:.8g} | " + " | ".join(cells) + " |", flush=True)


def table(sizes, dimensions, program):
    heading(program)
    for d in dimensions:
        for n in sizes:
            for kind in KINDS:
                row(kind, features(kind, n, d, 1, np.float32), features(kind, n, d, 2, np.float32), program)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", nargs="?", default=os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--sizes", default="1000,5000,20000")
    parser.add_argument("--features", default="64,192,768,2048")
    parser.add_argument("--files", nargs=2)
    parser.add_argument("--imago")
    arguments = parser.parse_args()
    if arguments.files:
        heading(arguments.imago)
        row("given", *(np.load(f) for f in arguments.files), arguments.imago)
    elif arguments.large:
        table([int(v) for v in arguments.sizes.split(",")], [int(v) for v in arguments.features.split(",")], arguments.imago)
    else:
        make(arguments.directory)
