#!/usr/bin/env python3
"""Compares measures of imago-bench with torch-fidelity's KID and clovaai's prdc: ratio = their time / Imago's, larger is better.

usage: compare_measures.py --json FILE [--bin build/bin] [--threads 1,2] [--cases E/kid,E/prdc] [--rounds 3]
Needs torch, torch-fidelity, prdc, scikit-learn, numpy and safetensors (PyPI) and about 6 GB; run by hand, never by a test. Both
sides work on the features that imago-bench dumps, in turn; before a case is timed its figures must agree: KID to 1e-6 of the mean
kernel, precision and the rest exactly unless imago-bench reports distances within 1e-9 of a radius.
"""
import argparse
import contextlib
import io
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from compare_torch import SPIN, compared, imago_block


def peer(case, x, y):
    """Their figures, in the order of the dump."""
    if case == "E/kid":
        from torch_fidelity.metric_kid import kid_features_to_metric
        r = kid_features_to_metric(x, y, kid_subsets=100, kid_subset_size=1000, rng_seed=2020, verbose=False)
        return [r["kernel_inception_distance_mean"], r["kernel_inception_distance_std"]]
    from prdc import compute_prdc
    with contextlib.redirect_stdout(io.StringIO()):
        r = compute_prdc(x.numpy(), y.numpy(), 5)
    return [r["precision"], r["recall"], r["density"], r["coverage"]]


def proof(case, ours, theirs):
    """How far apart the figures are; ends the program where that is too far."""
    apart = max(abs(a - b) for a, b in zip(ours, theirs))
    ties = int(ours[4]) if case == "E/prdc" else 0
    if apart > (1e-6 * ours[2] if case == "E/kid" else 1e-12) and not ties:
        raise SystemExit(f"{case}: {ours} against {theirs}")
    return {"imago": ours, "peer": theirs, "apart": apart, "near_ties": ties}


def compare(program, case, threads, rounds):
    import safetensors.torch
    import torch
    from threadpoolctl import threadpool_limits
    environment = {**os.environ, **SPIN, "OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "--dump-losses", case, folder + "/case"], env=environment, check=True)
        dump = safetensors.torch.load_file(folder + "/case")
    torch.set_num_threads(threads)
    theirs, ours = [], []
    with threadpool_limits(threads):
        agreement = proof(case, dump["figures"].tolist(), peer(case, dump["x"], dump["y"]))
        for _ in range(rounds):
            start = time.perf_counter()
            peer(case, dump["x"], dump["y"])
            theirs.append((time.perf_counter() - start) * 1e3)
            ours.append(imago_block(program, case, environment, 1))
    return compared(theirs, [run["real_time"] for run in ours], "ms", agreement=agreement,
                    over_floor=[run["over_floor"] for run in ours])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--json", required=True, metavar="FILE")
    p.add_argument("--bin", default="build/bin", help="where imago-bench is")
    p.add_argument("--threads", default="1,2", type=lambda text: [int(t) for t in text.split(",")])
    p.add_argument("--cases", default="E/kid,E/prdc", type=lambda text: text.split(","))
    p.add_argument("--rounds", type=int, default=3, help="pairs of runs")
    a = p.parse_args()
    os.environ.update(SPIN)
    program = str(Path(a.bin, "imago-bench").resolve())
    cases = {}
    for case in a.cases:
        by_threads = {str(t): compare(program, case, t, a.rounds) for t in a.threads}
        for threads, r in by_threads.items():
            print(f"{case:8s} {threads} threads: {r['ratio']:.2f} times, apart by {r['agreement']['apart']:.1e}", flush=True)
        cases[case] = {"by_threads": by_threads}
    Path(a.json).write_text(json.dumps({"cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
