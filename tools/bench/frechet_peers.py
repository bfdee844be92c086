#!/usr/bin/env python3
"""Times what other libraries do for case E: a covariance, and the trace of the root of a product of two of them.

usage: frechet_peers.py {cov|sqrtm|eigvals|torch_eigvals|svdvals} D [ROWS]      prints seconds and the value
Run by compare_torch.py, a process each, so that OPENBLAS_NUM_THREADS and OMP_NUM_THREADS hold from its start.
"""
import os
import sys
import time

import numpy as np


def wishart(d, rows, seed):
    return np.cov(np.random.default_rng(seed).standard_normal((rows, d)), rowvar=False)


def work(what, d, rows):
    if what == "cov":
        x = np.random.default_rng(1).standard_normal((rows, d))
        return lambda: np.cov(x, rowvar=False)[0, 0]
    a, b = wishart(d, 5 * d, 1), wishart(d, 5 * d, 2)
    if what == "sqrtm":
        import scipy.linalg
        return lambda: np.trace(scipy.linalg.sqrtm(a @ b)).real
    if what == "eigvals":
        return lambda: np.sqrt(np.linalg.eigvals(a @ b).astype(complex)).real.sum()
    import torch
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    ta, tb = torch.from_numpy(a), torch.from_numpy(b)
    if what == "torch_eigvals":
        return lambda: torch.linalg.eigvals(ta @ tb).sqrt().real.sum().item()
    assert what == "svdvals"
    return lambda: torch.linalg.svdvals(torch.linalg.cholesky(ta).T @ torch.linalg.cholesky(tb)).sum().item()


if __name__ == "__main__":
    f = work(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 10000)
    f()
    start = time.perf_counter()
    value = f()
    print(time.perf_counter() - start, value)
