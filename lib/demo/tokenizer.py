"""Byte-level BPE tokenizer of the demonstration model.

The pre-tokenizer is the one that llama.cpp applies for
`tokenizer.ggml.pre = "qwen2"`.  The merges are learned on words without their
leading space; the merges that glue the space to frequent words are appended
afterwards.  A rare word (for example the name of a city) therefore has the
same tokens after a space and after a quotation mark, which makes copying easy.
"""

import collections
import json
from typing import Iterable

import regex
from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers, decoders, trainers

PATTERN = (
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MARKERS = ["<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]
SPECIAL = CONTROL + MARKERS
SPACE = "\u0120"


def _learn_pieces(texts: list[str], size: int) -> tuple[dict, list]:
    """Learns merges that never cross the border between a space and a word."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), "isolated"),
        pre_tokenizers.Split(Regex(r" (?=\p{L})"), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=3,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    return model["vocab"], merges


def _assemble(vocab: dict, merges: list) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    return tokenizer


def build(texts: Iterable[str], pieces: int = 2300, words: int = 1100) -> Tokenizer:
    """Trains a tokenizer: `pieces` base tokens and at most `words` merges with a leading space."""
    marker = regex.compile("|".join(regex.escape(text) for text in SPECIAL))
    plain = [part for text in texts for part in marker.split(text)]
    vocab, merges = _learn_pieces(plain, pieces)
    pieces_of = _assemble(dict(vocab), list(merges))
    counts: collections.Counter = collections.Counter()
    word = regex.compile(r" (\p{L}+)")
    for text in plain:
        counts.update(word.findall(text))
    added = 0
    for text, count in counts.most_common():
        if added == words or count < 8:
            break
        tokens = pieces_of.encode(text).tokens
        if len(tokens) == 1:
            vocab[SPACE + tokens[0]] = len(vocab)
            merges.append((SPACE, tokens[0]))
            added += 1
    return _assemble(vocab, merges)
