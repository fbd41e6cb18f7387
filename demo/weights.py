"""The tiny models: shipped small in `demo/models`, written out once as the files that a WebUI reads.

Shipped files are safetensors, compressed with xz. In them a matrix or convolution W is stored as int8 steps of a
size per output row (`W.step`, float16): W = steps * step. Such numbers are far from uniform, so xz shortens them to
about 5 bits. An embedding of which few rows are used is stored as those rows and their numbers (`W.rows`).
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors import torch as safetensors_torch
from torch import Tensor

SHIPPED = Path(__file__).parent / "models"
CHECKPOINT = "tinysd-emoji"
LORAS = (
    "lcm-lora-sdv1-5",
    "TCD-SD15-LoRA",
    "tiny-lightning-4step-lora",
    "tiny-lightning-2step-lora",
    "tiny-lightning-1step-lora",
    "Hyper-SD15-4steps-lora",
    "Hyper-SD15-2steps-lora",
    "Hyper-SD15-1step-lora",
    "tiny-turbo-lora",
    "tiny-dmd2-1step-lora",
)
JUDGE = "judge"
DECODER = "taesd_decoder"
"""As the WebUIs call it, in their folder for such decoders."""
TOKENIZER = "tiny-clip"
TOKENIZER_MARK = "TOKENIZER_FOLDER"
"""Stands in the shipped yaml where the absolute path of the tokenizer's folder belongs."""

STEP, ROWS, ROW_COUNT = ".step", ".rows", "row_count:"
_ORIGIN = "packed_sha256"


@dataclass(frozen=True)
class Models:
    """The tiny models' files in a WebUI's models folder."""

    folder: Path
    checkpoint: Path
    loras: Mapping[str, Path]
    tokenizer: Path
    judge: Path
    decoder: Path


def models_in(folder: Path, loras: Sequence[str] = LORAS) -> Models:
    """Where the files are below a WebUI's models folder, whether they exist or not; all paths are absolute."""
    folder = folder.resolve()
    return Models(
        folder=folder,
        checkpoint=folder / "Stable-diffusion" / f"{CHECKPOINT}.safetensors",
        loras={name: folder / "Lora" / f"{name}.safetensors" for name in loras},
        tokenizer=folder / TOKENIZER,
        judge=folder / f"{JUDGE}.safetensors",
        decoder=folder / "VAE-taesd" / f"{DECODER}.safetensors",
    )


def unpack(folder: Path, shipped: Path = SHIPPED) -> Models:
    """Write the tiny models below `folder`, a WebUI's models folder, and return where they are.

    Only what is missing, broken or of another version is written, each file under a temporary name first: a killed
    process leaves no half file behind, and several may unpack at once.
    Raises OSError when the folder cannot be written.
    """
    models = models_in(folder)
    for path in (models.checkpoint, *models.loras.values(), models.judge, models.decoder):
        unpack_weights(shipped / f"{path.name}.xz", path)
    write_configuration(models)
    return models


def write_configuration(models: Models) -> None:
    """Write what is not weights: the checkpoint's yaml and the tokenizer. The yaml names the tokenizer absolutely."""
    for name, content in _tokenizer_files().items():
        _write_if_changed(models.tokenizer / name, content)
    # A JSON string is a YAML string, whatever the path holds. The slash tells transformers that it is a folder.
    quoted = json.dumps(f"{models.tokenizer.as_posix()}/", ensure_ascii=False)
    yaml = (SHIPPED / f"{CHECKPOINT}.yaml").read_text(encoding="utf-8")
    _write_if_changed(models.checkpoint.with_suffix(".yaml"), yaml.replace(TOKENIZER_MARK, quoted).encode())


def read_packed(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """A shipped file's tensors, float16 as the WebUI gets them, and its safetensors metadata."""
    return decode(lzma.decompress(path.read_bytes()))


def decode(container: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The same for a file that is already decompressed."""
    stored = safetensors_torch.load(container)
    metadata = _metadata(container)
    tensors = {}
    for name, tensor in stored.items():
        if name.endswith((STEP, ROWS)):
            continue
        if (step := stored.get(name + STEP)) is not None:
            tensor = (tensor.float() * step.float().view(-1, *[1] * (tensor.ndim - 1))).half()
        if (rows := stored.get(name + ROWS)) is not None:
            used, tensor = tensor, torch.zeros(int(metadata[ROW_COUNT + name]), *tensor.shape[1:], dtype=tensor.dtype)
            tensor[rows.long()] = used
        tensors[name] = tensor
    return tensors, {key: value for key, value in metadata.items() if not key.startswith(ROW_COUNT)}


def _metadata(container: bytes) -> dict[str, str]:
    # safetensors reads metadata from files only; the header is JSON behind its length in 8 bytes.
    length = int.from_bytes(container[:8], "little")
    return json.loads(container[8 : 8 + length]).get("__metadata__", {})


def unpack_weights(source: Path, target: Path) -> None:
    """Write a shipped file out, unless the target was made of this very file."""
    packed = source.read_bytes()
    digest = hashlib.sha256(packed).hexdigest()
    if _origin_of(target) == digest:
        return
    tensors, metadata = decode(lzma.decompress(packed))
    _write(target, safetensors_torch.save(tensors, {**metadata, _ORIGIN: digest}))


def _origin_of(target: Path) -> str | None:
    """The digest of the shipped file that `target` was made of; None if it is missing, broken or someone else's."""
    try:
        with safe_open(target, framework="pt") as file:
            return (file.metadata() or {}).get(_ORIGIN)
    except (OSError, SafetensorError):
        return None


def _tokenizer_files() -> dict[str, bytes]:
    """CLIP's tokenizer as transformers reads it. Its vocabulary follows from its merges (Radford et al., 2103.00020)."""
    merges = lzma.decompress((SHIPPED / TOKENIZER / "merges.txt.xz").read_bytes())
    files = {path.name: path.read_bytes() for path in (SHIPPED / TOKENIZER).glob("*.json")}
    vocabulary = _clip_vocabulary(merges.decode("utf-8"))
    return {**files, "merges.txt": merges, "vocab.json": json.dumps(vocabulary, ensure_ascii=False).encode()}


def _clip_vocabulary(merges: str) -> dict[str, int]:
    """{token: id}: all bytes, all bytes at a word's end, one token per merge, then the start and end marks."""
    # Bytes that have no printable character of their own borrow one from behind Latin-1, as in GPT-2's tokenizer.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    borrowed = range(256, 256 + 256 - len(printable))
    letters = [chr(code) for code in (*printable, *borrowed)]
    merged = [line.replace(" ", "") for line in merges.splitlines()[1:] if line]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *merged, "<|startoftext|>", "<|endoftext|>"]
    return {token: number for number, token in enumerate(tokens)}


def _write_if_changed(target: Path, content: bytes) -> None:
    if not target.is_file() or target.read_bytes() != content:
        _write(target, content)


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
