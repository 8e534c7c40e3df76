"""The transformer of the demonstration model: the qwen2 architecture, very small."""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass
class Shape:
    """Hyper-parameters; the export writes them into the GGUF metadata."""

    vocab: int
    width: int = 256
    layers: int = 5
    heads: int = 4
    hidden: int = 640
    context: int = 4096
    theta: float = 10000.0
    epsilon: float = 1e-6

    as_dict = asdict


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Applies rotary positions in the rotate-half (NEOX) layout."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


class Block(nn.Module):
    """Attention and SwiGLU, both behind RMS norms."""

    def __init__(self, shape: Shape):
        super().__init__()
        width, hidden = shape.width, shape.hidden
        self.heads = shape.heads
        self.attn_norm = nn.RMSNorm(width, eps=shape.epsilon)
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.o = nn.Linear(width, width, bias=False)
        self.ffn_norm = nn.RMSNorm(width, eps=shape.epsilon)
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, grids: list["Grid"]) -> Tensor:
        y = self.attn_norm(x)

        def heads(z: Tensor) -> Tensor:
            return z.view(z.shape[0], self.heads, -1)

        q = rotate(heads(self.q(y)), cos, sin)
        k = rotate(heads(self.k(y)), cos, sin)
        v = heads(self.v(y))
        z = torch.cat([grid.attend(q, k, v) for grid in grids])
        x = x + self.o(z.flatten(1))
        y = self.ffn_norm(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Grid:
    """A table with one row per document, for documents of similar length that follow each other.

    Only the attention works on tables; all other layers see the real tokens
    without padding.
    """

    def __init__(self, first: int, lengths: list[int], dtype: torch.dtype):
        self.rows, self.columns = len(lengths), max(lengths)
        self.span = slice(first, first + sum(lengths))
        self.positions = torch.cat([torch.arange(length) for length in lengths])
        starts = torch.repeat_interleave(torch.arange(self.rows) * self.columns, torch.tensor(lengths))
        self.index = starts + self.positions
        self.mask = torch.full((self.columns, self.columns), float("-inf"), dtype=dtype).triu(1)

    def _spread(self, values: Tensor) -> Tensor:
        table = values.new_zeros(self.rows * self.columns, *values.shape[1:]).index_copy(0, self.index, values[self.span])
        return table.view(self.rows, self.columns, *values.shape[1:]).transpose(1, 2)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Causal attention within each document."""
        q, k, v = self._spread(q), self._spread(k), self._spread(v)
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 + self.mask
        shares = torch.softmax(scores, dim=-1, dtype=torch.float32).to(v.dtype)
        return (shares @ v).transpose(1, 2).flatten(0, 1)[self.index]


def arrange(lengths: list[int], dtype: torch.dtype) -> list[Grid]:
    """Divides documents, sorted by length, into grids with little padding."""
    grids, first, group = [], 0, []
    for length in lengths:
        if group and length > 1.2 * group[0] and sum(group) >= 300:
            grids.append(Grid(first, group, dtype))
            first += sum(group)
            group = []
        group.append(length)
    grids.append(Grid(first, group, dtype))
    return grids


class Model(nn.Module):
    """Decoder with tied input and output embeddings."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(shape.vocab, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        size = shape.width // shape.heads
        angles = torch.outer(
            torch.arange(shape.context).float(),
            shape.theta ** (-torch.arange(0, size, 2).float() / size),
        )
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        self._initialise()

    def _initialise(self) -> None:
        for name, parameter in self.named_parameters():
            if parameter.ndim == 1:
                continue
            if name.endswith(("o.weight", "down.weight")):
                nn.init.zeros_(parameter)
            elif name.startswith("embed"):
                nn.init.normal_(parameter, std=0.02)
            else:
                nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
        for block in self.blocks:
            for layer in (block.q, block.k, block.v):
                nn.init.zeros_(layer.bias)
        self.prime()

    @torch.no_grad()
    def prime(self) -> None:
        """Sets two heads up to copy: "what followed the last occurrence of this token?".

        Head 0 of the first block looks at the previous token by position alone
        and notes it; head 0 of the second block looks for the place that noted
        the current token and passes the token found there on.  Training finds
        such heads by itself, but only after a long plateau.
        """
        width, size = self.shape.width, self.shape.width // self.shape.heads
        half = size // 2
        scale = float(self.embed.weight.square().mean().sqrt())
        first, second = self.blocks[0], self.blocks[1]
        for layer in (first.q, first.k, first.v, second.q, second.k, second.v):
            layer.weight[:size] = 0
            layer.bias[:size] = 0
        first.o.weight[:, :size] = 0

        # Quickly turning dimensions carry the position, slowly turning ones the content.
        quick = torch.arange(half * 3 // 8)
        angle = self.shape.theta ** (-2.0 * quick / size)
        strength = 5.0
        first.q.bias[quick] = strength * angle.cos()
        first.q.bias[quick + half] = -strength * angle.sin()
        first.k.bias[quick] = strength
        slow = torch.arange(half * 5 // 8, half)
        slow = torch.cat((slow, slow + half))
        read = torch.linalg.qr(torch.randn(width, len(slow))).Q.T
        note = torch.linalg.qr(torch.randn(width, len(slow))).Q
        first.v.weight[slow] = read
        first.o.weight[:, slow] = note * scale * 3.3
        second.q.weight[slow] = read * 2.5
        second.k.weight[slow] = note.T * 2.5
        passed = torch.linalg.qr(torch.randn(width, size)).Q
        second.v.weight[:size] = passed.T
        second.o.weight[:, :size] = passed * scale * 10

    def hidden_states(self, tokens: Tensor, lengths: list[int]) -> Tensor:
        """Returns the normalised state at each of the tokens; `lengths` divides them into documents."""
        x = self.embed(tokens)
        dtype = torch.bfloat16 if torch.is_autocast_enabled("cpu") else x.dtype
        x = x.to(dtype)
        grids = arrange(lengths, dtype)
        positions = torch.cat([grid.positions for grid in grids])
        cos = self.cos[positions].to(dtype)[:, None]
        sin = self.sin[positions].to(dtype)[:, None]
        for block in self.blocks:
            x = block(x, cos, sin, grids)
        return self.norm(x)

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns the logits after each token of one document."""
        return F.linear(self.hidden_states(tokens, [len(tokens)]), self.embed.weight)
