#!/usr/bin/env python3
"""Trains vae, gan (DCGAN) and wgan-gp on Fashion-MNIST and draws how the Frechet distance of their samples falls.

usage: curves.py [--imago build/bin/imago] [--out runs/curves] [--epochs 2] [--every 125] [--svg tools/images/curves.svg]
                 [--table tools/bench/results/curves.md]
Needs nothing but Python and about half an hour of one core; run by hand, never by a test. A run that is finished is not run again,
nor is the classifier in OUT/judge, whose features the distance is of: 10,000 samples against the test split. The table has
Spearman's rank correlation of distance and step, -1 where the distance never rises.
"""
import argparse
import json
import math
import os
import subprocess
from pathlib import Path

COLOURS = {"vae": "#1f77b4", "gan": "#d62728", "wgan-gp": "#2ca02c"}


def train(a):
    judge = a.out / "judge"
    if not (judge / "checkpoints/last.safetensors").exists():
        subprocess.run([a.imago, "train", "classifier", "--data", "fashion-mnist", "--set", "valid=5000", "--out", judge, "--quiet"],
                       check=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for name in COLOURS:
        out = a.out / name
        if (out / "finished").exists():
            continue
        # The first point is of the untrained network.
        subprocess.run([a.imago, "train", name, "--data", "fashion-mnist", "--epochs", "0", "--out", a.out / (name + "-0"),
                        "--device", "cpu", "--overwrite", "--quiet"], env=environment, check=True)
        said = subprocess.run([a.imago, "evaluate", a.out / (name + "-0"), "--checkpoint", "last", "--metrics", "fd", "--judge", judge,
                               "--device", "cpu", "--json"], env=environment, check=True, capture_output=True, text=True).stdout
        subprocess.run([a.imago, "train", name, "--data", "fashion-mnist", "--epochs", str(a.epochs), "--eval-every", str(a.every),
                        "--set", f"judge={judge}", "--out", out, "--device", "cpu", "--overwrite", "--quiet"],
                       env=environment, check=True)
        (out / "finished").write_text(said)


def curve(run):
    """Steps and distances, from step 0 on."""
    points = [(0, json.loads((run / "finished").read_text())["fd"])]
    for line in (run / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row.get("split") == "test" and "fd" in row:
            points.append((row["step"], row["fd"]))
    return points


def ranks(values):
    """From 1; ties share the mean of theirs."""
    order = sorted(values)
    return [(order.index(v) + 1 + len(order) - order[::-1].index(v)) / 2 for v in values]


def spearman(points):
    x, y = ranks([p[0] for p in points]), ranks([p[1] for p in points])
    mx, my = sum(x) / len(x), sum(y) / len(y)
    cov = sum((a - mx) * (b - my) for a, b in zip(x, y))
    return cov / math.sqrt(sum((a - mx) ** 2 for a in x) * sum((b - my) ** 2 for b in y))


def draw(curves, file):
    width, height, left, right, top, bottom = 720, 360, 64, 84, 16, 44
    last = max(p[0] for c in curves.values() for p in c)
    low = math.log10(min(p[1] for c in curves.values() for p in c)) - .05
    high = math.log10(max(p[1] for c in curves.values() for p in c)) + .05

    def px(step):
        return left + step / last * (width - left - right)

    def py(distance):
        return top + (high - math.log10(distance)) / (high - low) * (height - top - bottom)

    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
           f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for decade in range(math.floor(low), math.ceil(high)):
        for digit in (1, 2, 5):
            value = digit * 10 ** decade
            if low <= math.log10(value) <= high:
                y = py(value)
                svg.append(f'<line x1="{left}" y1="{y:.1f}" x2="{width - right}" y2="{y:.1f}" stroke="#ddd"/>')
                svg.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#333">{value:g}</text>')
    tick = 10 ** math.floor(math.log10(last))
    tick = next(t for t in (tick / 5, tick / 2, tick, tick * 2) if last / t <= 8)
    for i in range(int(last / tick) + 1):
        x = px(i * tick)
        svg.append(f'<line x1="{x:.1f}" y1="{height - bottom}" x2="{x:.1f}" y2="{height - bottom + 5}" stroke="#333"/>')
        svg.append(f'<text x="{x:.1f}" y="{height - bottom + 19}" text-anchor="middle" fill="#333">{i * tick:g}</text>')
    svg.append(f'<text x="{(left + width - right) / 2}" y="{height - 6}" text-anchor="middle" fill="#333">step</text>')
    svg.append(f'<text transform="translate(14 {(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle" fill="#333">'
               'FD-classifier, 10,000 samples</text>')
    label_y = -math.inf
    for name, points in sorted(curves.items(), key=lambda c: py(c[1][-1][1])):
        path = " ".join(f"{px(s):.1f},{py(d):.1f}" for s, d in points)
        svg.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
        svg += [f'<circle cx="{px(s):.1f}" cy="{py(d):.1f}" r="2.5" fill="{COLOURS[name]}"/>' for s, d in points]
        label_y = max(py(points[-1][1]) + 4, label_y + 15)
        svg.append(f'<text x="{px(points[-1][0]) + 8:.1f}" y="{label_y:.1f}" fill="{COLOURS[name]}">{name}</text>')
    file.write_text("\n".join(svg + ["</svg>", ""]))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--imago", default="build/bin/imago")
    p.add_argument("--out", default="runs/curves", type=Path)
    p.add_argument("--epochs", default=2, type=int)
    p.add_argument("--every", default=125, type=int, help="steps between two points")
    p.add_argument("--svg", default="tools/images/curves.svg", type=Path)
    p.add_argument("--table", default="tools/bench/results/curves.md", type=Path)
    a = p.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    train(a)
    curves = {name: curve(a.out / name) for name in COLOURS}
    draw(curves, a.svg)
    rows = ["| preset | points | at step 0 | at the end | lowest | rank correlation with the step |", "|---|---|---|---|---|---|"]
    for name, points in curves.items():
        values = [d for _, d in points]
        rows.append(f"| `{name}` | {len(points)} | {values[0]:.1f} | {values[-1]:.1f} | {min(values):.1f} | {spearman(points):.2f} |")
    a.table.write_text("\n".join(rows) + "\n")
    print(a.table.read_text(), end="")


if __name__ == "__main__":
    main()
