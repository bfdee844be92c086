"""PyTorch's side of compare_torch.py: the training steps of imago-bench and their proof, and a program for case H.

As a program: torch_steps.py DIR [STEPS]   trains a VAE on the MNIST-like files of DIR for an epoch or STEPS steps and
says "first step" when that is done.
"""
import gzip
import math
import signal
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "tests/golden"))
import numpy as np
import torch
from make_golden import normals, uniforms
from torch.nn.functional import binary_cross_entropy_with_logits


def network(sizes, activation):
    layers = []
    for i, o in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(i, o), activation()]
    return torch.nn.Sequential(*layers[:-1])


class Model(torch.nn.Module):
    def __init__(self, sizes, latent, samples=1, activation="relu", bound="elbo"):
        super().__init__()
        activation = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[activation]
        self.latent, self.samples, self.bound = latent, samples, bound
        self.encoder = network([*sizes, 2 * latent], activation)
        self.decoder = network([latent, *reversed(sizes)], activation)

    def forward(self, x, eps):
        """The loss for x [B, D] with the noise eps [B * K * d]."""
        mu, logvar = self.encoder(x).chunk(2, 1)
        if self.bound == "elbo":
            z = mu + torch.exp(0.5 * logvar) * eps.view(mu.shape)
            distortion = binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum")
            rate = 0.5 * (mu * mu + logvar.exp() - 1 - logvar).sum()
            return (distortion + rate) / len(x)
        eps = eps.view(len(x), self.samples, self.latent)
        z = mu[:, None] + torch.exp(0.5 * logvar)[:, None] * eps
        logits = self.decoder(z.flatten(0, 1)).view(len(x), self.samples, -1)
        target = x[:, None].expand_as(logits)
        log_px = -binary_cross_entropy_with_logits(logits, target, reduction="none").sum(-1)
        log_q = -0.5 * ((eps * eps).sum(-1) + logvar.sum(-1)[:, None])  # both without the constant that cancels
        log_w = log_px - 0.5 * (z * z).sum(-1) - log_q
        return -(torch.logsumexp(log_w, 1) - math.log(self.samples)).mean()


class Training:
    """A case as imago-bench dumped it (tensors, metadata): its data, batches and initial weights. A subclass says what
    model it is, what function gives the loss, and how much noise of which kind a step draws."""

    def __init__(self, tensors, meta, compiled=False, lr=1e-3, betas=(0.9, 0.999), **adam):
        initial = {k.removeprefix("initial."): v for k, v in tensors.items() if k.startswith("initial.")}
        self.model = self.build(initial, meta)
        self.model.load_state_dict(initial)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr, betas, **adam)
        self.data, self.batches, self.next = tensors["data"], tensors["batches"], 0
        self.sum = torch.zeros(())
        self.loss = torch.compile(self.function()) if compiled else self.function()

    def step(self, noise=None):
        """The whole step: batch, forward, loss, gradient, update, and the running sum of the loss."""
        x = self.data.index_select(0, self.batches[self.next % len(self.batches)])
        self.next += 1
        loss = self.loss(x, self.draw(self.draws) if noise is None else noise)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        loss = loss.detach()
        self.sum += loss
        return loss

    def losses(self, noise):
        return torch.stack([self.step(torch.from_numpy(eps)) for eps in noise]).double().numpy()

    def time(self, seconds):
        """Seconds a step, warm, over a block of about `seconds`."""
        for _ in range(3):
            self.step()
        count, start, now = 0, time.perf_counter(), 0.0
        while now < seconds:
            self.step()
            count, now = count + 1, time.perf_counter() - start
        return now / count


class Autoencoder(Training):
    noise, draw = staticmethod(normals), staticmethod(torch.randn)

    def build(self, initial, meta):
        sizes = [v.shape[1] for k, v in sorted(initial.items()) if k.startswith("encoder") and v.dim() == 2]
        return Model(sizes, int(meta["latent"]), int(meta["samples"]), meta["activation"], meta["bound"])

    def __init__(self, tensors, meta, **options):
        super().__init__(tensors, meta, **options)
        self.draws = self.batches.shape[1] * int(meta["samples"]) * int(meta["latent"])

    def function(self):
        return self.model


class Critic(Training):
    """WGAN-GP's critic; a batch holds generated samples, then as many real ones."""
    noise, draw = staticmethod(uniforms), staticmethod(torch.rand)

    def build(self, initial, meta):
        if meta["critic"] == "dense":
            return network([784, 512, 512, 512, 1], torch.nn.ReLU)
        convolution = [torch.nn.Conv2d(1, 64, 4, 2, 1), torch.nn.LeakyReLU(0.2),
                       torch.nn.Conv2d(64, 128, 4, 2, 1), torch.nn.LeakyReLU(0.2)]
        return torch.nn.Sequential(*convolution, torch.nn.Flatten(), torch.nn.Linear(7 * 7 * 128, 1))

    def __init__(self, tensors, meta, **options):
        super().__init__(tensors, meta, lr=float(meta["lr"]), betas=(float(meta["beta1"]), float(meta["beta2"])),
                         **options)
        if meta["critic"] == "conv":
            self.data = self.data.permute(0, 3, 1, 2).contiguous()
        self.draws, self.weight = self.batches.shape[1] // 2, float(meta["penalty"])

    def function(self):
        return self.value

    def value(self, x, u):
        values = self.model(x)
        count = len(x) // 2
        fake, real = x[:count], x[count:]
        u = u.view(-1, *[1] * (x.dim() - 1))
        between = (u * real + (1 - u) * fake).requires_grad_()
        slope, = torch.autograd.grad(self.model(between).sum(), between, create_graph=True)
        penalty = ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
        return values[:count].mean() - values[count:].mean() + self.weight * penalty


class Dcgan(Training):
    """A step of the critic, then one of the generator; the loss reported is the sum of theirs."""
    noise, draw = staticmethod(normals), staticmethod(torch.randn)

    def build(self, initial, meta):
        nn = torch.nn
        return nn.ModuleDict({
            "generator": nn.Sequential(
                nn.Linear(64, 7 * 7 * 128), nn.Unflatten(1, (128, 7, 7)),
                nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
                nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh()),
            "critic": nn.Sequential(
                nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(64, 128, 4, 2, 1, bias=False),
                nn.BatchNorm2d(128), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(7 * 7 * 128, 1))})

    def __init__(self, tensors, meta, compiled=False, **options):
        super().__init__(tensors, meta, **options)
        self.data = (2 * self.data - 1).permute(0, 3, 1, 2).contiguous()
        self.latent = int(meta["latent"])
        self.draws = 2 * self.batches.shape[1] * self.latent
        betas = float(meta["beta1"]), float(meta["beta2"])
        self.optimizers = {name: torch.optim.Adam(net.parameters(), float(meta["lr"]), betas, **options)
                           for name, net in self.model.items()}
        self.critic_loss, self.generator_loss = self.of_critic, self.of_generator
        if compiled:
            self.critic_loss, self.generator_loss = torch.compile(self.of_critic), torch.compile(self.of_generator)

    def function(self):
        return None

    def of_critic(self, real, fake):
        critic, softplus = self.model["critic"], torch.nn.functional.softplus
        return softplus(-critic(real)).mean() + softplus(critic(fake)).mean()

    def of_generator(self, z):
        return torch.nn.functional.softplus(-self.model["critic"](self.model["generator"](z))).mean()

    def step(self, noise=None):
        real = self.data.index_select(0, self.batches[self.next % len(self.batches)])
        self.next += 1
        z = (self.draw(self.draws) if noise is None else noise).view(2, -1, self.latent)
        with torch.no_grad():
            fake = self.model["generator"](z[0])
        total = 0
        for name, loss in (("critic", lambda: self.critic_loss(real, fake)),
                           ("generator", lambda: self.generator_loss(z[1]))):
            value = loss()
            self.optimizers[name].zero_grad(set_to_none=True)
            value.backward(inputs=list(self.model[name].parameters()))
            self.optimizers[name].step()
            total = total + value.detach()
        self.sum += total
        return total


def training_of(meta):
    return Dcgan if "dcgan" in meta else Critic if "critic" in meta else Autoencoder


def differing(losses, expected):
    """The largest relative difference."""
    return float(np.max(np.abs(losses - expected) / np.abs(expected)))


def variants(tensors, meta, noise, tolerance=1e-5, compile_seconds=240):
    """PyTorch's ways to run a case, by name, each after proof of equal losses; and what became of the proof of each."""
    expected, proven, report = tensors["losses"].double().numpy(), {}, {}

    def too_long(*_):
        raise TimeoutError(f"compilation took over {compile_seconds} s")

    ways = {"eager": {}, "fused Adam": {"fused": True}, "compiled": {"fused": True, "compiled": True}}
    for name, options in ways.items():
        training = training_of(meta)(tensors, meta, **options)
        try:
            signal.signal(signal.SIGALRM, too_long)
            signal.alarm(compile_seconds if name == "compiled" else 0)
            difference = differing(training.losses(noise), expected)
        except Exception as e:  # a system without a compiler has two variants
            if name != "compiled":
                raise
            report[name] = f"{type(e).__name__}: {e}".splitlines()[0]
            continue
        finally:
            signal.alarm(0)
        if not difference <= tolerance:
            raise SystemExit(f"{name}: the losses differ by {difference:.1e} relative; nothing is timed")
        report[name] = difference
        proven[name] = training
    return proven, report


def use_threads(count):
    torch.set_num_threads(count)
    torch._dynamo.reset()
    torch._inductor.config.cpp.threads = count


def images(folder, name):
    with gzip.open(Path(folder) / f"{name}-images-idx3-ubyte.gz") as f:
        return torch.from_numpy(np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 784).copy())


def main(folder, steps=None):
    train, test = images(folder, "train"), images(folder, "t10k")
    model, batch = Model([784, 400], 20), 128
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    for step, rows in enumerate(torch.randperm(len(train)).split(batch)[:steps and int(steps)]):
        loss = model(train[rows].float() / 255, torch.randn(len(rows) * model.latent))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step == 0:
            print("first step", loss.item(), flush=True)
    with torch.no_grad():
        losses = [model(x.float() / 255, torch.randn(len(x) * model.latent)) * len(x) for x in test.split(batch)]
    print("test", -torch.stack(losses).sum().item() / len(test))


if __name__ == "__main__":
    main(*sys.argv[1:])
