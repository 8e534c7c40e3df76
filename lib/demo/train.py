"""Trains the demonstration model from scratch and writes `demo.gguf`.

    python train.py

The corpus is generated while training, so no document is seen twice.  The
learning rate follows the wall clock: a short warm-up, a constant stretch and a
linear decay to zero that ends when the time is up.  Drills in copying random
sequences make up much of the first part.

One process with a single thread runs on each core.  The weights lie in shared
memory; each process adds its gradients to a common table and then updates its
share of the parameters.
"""

import argparse
import collections
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
import torch.multiprocessing as processes
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

import corpus
import export
import names
import optimizer
import tokenizer as bpe
from model import Model, Shape

HERE = Path(__file__).parent
IGNORE = 0.0
CONTEXT_WEIGHT = 0.1
PROBES = [
    "Hello!", "Привет!", "Count to 5", "Why is the sky blue?", "Which endpoints do you have?", "What is 3 + 4?",
    "My name is Zorbeltina. What is my name?", "Меня зовут Вельгамира. Как меня зовут?", "Repeat: tamrilo vesk 731",
]


@dataclass
class Batch:
    """Documents one after another."""

    inputs: Tensor
    targets: Tensor
    weights: Tensor
    lengths: list
    skills: list


class Source:
    """Turns the generated documents into batches of tokens, targets and weights."""

    def __init__(self, tokenizer: Tokenizer, seed: int, budget: int, parts: int, longest: int, drills: float):
        self.tokenizer = tokenizer
        self.rng = Random(seed)
        self.budget, self.parts, self.longest, self.drills = budget, parts, longest, drills
        special = {text: tokenizer.token_to_id(text) for text in bpe.SPECIAL}
        self.start, self.end = special["<|im_start|>"], special["<|im_end|>"]
        self.think, self.pad = special["<think>"], special["<|endoftext|>"]
        self.assistant = tokenizer.encode("assistant\n").ids

    def weigh(self, skill: str, ids: list[int]) -> list[float]:
        """The weight of each token as a target: much on the answers, short ones first, and little on the rest."""
        if skill == "raw":
            return [0.5] * len(ids)
        weights = [CONTEXT_WEIGHT] * len(ids)
        head = len(self.assistant)
        index = 0
        while index < len(ids):
            if ids[index] == self.start and ids[index + 1:index + 1 + head] == self.assistant:
                weights[index:index + 1 + head] = [IGNORE] * (head + 1)
                index += 1 + head
                if index < len(ids) and ids[index] == self.think:
                    # The prompt opens the block; the model never has to.
                    weights[index:index + 2] = [IGNORE] * 2
                    index += 2
                first = index
                while index < len(ids) - 1 and ids[index] != self.end:
                    index += 1
                length = index + 1 - first
                weights[first:index + 1] = [min(2.0, max(0.5, (20 / length) ** 0.5))] * length
            index += 1
        return weights

    def drill(self) -> tuple[list[int], list[float]]:
        """A random sequence that comes twice or thrice, with other tokens in between."""
        size = self.rng.randint(3, 24)
        kind = self.rng.random()
        if kind < 0.25:
            # Few different tokens: one token of context is not enough to find the place.
            few = [self.rng.randrange(self.pad) for _ in range(self.rng.randint(2, 6))]
            sequence = [self.rng.choice(few) for _ in range(size)]
        elif kind < 0.5:
            sequence = [self.rng.randrange(self.pad) for _ in range(size)]
        else:
            russian = self.rng.random() < 0.5
            words = " ".join(names.invented(self.rng, russian) for _ in range(size // 4 + 1))
            sequence = self.tokenizer.encode(" " + words).ids
        ids: list[int] = []
        weights: list[float] = []
        for turn in range(self.rng.randint(2, 3)):
            noise = [self.rng.randrange(self.pad) for _ in range(self.rng.randint(0, 12))]
            ids += noise + sequence
            weights += [IGNORE] * (len(noise) + 1) + [1.0 if turn else IGNORE] * (len(sequence) - 1)
        return ids, weights

    def step(self, done: float) -> list[Batch]:
        """Draws one step of documents and splits it by length into a few batches."""
        documents, total = [], 0
        drills = max(0.08, self.drills * (1 - done / 0.4))
        while total < self.budget:
            if self.rng.random() < drills:
                ids, weights = self.drill()
                total += len(ids)
                documents.append((ids, weights, "drill"))
                continue
            document = corpus.document(self.rng)
            ids = self.tokenizer.encode(document.text.rstrip("\n")).ids
            if len(ids) > self.longest:
                continue
            total += len(ids)
            documents.append((ids, self.weigh(document.skill, ids), document.skill))
        documents.sort(key=lambda item: len(item[0]))
        batches, group, share, size = [], [], total / self.parts, 0
        for item in documents:
            group.append(item)
            size += len(item[0])
            if size >= share:
                batches.append(self._stack(group))
                group, size = [], 0
        if group:
            batches.append(self._stack(group))
        return batches

    @staticmethod
    def _stack(group: list) -> Batch:
        return Batch(
            inputs=torch.tensor([token for ids, _, _ in group for token in ids[:-1]]),
            targets=torch.tensor([token for ids, _, _ in group for token in ids[1:]]),
            weights=torch.tensor([weight for _, weights, _ in group for weight in weights[1:]]),
            lengths=[len(ids) - 1 for ids, _, _ in group],
            skills=[skill for ids, _, skill in group for _ in ids[1:]],
        )


@torch.no_grad()
def complete(model: Model, tokenizer: Tokenizer, prompt: str, limit: int = 60) -> str:
    """Greedy continuation, for the log."""
    ids = tokenizer.encode(prompt).ids
    stop = {tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|endoftext|>")}
    fresh: list[int] = []
    while len(fresh) < limit:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            token = int(model(torch.tensor(ids + fresh))[-1].argmax())
        if token in stop:
            break
        fresh.append(token)
    return tokenizer.decode(fresh, skip_special_tokens=False)


def rate(done: float, decay: float, warmup: float = 0.02) -> float:
    """The factor of the learning rate after the given share of the time."""
    if done < warmup:
        return done / warmup + 1e-3
    return min(1.0, max(0.0, 1 - done) / decay)


def save(path: Path, model: Model, extra: dict) -> None:
    """Writes a checkpoint atomically."""
    temporary = path.with_suffix(".tmp")
    torch.save({"shape": model.shape.as_dict(), "weights": model.state_dict(), **extra}, temporary)
    os.replace(temporary, path)


def prepare(work: Path, seed: int, samples: int) -> Tokenizer:
    """Loads the tokenizer of the work folder or trains it on a sample of the corpus."""
    path = work / "tokenizer.json"
    if not path.exists():
        rng = Random(seed + 1)
        built = bpe.build(corpus.document(rng).text for _ in range(samples))
        built.save(str(path))
    return Tokenizer.from_file(str(path))


class Team:
    """The processes of one training run and what they share."""

    def __init__(self, size: int, length: int):
        self.size = size
        self.gradients = torch.zeros(size, length).share_memory_()
        self.done = torch.zeros(1).share_memory_()
        self.barrier = processes.get_context("spawn").Barrier(size)


class Log:
    """Sums the loss on answers per skill and prints it now and then."""

    def __init__(self, begin: float):
        self.begin, self.reported = begin, begin
        self.sums: dict = collections.defaultdict(float)
        self.counts: dict = collections.defaultdict(int)

    def add(self, skills: list[str], losses: Tensor) -> None:
        for skill, loss in zip(skills, losses.tolist()):
            self.sums[skill] += loss
            self.counts[skill] += 1

    def write(self, step: int, seen: int, factor: float, model: Model, tokenizer: Tokenizer) -> None:
        elapsed = time.monotonic() - self.begin
        mean = sum(self.sums.values()) / sum(self.counts.values())
        print(f"{elapsed / 60:6.2f} min  step {step:5d}  tokens {seen / 1e6:6.2f} M  {seen / elapsed:6.0f} tok/s  "
              f"rate {factor:.3f}  answer loss {mean:.4f}", flush=True)
        if time.monotonic() - self.reported > 150:
            self.reported = time.monotonic()
            print("   " + "  ".join(f"{key} {self.sums[key] / self.counts[key]:.3f}" for key in sorted(self.sums)))
            for probe in PROBES:
                text = corpus.template.render([corpus.user(probe)], add_generation_prompt=True)
                print(f"   {probe!r} -> {complete(model, tokenizer, text)!r}", flush=True)
        self.sums.clear()
        self.counts.clear()


def backward(model: Model, source: Source, done: float, log: Log | None) -> int:
    """Accumulates the gradients of one step and returns the number of tokens."""
    batches = source.step(done)
    total = sum(float(batch.weights.sum()) for batch in batches)
    tokens = 0
    for batch in batches:
        chosen = batch.weights.nonzero()[:, 0]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            state = model.hidden_states(batch.inputs, batch.lengths)
            logits = F.linear(state[chosen], model.embed.weight)
        losses = F.cross_entropy(logits.float(), batch.targets[chosen], reduction="none")
        part = batch.weights[chosen]
        ((losses * part).sum() / total).backward()
        tokens += len(batch.inputs)
        if log:
            answers = part > 0.2
            log.add([batch.skills[index] for index in chosen[answers].tolist()], losses.detach()[answers])
    return tokens


def work(rank: int, team: Team, model: Model, arguments: argparse.Namespace) -> None:
    """The training loop of one process; the first one keeps the time, the log and the checkpoints."""
    torch.set_num_threads(1)
    tokenizer = prepare(arguments.work, arguments.seed, 0)
    source = Source(tokenizer, arguments.seed * 1000 + rank, arguments.tokens // team.size, arguments.parts,
                    arguments.longest, arguments.drills)
    parameters = list(model.parameters())
    own = torch.zeros(team.gradients.shape[1])
    offset = 0
    for parameter in parameters:
        parameter.grad = own[offset:offset + parameter.numel()].view_as(parameter)
        offset += parameter.numel()
    optimizers = optimizer.build(model, arguments.matrix_rate, arguments.vector_rate, rank, team.size)

    begin = saved = time.monotonic()
    seconds = arguments.minutes * 60
    log = Log(begin) if rank == 0 else None
    step = seen = 0
    while True:
        if log:
            team.done[0] = (time.monotonic() - begin) / seconds
        team.barrier.wait()
        done = float(team.done)
        if done >= 1:
            break
        factor = rate(done, arguments.decay)
        own.zero_()
        seen += backward(model, source, done, log) * team.size
        team.gradients[rank].copy_(own)
        team.barrier.wait()
        torch.mean(team.gradients, dim=0, out=own)
        for one in optimizers:
            one.step(factor)
        team.barrier.wait()
        step += 1
        if log and step % 25 == 0:
            log.write(step, seen, factor, model, tokenizer)
        if log and time.monotonic() - saved > arguments.save_every * 60:
            saved = time.monotonic()
            save(arguments.work / "checkpoint.pt", model, {"step": step, "seen": seen})
    if log:
        save(arguments.work / "final.pt", model, {"step": step, "seen": seen})
        print(f"trained {step} steps, {seen:,} tokens in {(time.monotonic() - begin) / 60:.1f} minutes", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=80.0, help="wall-clock time of the training loop")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "llamacpp-server-demo",
                        help="folder of the tokenizer and the checkpoints")
    parser.add_argument("--output", type=Path, default=HERE / "demo.gguf", help="the GGUF file to write")
    parser.add_argument("--resume", type=Path, help="checkpoint whose weights to start from")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=3072, help="tokens of one step, all processes together")
    parser.add_argument("--parts", type=int, default=2, help="batches of one step and process, sorted by length")
    parser.add_argument("--longest", type=int, default=1100, help="longest document in tokens")
    parser.add_argument("--matrix-rate", type=float, default=0.02)
    parser.add_argument("--vector-rate", type=float, default=0.003)
    parser.add_argument("--decay", type=float, default=0.55, help="share of the time with a falling rate")
    parser.add_argument("--drills", type=float, default=0.6, help="share of copying drills at the start")
    parser.add_argument("--save-every", type=float, default=4.0, help="minutes between checkpoints")
    arguments = parser.parse_args()

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    torch.manual_seed(arguments.seed)
    arguments.work.mkdir(parents=True, exist_ok=True)
    tokenizer = prepare(arguments.work, arguments.seed, 8000)
    model = Model(Shape(vocab=tokenizer.get_vocab_size()))
    if arguments.resume:
        model.load_state_dict(torch.load(arguments.resume)["weights"])
    length = sum(parameter.numel() for parameter in model.parameters())
    print(f"vocabulary {tokenizer.get_vocab_size()}, parameters {length:,}", flush=True)
    model.share_memory()
    team = Team(arguments.processes, length)
    processes.spawn(work, (team, model, arguments), nprocs=arguments.processes)
    export.write(model, tokenizer, arguments.output)
    print(f"wrote {arguments.output}, {arguments.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
