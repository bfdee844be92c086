#!/usr/bin/env python3
"""Makes the golden files of tests/golden: 20 training steps of a small VAE and IWAE in PyTorch, with imago's own noise.

usage: make_golden.py [DIR]     needs torch, numpy and safetensors (PyPI); run by hand, never by a test
Each file holds x [20, B, D], the initial weights, and for float64 and float32 the losses of every step, the gradient of
every parameter at steps 0, 9 and 19, and the final weights. The noise is Philox4x32-10 with imago's normals, bit for bit.
"""
import math
import sys

import numpy as np
import torch
from safetensors.numpy import save_file

STEPS, KEPT, SEED = 20, (0, 9, 19), 7
L, F = np.longdouble, np.float32


def philox(seed, blocks):
    """Words [n, 4] of Philox4x32-10 at counters `blocks`, key `seed` (Salmon et al. 2011)."""
    mask = np.uint64(0xFFFFFFFF)
    c = [blocks & mask, blocks >> np.uint64(32), np.zeros_like(blocks), np.zeros_like(blocks)]
    k = [seed & 0xFFFFFFFF, seed >> 32]
    for r in range(10):
        k0 = np.uint64((k[0] + r * 0x9E3779B9) & 0xFFFFFFFF)
        k1 = np.uint64((k[1] + r * 0xBB67AE85) & 0xFFFFFFFF)
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(b >> np.uint64(32)) ^ c[1] ^ k0, b & mask, (a >> np.uint64(32)) ^ c[3] ^ k1, a & mask]
    return np.stack(c, 1)


def fma(a, b, c):
    """float32 fused multiply-add: exact in long double but for the last rounding."""
    return (L(1) * np.asarray(a, F).astype(L) * np.asarray(b, F).astype(L) + np.asarray(c, F).astype(L)).astype(F)


def log_portable(x):
    bits = x.view(np.uint32)
    e = (bits - np.uint32(0x3F3504F3)).view(np.int32) >> 23
    f = (bits - (e.astype(np.uint32) << np.uint32(23))).view(F) - F(1)
    z, k = f * f, e.astype(F)
    p = np.full_like(f, F(7.0376836292e-2))
    for a in (-1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1,
              -2.4999993993e-1, 3.3333331174e-1):
        p = fma(p, f, F(a))
    y = fma(k, F(-2.12194440e-4), (p * f) * z)
    y = fma(F(-0.5), z, y)
    return fma(k, F(0.693359375), f + y)


def sincos_2pi(t):
    q = fma(t, F(4), F(0.5)).astype(np.int32)
    a = fma(q.astype(F), F(-0.25), t) * F(6.28318530717958647692)
    z = a * a
    u = fma(fma(F(-1.9515295891e-4), z, F(8.3321608736e-3)), z, F(-1.6666654611e-1))
    sn = fma(u * z, a, a)
    u = fma(fma(F(2.443315711809948e-5), z, F(-1.388731625493765e-3)), z, F(4.166664568298827e-2))
    cs = fma(u * z, z, fma(F(-0.5), z, F(1)))
    x, y = np.where(q & 1, cs, sn), np.where(q & 1, sn, cs)
    return np.where(q & 2, -x, x), np.where((q + 1) & 2, -y, y)


def uniforms(seed, offset, n):
    """As normals, in [0, 1) with 24 bits."""
    w = philox(seed, np.arange(offset, offset + (n + 3) // 4, dtype=np.uint64)).astype(np.uint32).reshape(-1)
    return (w >> np.uint32(8)).astype(F)[:n] * F(2.0**-24)


def normals(seed, offset, n):
    """Element i is lane i % 4 of block offset + i / 4; float32."""
    w = philox(seed, np.arange(offset, offset + (n + 3) // 4, dtype=np.uint64)).astype(np.uint32).reshape(-1, 2)
    u, t = (fma(w[:, k].astype(F), F(2.0**-32), F(2.0**-33)) for k in (0, 1))
    r = np.sqrt(F(-2) * log_portable(u))
    s, c = sincos_2pi(t)
    return np.stack([r * s, r * c], 1).reshape(-1)[:n]


def mlp(a, b, c, act):
    return torch.nn.Sequential(torch.nn.Linear(a, b), act(), torch.nn.Linear(b, c))


class Model(torch.nn.Module):
    def __init__(self, features, hidden, latent, act):
        super().__init__()
        self.encoder = mlp(features, hidden, 2 * latent, act)
        self.decoder = mlp(latent, hidden, features, act)

    def log_weights(self, x, eps):
        """log p(x, z) - log q(z|x) [B, K] and the KL [B], for eps [B, K, d]."""
        mu, logvar = self.encoder(x).chunk(2, -1)
        z = mu[:, None] + torch.exp(0.5 * logvar)[:, None] * eps
        logits = self.decoder(z)
        target = x[:, None].expand_as(logits)
        log_px = -torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(-1)
        log_w = log_px - 0.5 * (z * z).sum(-1) + 0.5 * (eps * eps).sum(-1) + 0.5 * logvar.sum(-1)[:, None]
        kl = 0.5 * (mu * mu + logvar.exp() - 1 - logvar).sum(-1)
        return log_px, log_w, kl


def run(kind, batch, features, hidden, latent, samples, act):
    torch.manual_seed(1)
    out = {"x": np.random.default_rng(2).random((STEPS, batch, features)).astype(F).astype(np.float64)}
    initial = {k: v.detach().clone() for k, v in Model(features, hidden, latent, act).state_dict().items()}
    for name, v in initial.items():
        out["initial." + name] = v.numpy().astype(np.float64)
    for dtype, tag in ((torch.float64, "float64"), (torch.float32, "float32")):
        model = Model(features, hidden, latent, act).to(dtype)
        model.load_state_dict({k: v.to(dtype) for k, v in initial.items()})
        opt = torch.optim.Adam(model.parameters(), 1e-2)
        losses, offset, n = [], 0, batch * samples * latent
        for step in range(STEPS):
            x = torch.tensor(out["x"][step], dtype=dtype)
            eps = torch.tensor(normals(SEED, offset, n).reshape(batch, samples, latent), dtype=dtype)
            offset += (n + 3) // 4
            log_px, log_w, kl = model.log_weights(x, eps)
            loss = (kl - log_px.mean(1)).mean() if kind == "vae" else -(torch.logsumexp(log_w, 1) - math.log(samples)).mean()
            opt.zero_grad()
            loss.backward()
            losses.append(loss.item())
            if step in KEPT:
                for name, p in model.named_parameters():
                    out[f"{tag}.grad.{step}.{name}"] = p.grad.numpy().astype(np.float64).copy()
            opt.step()
        out[f"{tag}.loss"] = np.array(losses)
        for name, p in model.named_parameters():
            out[f"{tag}.final.{name}"] = p.detach().numpy().astype(np.float64).copy()
    return out


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "."
    torch.set_num_threads(1)
    for kind, samples, act in (("vae", 1, torch.nn.ReLU), ("iwae", 5, torch.nn.Tanh)):
        tensors = run(kind, 6, 11, 13, 3, samples, act)
        tensors["noise"] = normals(SEED, 0, 64).astype(np.float64)
        save_file(tensors, f"{folder}/{kind}.safetensors",
                  metadata={"model": kind, "samples": str(samples), "seed": str(SEED), "lr": "0.01", "torch": torch.__version__})
        print(kind, "loss", tensors["float64.loss"][[0, -1]])
