#!/usr/bin/env python3
"""Compares imago-bench with PyTorch on this machine: ratio = PyTorch's time / Imago's, larger is better for Imago.

usage: compare_torch.py --json FILE [--bin build/bin] [--threads 1,2] [--cases "A,B,B',C,D,E,H"]
Needs torch, numpy and safetensors (PyPI); run by hand, never by a test. Blocks of the two sides alternate; each pair of
blocks yields a ratio, and their median and quartiles are reported. PyTorch runs as the fastest of eager, fused Adam and
torch.compile. Before a case is timed, every one of them must reproduce imago-bench's first 20 losses, with its weights,
batches and noise. Case E compares the
covariance of 10,000 x 2048 with NumPy's and the trace of the root at d = 2048 with SciPy's sqrtm and with eigenvalues of
the product (NumPy, PyTorch), and needs scipy too. Case H compares `imago` with a PyTorch script: start-up, time to the first step, peak memory.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent.parent / "tests/golden")]
# torch is imported late: until then this process is small, and a child's peak memory is at least its parent's.

CASES = {"A": ["A"], "B": ["B/k=1", "B/k=5", "B/k=50"], "B'": ["B'/k=1", "B'/k=50"],
         "C": ["C"], "D": ["D/dense", "D/conv"], "E": [], "H": []}
STEPS = 20
SPIN = {"GOMP_SPINCOUNT": "10000"}  # both sides; what imago sets for itself, and no slower for PyTorch


def middle(values):
    """The median, and as the spread the quartiles."""
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": statistics.median(values), "spread": [low, high]}


def compared(theirs, ours, unit, **more):
    """The record of a case from pairs of figures taken in turn."""
    ratio = middle([t / o for t, o in zip(theirs, ours)])
    return {"ratio": ratio["median"], "spread": ratio["spread"], "unit": unit, "pairs": len(ours),
            "imago": middle(ours), "torch": middle(theirs), **more}


# ---- training steps

def imago_block(program, case, environment, seconds):
    """Milliseconds a step and the counters, from one run of imago-bench."""
    out = subprocess.run([program, f"--benchmark_filter=^step/{case}/cpu$", "--benchmark_format=json",
                          f"--benchmark_min_time={seconds}"], env=environment, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, check=True, text=True).stdout
    run, = json.loads(out)["benchmarks"]
    assert run["time_unit"] == "ms"
    return run


def compare_step(program, case, threads, rounds, seconds):
    import safetensors

    import torch_steps
    environment = {**os.environ, **SPIN, "OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as folder:
        dump = folder + "/case.safetensors"
        subprocess.run([program, "--dump-losses", case, dump], env=environment, check=True)
        with safetensors.safe_open(dump, "pt") as f:
            meta, tensors = f.metadata(), {k: f.get_tensor(k) for k in f.keys()}
    torch_steps.use_threads(threads)
    training = torch_steps.training_of(meta)(tensors, meta)
    blocks = (training.draws + 3) // 4  # of four words; every step's draw begins a new one
    noise = [training.noise(int(meta["seed"]), step * blocks, training.draws) for step in range(STEPS)]
    ways, proof = torch_steps.variants(tensors, meta, noise)

    tried = {name: statistics.median(way.time(seconds) for _ in range(3)) * 1e3 for name, way in ways.items()}
    best = min(tried, key=tried.get)
    theirs, ours = [], []
    for _ in range(rounds):
        theirs.append(ways[best].time(seconds) * 1e3)
        ours.append(imago_block(program, case, environment, seconds))
    return compared(theirs, [run["real_time"] for run in ours], "ms a step", torch_variant=best, torch_variants=tried,
                    equal_losses=proof, floor_ms=statistics.median(run["floor_ms"] for run in ours),
                    over_floor=middle([run["over_floor"] for run in ours]))


# ---- case E

FRECHET = {"E/covariance": ("covariance/10000/2048", {"numpy.cov": ["cov", "2048", "10000"]}),
           "E/trace": ("trace/exact/2048", {"scipy.sqrtm": ["sqrtm", "2048"], "numpy.eigvals": ["eigvals", "2048"],
                                            "torch.eigvals": ["torch_eigvals", "2048"]})}


def compare_frechet(program, threads, rounds):
    """Records by case and peer; the two sides in turn, each a process of its own."""
    environment = {**os.environ, **SPIN, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    records = {}
    for case, (name, peers) in FRECHET.items():
        for peer, arguments in peers.items():
            theirs, ours = [], []
            for _ in range(rounds):
                out = subprocess.run([sys.executable, str(HERE / "frechet_peers.py"), *arguments], env=environment,
                                     stdout=subprocess.PIPE, check=True, text=True).stdout
                theirs.append(float(out.split()[0]) * 1e3)
                out = subprocess.run([program, f"--benchmark_filter=^frechet/{name}$", "--benchmark_format=json"],
                                     env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                                     text=True).stdout
                block, = json.loads(out)["benchmarks"]
                ours.append(block["real_time"])
            more = {"of_gemm": block["of_gemm"]} if "of_gemm" in block else {}
            records[f"{case} {peer}"] = compared(theirs, ours, "ms", **more)
    return records


# ---- case H

def finished(process):
    """Waits; the peak resident memory in MiB."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{process.args}: status {process.returncode}")
    return usage.ru_maxrss / 1024


def run(command):
    """Seconds from start to end, and peak MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    memory = finished(process)
    return time.perf_counter() - start, memory


def first_step(command, done):
    """Seconds from the start of a program to the end of its first step, which done(process) waits for."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    done(process)
    seconds = time.perf_counter() - start
    process.stdout.read()
    finished(process)
    return seconds


def compare_start(imago, rounds):
    data = os.environ.get("IMAGO_DATA", "/usr/share/datasets") + "/fashion-mnist"
    script = [sys.executable, str(HERE / "torch_steps.py"), data]
    start, step, memory = ([], []), ([], []), ([], [])
    with tempfile.TemporaryDirectory() as folder:
        metrics = Path(folder, "run/metrics.jsonl")

        def train(*what):
            return [imago, "train", "vae", "--data", "fashion-mnist", "--device", "cpu", "--out", folder + "/run",
                    "--overwrite", *what]

        def imago_done(process):  # the loss of step 1 is written right after it
            while not (metrics.exists() and metrics.stat().st_size) and process.poll() is None:
                time.sleep(0.001)

        for turn in range(rounds + 1):
            metrics.unlink(missing_ok=True)
            pairs = [(start, run([sys.executable, "-c", "import torch"])[0], run([imago, "list"])[0]),
                     (step, first_step([*script, "1"], lambda p: p.stdout.readline()),
                      first_step(train("--steps", "1"), imago_done)),
                     (memory, run(script)[1], run(train("--epochs", "1"))[1])]
            for kept, theirs, ours in pairs if turn else []:  # the first turn fills the page cache
                kept[0].append(theirs), kept[1].append(ours)
    return {"H/list": compared(*start, "s", torch_is="python -c 'import torch'"),
            "H/first-step": compared(*step, "s, from process start"),
            "H/peak-memory": compared(*memory, "MiB resident, an epoch of vae")}


# ----

def machine(imago, arguments):
    import torch
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)
    cpu = ", ".join(f"{key} {cpu[key]}" for key in ("model name", "cpu family", "model") if key in cpu)
    version = subprocess.run([imago, "--version"], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
    return {"cpu": cpu, "cores": os.cpu_count(), "device": arguments.device, "environment": SPIN, "imago": version,
            "torch": torch.__version__, "torch_cpu": torch.backends.cpu.get_cpu_capability(),
            "python": sys.version.split()[0]}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--json", required=True, metavar="FILE")
    p.add_argument("--bin", default="build/bin", help="where imago and imago-bench are")
    p.add_argument("--device", default="cpu", choices=["cpu"])
    p.add_argument("--threads", default="1,2", type=lambda text: [int(t) for t in text.split(",")])
    p.add_argument("--cases", default=",".join(CASES), type=lambda text: text.split(","))
    p.add_argument("--rounds", type=int, default=11, help="pairs of blocks")
    p.add_argument("--seconds", type=float, default=0.5, help="of a block")
    a = p.parse_args()
    if unknown := set(a.cases) - set(CASES):
        p.error(f"unknown case {', '.join(unknown)}: there are {', '.join(CASES)}")
    os.environ.update(SPIN)  # before torch is loaded
    imago, program = (str(Path(a.bin, name).resolve()) for name in ("imago", "imago-bench"))

    cases = {}

    row = "{:26s}{:>8}{:>8} {:18s}{:>10}{:>10}{:>12}  {}"
    print(row.format("case", "threads", "ratio", "  quartiles", "torch", "imago", "over floor", ""), flush=True)

    def show(name, r, threads=""):
        over = f"{r['over_floor']['median']:.2f}" if "over_floor" in r else ""
        print(row.format(name, threads, f"{r['ratio']:.2f}", "  {:.2f} - {:.2f}".format(*r["spread"]),
                         f"{r['torch']['median']:.4g}", f"{r['imago']['median']:.4g}", over,
                         f"{r['unit']}, {r['torch_variant']}" if "torch_variant" in r else r["unit"]), flush=True)

    if "H" in a.cases:
        for name, result in compare_start(imago, max(3, a.rounds // 2)).items():
            cases[name] = result
            show(name, result)
    if "E" in a.cases:
        for threads in a.threads:
            for name, result in compare_frechet(program, threads, max(3, a.rounds // 2)).items():
                cases.setdefault(name, {"threads": threads, "by_threads": {}}).update(
                    ratio=result["ratio"], spread=result["spread"], threads=threads)
                cases[name]["by_threads"][str(threads)] = result
                show(name, result, str(threads))
    for name in [case for group in a.cases for case in CASES[group]]:
        by_threads = {}
        for threads in a.threads:
            result = by_threads[str(threads)] = compare_step(program, name, threads, a.rounds, a.seconds)
            show(name, result, str(threads))
        cases[name] = {"ratio": result["ratio"], "spread": result["spread"], "threads": a.threads[-1],
                       "by_threads": by_threads}
    Path(a.json).write_text(json.dumps({"cases": cases, "machine": machine(imago, a)}, indent=1) + "\n")


if __name__ == "__main__":
    main()
