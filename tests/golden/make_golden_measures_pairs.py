#!/usr/bin/env python3
"""Makes tests/golden/measures_pairs.safetensors: figures of features by torch-fidelity and clovaai's prdc, and by NumPy in float64.

usage: make_golden_measures_pairs.py [DIR]     needs torch, safetensors, torch-fidelity, prdc, scikit-learn (PyPI); run by hand, never by a test
For each case NAME: NAME.x (real) and NAME.y (fake), float32 features; NAME.kid = mean and std by torch-fidelity, whose kernels are
of float32, NAME.kid_oracle the same in float64, of 10 subsets of 40; NAME.fidelity = precision, recall and f-score by torch-fidelity;
NAME.prdc = precision, recall, density and coverage by prdc, k = 5. For each of logits NAME, float32: NAME.logits and NAME.isc = mean
and std by torch-fidelity, 10 splits, shuffled; NAME.isc_plain = those of one split in the order given.
Each set is the first of those of seeds 1, 2, ... of which no distance lies within 3e-6 of a radius: there the peers' own rounding
would decide.
"""
import contextlib
import io
import sys

import numpy as np
import torch
from prdc import compute_prdc
from safetensors.numpy import save_file
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

SUBSETS, SIZE = 10, 40


def kid(x, y, oracle):
    """torch-fidelity's own, or its definition over again in float64."""
    if not oracle:
        r = kid_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), kid_subsets=SUBSETS, kid_subset_size=SIZE,
                                   rng_seed=2020, verbose=False)
        return [r["kernel_inception_distance_mean"], r["kernel_inception_distance_std"]]
    x, y = x.astype(np.longdouble), y.astype(np.longdouble)
    random, values, n = np.random.RandomState(2020), [], SIZE

    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    for _ in range(SUBSETS):
        a, b = x[random.choice(len(x), n, replace=False)], y[random.choice(len(y), n, replace=False)]
        aa, bb = kernel(a, a), kernel(b, b)
        values.append((aa.sum() - np.trace(aa) + bb.sum() - np.trace(bb)) / (n * (n - 1)) - 2 * kernel(a, b).mean())
    return [float(np.mean(values)), float(np.std(values))]


def nearest_call(x, y):
    """How near, relatively, any distance between the sets is to a radius it is compared with."""
    def distances(a, b):
        return np.sqrt(((a[:, None].astype(float) - b[None].astype(float)) ** 2).sum(-1))
    between, near = distances(x, y), np.inf
    for k in (3, 5):
        rx, ry = (np.sort(distances(s, s), 1)[:, k] for s in (x, y))
        near = min(near, np.abs(between / rx[:, None] - 1).min(), np.abs(between / ry[None] - 1).min())
    return near


def features(seed):
    r = np.random.RandomState(seed)
    mixed = r.normal(size=(24, 24)) / 5
    return {
        "gaussian": (r.normal(size=(130, 8)), r.normal(size=(110, 8)) * 0.9 + 0.2),
        "relu": (np.maximum(r.normal(size=(120, 24)) @ mixed, 0), np.maximum(r.normal(size=(100, 24)) @ mixed + 0.1, 0)),
        "wide": (r.normal(size=(48, 120)), r.normal(size=(44, 120)) * 1.05),
        "line": (r.normal(size=(90, 1)), r.normal(size=(90, 1)) * 1.5),
        "clusters": (r.randint(0, 4, size=(100, 6)) + r.normal(size=(100, 6)) * 0.05,
                     r.randint(0, 3, size=(100, 6)) + r.normal(size=(100, 6)) * 0.05),
    }


if __name__ == "__main__":
    out = {}
    for name in features(1):
        for seed in range(1, 1000):
            x, y = (np.ascontiguousarray(s, dtype=np.float32) for s in features(seed)[name])
            if nearest_call(x, y) > 3e-6:
                break
        else:
            sys.exit(f"{name}: no seed is clear enough")
        out[f"{name}.x"], out[f"{name}.y"] = x, y
        out[f"{name}.kid"], out[f"{name}.kid_oracle"] = np.array(kid(x, y, False)), np.array(kid(x, y, True))
        p = prc_features_to_metric(torch.from_numpy(y), torch.from_numpy(x), prc_neighborhood=3, prc_batch_size=10000,
                                   save_cpu_ram=False, verbose=False)
        out[f"{name}.fidelity"] = np.array([p["precision"], p["recall"], p["f_score"]])
        with contextlib.redirect_stdout(io.StringIO()):
            p = compute_prdc(x.astype(float), y.astype(float), 5)
        out[f"{name}.prdc"] = np.array([p["precision"], p["recall"], p["density"], p["coverage"]])
    r = np.random.RandomState(2)
    for name, scale in (("vague", 0.5), ("sure", 12)):
        logits = (r.normal(size=(203, 11)) * scale).astype(np.float32)
        out[f"{name}.logits"] = logits
        for key, options in (("isc", {}), ("isc_plain", {"splits": 1, "shuffle": False})):
            s = isc_features_to_metric(torch.from_numpy(logits), **options)
            out[f"{name}.{key}"] = np.array([s["inception_score_mean"], s["inception_score_std"]])
    save_file(out, f"{sys.argv[1] if len(sys.argv) > 1 else '.'}/measures_pairs.safetensors")
    print(len(out), "tensors")
