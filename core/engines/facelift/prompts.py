"""Embeddings of the six fixed prompts: computed once, then kept (FaceLift specification, section 5)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from ...cameras import VIEW_NAMES
from ...weights.places import user_cache
from ...weights.record import HashRecord
from ...weights.table import sha256_of
from . import models
from .checkpoint import PROMPT_KEY, REMEDY, Checkpoint
from .errors import CheckpointError

TEMPLATE = "a rendering image of 3D models, {view} view, color map."
TOKENS = 77


def prompt_texts() -> list[str]:
    """Return the six prompts in the order of the views."""
    return [TEMPLATE.format(view=view) for view in VIEW_NAMES]


def tokenize(checkpoint: Checkpoint) -> torch.Tensor:
    """Return the token ids [6, 77] of the prompts, padded with the tokenizer's pad token.

    Raises:
        CheckpointError: the tokenizer's files are missing or damaged.
    """
    folder = checkpoint.component("tokenizer")
    try:
        tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # The library raises anything from OSError to bare Exception here.
        name = checkpoint.name(folder)
        raise CheckpointError(f"The tokenizer in {name} cannot be read.", REMEDY, file=name) from error
    tokens = tokenizer(prompt_texts(), padding="max_length", truncation=True, max_length=TOKENS)
    return torch.tensor(tokens["input_ids"])


@torch.inference_mode()
def encode(checkpoint: Checkpoint, input_ids: torch.Tensor) -> torch.Tensor:
    """Return the text encoder's last hidden state [6, 77, C], float32.

    Padding is not masked: the model was trained with prompts encoded this way.

    Raises:
        CheckpointError: the text encoder's files are missing, damaged or do not fit.
    """
    encoder = models.load_component(checkpoint, "text_encoder", torch.float32)
    return encoder(input_ids, attention_mask=torch.ones_like(input_ids)).last_hidden_state


def prompt_embeddings(checkpoint: Checkpoint, cache: Path | None = None) -> torch.Tensor:
    """Return the prompt embeddings [6, 77, C], float16 as the reference keeps them.

    Taken from the checkpoint's own file, else from the cache, else computed with the text encoder
    and cached under a hash of encoder, tokenizer and prompts.

    Args:
        checkpoint: Where the weights are.
        cache: Folder of cached embeddings; the user's cache by default.

    Raises:
        CheckpointError: a needed file is missing or damaged.
    """
    ready = checkpoint.prompt_path()
    if ready is not None:
        return read_embeddings(ready, checkpoint.name(ready))
    path = (cache or user_cache() / "prompts") / f"{content_key(checkpoint)}.safetensors"
    if path.is_file():
        try:
            return read_embeddings(path, path.name)
        except CheckpointError:
            path.unlink()  # A write that was cut off; computing again costs seconds.
    embeddings = encode(checkpoint, tokenize(checkpoint)).to(torch.float16)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        save_file({PROMPT_KEY: embeddings.contiguous()}, part)
        part.replace(path)
    except OSError:
        pass  # A read-only home only costs time: the embeddings are computed again next time.
    return embeddings


def read_embeddings(path: Path, name: str) -> torch.Tensor:
    """Return embeddings from our safetensors form or the reference's plain tensor file.

    Raises:
        CheckpointError: the file is damaged or holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            embeddings = load_file(path)[PROMPT_KEY]
        else:
            embeddings = torch.load(path, map_location="cpu", weights_only=True)
        views, tokens, _ = embeddings.shape
    except (SafetensorError, OSError, RuntimeError, KeyError, ValueError, AttributeError, EOFError) as error:
        raise CheckpointError(f"{name} holds no prompt embeddings.", REMEDY, file=name) from error
    if (views, tokens) != (len(VIEW_NAMES), TOKENS):
        raise CheckpointError(f"{name} has shape {tuple(embeddings.shape)}, expected (6, 77, C).", REMEDY, file=name)
    return embeddings


def content_key(checkpoint: Checkpoint) -> str:
    """Return a hash of everything that determines the embeddings."""
    digest, record = hashlib.sha256("\n".join(prompt_texts()).encode()), HashRecord.of_user()
    encoder = checkpoint.weights_path("text_encoder")
    files = [encoder, checkpoint.component("text_encoder") / "config.json"]
    files += sorted(path for path in checkpoint.component("tokenizer").glob("*") if path.is_file())
    for path in files:
        # The encoder has more than a gigabyte: it is not read again while it stays as it was.
        known = record.sha256(path) if path == encoder else None
        content = known or sha256_of(path)
        if path == encoder and known is None:
            record.remember(path, content)
        digest.update(f"{path.name}\n{content}\n".encode())
    return digest.hexdigest()
