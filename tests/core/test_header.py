"""Headers of .safetensors files: real ones are read, and anything else is `Unreadable` with a reason, never another exception."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from lib_fewstep.core.header import Header, Unreadable, read_header
from tests.core.lora_files import SD15, SDXL, SSD1B, Unet, kohya, write, write_header

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 2**70) | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
ENTRY_KEYS = st.sampled_from(["dtype", "shape", "data_offsets", "x"])
NEARLY_HEADERS = st.dictionaries(
    st.sampled_from(["a", "b", "__metadata__"]) | st.text(max_size=5),
    JSON | st.dictionaries(ENTRY_KEYS, JSON, max_size=4)
    | st.fixed_dictionaries({
        "dtype": st.sampled_from(["F16", "F32", "F4", "I64", ""]) | JSON,
        "shape": st.lists(st.integers(-1, 5), max_size=3) | JSON,
        "data_offsets": st.lists(st.integers(-4, 64), min_size=2, max_size=2) | JSON,
    }),
    max_size=4,
)  # fmt: skip
TOKENS = st.sampled_from([b"]", b"}", b'"', b"-1", b"NaN", b"null", b"1e9", b"[[", b"\\u"])


def reason(path: Path) -> str:
    with pytest.raises(Unreadable) as error:
        read_header(path)
    return str(error.value)


def outcome(path: Path) -> Header | str:
    """The header, or why there is none. Whatever else is raised fails the test."""
    try:
        return read_header(path)
    except Unreadable as error:
        assert str(error)
        return str(error)


def header_of(**entry: Any) -> bytes:
    plain = {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}
    return json.dumps({"a": {**plain, **entry}}).encode()


# ------------------------------------------------------------------------------------------------------------ sound files


@pytest.mark.parametrize(
    "unet, dtype, metadata, size",
    [
        (SDXL, "F16", None, 393_854_592),
        (SDXL, "F32", None, 787_359_616),
        (SDXL, "F32", {"format": "pt"}, 787_359_648),
        (SD15, "F32", None, 269_127_064),
        (SD15, "F32", {"format": "pt"}, 269_127_096),
        (SD15, "F16", None, 134_621_524),
        (SD15, "F16", {"format": "pt"}, 134_621_556),
        (SSD1B, "F16", {"format": "pt"}, 209_991_222),
    ],
)
def test_files_built_as_the_published_ones_have_their_size_and_are_read(
    unet: Unet, dtype: str, metadata: dict[str, str] | None, size: int, tmp_path: Path
) -> None:
    """The sizes are those of Lightning, DMD2, Hyper-SDXL, Hyper-SD15, PCM and LCM-LoRA (SD1.5, SSD-1B): these are true to life."""
    shapes = kohya(unet, rank=64)
    path = write(tmp_path / "x.safetensors", shapes, dtype, metadata)
    assert path.stat().st_size == size
    assert read_header(path) == Header(shapes, metadata or {})


def test_a_file_of_the_safetensors_library_is_read(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    types = [
        "float16",
        "bfloat16",
        "float32",
        "float64",
        "int8",
        "uint8",
        "int16",
        "int32",
        "int64",
        "bool",
        "float8_e4m3fn",
        "float8_e5m2",
    ]
    tensors = {name: torch.zeros(2, 3, dtype=getattr(torch, name)) for name in types}
    tensors |= {"scalar": torch.zeros(()), "empty": torch.zeros(0, 5)}
    safetensors.save_file(tensors, tmp_path / "x.safetensors", metadata={"ss_output_name": "mine"})
    found = read_header(tmp_path / "x.safetensors")
    assert found.shapes == {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    assert found.metadata == {"ss_output_name": "mine"}


def test_numbers_that_may_hold_several_weights_are_told(tmp_path: Path) -> None:
    """The weights of a 4-bit checkpoint, whose shapes are not those of the layers."""
    tensors = {
        "a": {"dtype": "U8", "shape": [12, 1], "data_offsets": [0, 12]},
        "b": {"dtype": "F16", "shape": [6], "data_offsets": [12, 24]},
    }
    assert read_header(write_header(tmp_path / "x", json.dumps(tensors).encode(), 24)).packed == {"a"}


# ---------------------------------------------------------------------------------------------------------- unsound files


@pytest.mark.parametrize(
    "content, why",
    [
        (b"", "is empty"),
        (b"1234567", "not a valid .safetensors file"),
        ((2**63).to_bytes(8, "little"), "not a valid .safetensors file"),
        ((100).to_bytes(8, "little") + b"{}", "cut off"),
        ((7).to_bytes(8, "little") + b"not so ", "not a valid .safetensors file"),
        (b"<!DOCTYPE html><html><body>Not found</body></html>", "a web page"),
        (b"\n <html><body>Log in</body></html>", "a web page"),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00 a zip, as .pt files are", ".pt or .ckpt"),
        (b"GGUF\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00", ".gguf"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5\n", "Git LFS pointer"),
    ],
)
def test_what_is_no_safetensors_file_says_what_it_is(content: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    text = reason(tmp_path / "x")
    assert why in text and len(text) < 300
    assert not any(len(digits) > 3 for digits in "".join(c if c.isdigit() else " " for c in text).split()), "no number that means nothing"


@pytest.mark.parametrize("header", [
    b"[]", b"5", b"null", b'{"__metadata__": [1]}', b'{"__metadata__": {"a": 5}}', b"[" * 200_000, b'{"a":' * 200_000,
    header_of(shape=[-2, -3]), header_of(shape="23"), header_of(data_offsets=[12, 0]), header_of(data_offsets=[0, 11]),
    header_of(dtype="F32"),
    header_of(dtype=["F16"]), b'{"a": {}}', json.dumps({"n" * 10_000: {}}).encode(),
], ids=lambda header: header[:20].decode())
def test_a_wrong_header_is_unreadable_in_few_words(header: bytes, tmp_path: Path) -> None:
    text = reason(write_header(tmp_path / "x", header, 12))
    assert "not a valid .safetensors file" in text and len(text) < 300


@pytest.mark.parametrize("missing", (1, 1000, 134_000_000))
def test_a_download_that_broke_off_is_told(missing: int, tmp_path: Path) -> None:
    path = write(tmp_path / "x", kohya(SD15, rank=64))
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size - missing)
    assert "the file is cut off" in reason(path)


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    assert "No such file" in reason(tmp_path / "none")
    assert "directory" in reason(tmp_path)


def test_a_hostile_shape_does_not_cost_time(tmp_path: Path) -> None:
    path = write_header(tmp_path / "x", header_of(shape=[10**18] * 300_000), 12)
    start = time.perf_counter()
    assert "not a valid" in reason(path)
    assert time.perf_counter() - start < 3


@given(header=NEARLY_HEADERS, data=st.integers(0, 70))
def test_json_of_any_kind_is_read_or_unreadable(header: Any, data: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    found = outcome(write_header(tmp_path_factory.getbasetemp() / "any", json.dumps(header).encode(), data))
    if isinstance(found, Header):
        assert all(type(n) is int and n >= 0 for shape in found.shapes.values() for n in shape)
        assert all(isinstance(text, str) for pair in found.metadata.items() for text in pair)


@given(content=st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_unreadable(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(content)
    outcome(path)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=200)
@given(data=st.data())
def test_a_real_file_with_anything_overwritten_is_read_or_unreadable(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    write(path, kohya(SD15, rank=2, names=["down_blocks.1.attentions.0.transformer_blocks.0.attn2"]), metadata={"format": "pt"})
    size = path.stat().st_size
    with open(path, "r+b") as file:
        for _ in range(data.draw(st.integers(1, 4))):
            file.seek(data.draw(st.integers(0, min(size, 2000))))
            file.write(data.draw(st.binary(min_size=1, max_size=6) | TOKENS))
        if data.draw(st.booleans()):
            file.truncate(data.draw(st.integers(0, size)))
    outcome(path)
