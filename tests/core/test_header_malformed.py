"""Ten thousand headers that somebody has broken: each is told to be unreadable, or read, quickly and in little memory."""
from __future__ import annotations

import json
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lib_fewstep.core.detect import detect
from lib_fewstep.core.header import Unreadable, read_header
from lib_fewstep.core.tables import load_tables
from tests.core.lora_files import SD15, kohya, write, write_header

TABLES = load_tables()
HEADERS = 10_000
SECONDS_EACH = 1.0
"""Of this thread's own work: a sound one takes 0.2 ms."""
BYTES_EACH = 500_000
BYTES_A_BYTE = 50
"""What JSON becomes in memory: one of our own objects for a few characters."""

Entries = dict[str, Any]
LONG = "9" * 5000
NUMBERS: list[Any] = [
    -1, 0, 1, 2**31, 2**63, 2**64, 2**70, 10**400, -(2**63),
    0.0, -0.0, 2.0, 1e308, float("nan"), float("inf"), -float("inf"), True, None, "2",
]
VALUES: list[Any] = [*NUMBERS, "", "\ud800", "\x00", "x" * 20_000, [], [[]], {}, {"shape": [1]}, [None] * 100, [2**62] * 64, [2**62] * 65]
TYPES: list[Any] = ["F16", "F32", "F64", "I64", "BOOL", "F4", "f16", "", "F" * 9999, None, 5, [], {}]
NAMES = [
    "", "\x00", "\ud800", "__metadata__", "__proto__", "../../etc/passwd", "a" * 50_000, "💥", "lora_unet_", "lora_te", "٣", "\u202e",
    "lora_unet_down_blocks_1_attentions_0_transformer_blocks_٣_attn1_to_q.lora_down.weight",
    "lora_unet_up_blocks_9999_attentions_9999_transformer_blocks_9999_attn2_to_k.lora_down.weight",
    "input_blocks.99.1.transformer_blocks.0.attn1.to_q.weight", "mid_block.attentions.0.transformer_blocks..attn1.to_q.weight",
]


def sound(rng: random.Random) -> Entries:
    """The header of a small LoRA, as JSON reads it."""
    place = rng.choice(["down_blocks.1.attentions.0", "mid_block.attentions.0", "up_blocks.2.attentions.1"])
    entries: Entries = {"__metadata__": {"format": "pt", "ss_output_name": rng.choice(["mine", "lcm-lora-sdv1-5"])}}
    end = 0
    for name, shape in kohya(SD15, rank=2, names=[f"{place}.transformer_blocks.0.attn2"]).items():
        size = 2
        for n in shape:
            size *= n
        entries[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    return entries


def data_size(entries: Entries) -> int:
    return max(entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__")


def tensor(entries: Entries, rng: random.Random) -> Entries:
    return entries[rng.choice([name for name in entries if name != "__metadata__"])]


# ------------------------------------------------------------------------------- what is broken: entries, changed in place


def wrong_type(entries: Entries, rng: random.Random) -> None:
    entries[rng.choice([*entries])] = rng.choice(VALUES)


def wrong_value(entries: Entries, rng: random.Random) -> None:
    tensor(entries, rng)[rng.choice(["dtype", "shape", "data_offsets", "x"])] = rng.choice(VALUES)


def wrong_dtype(entries: Entries, rng: random.Random) -> None:
    tensor(entries, rng)["dtype"] = rng.choice(TYPES)


def lost_key(entries: Entries, rng: random.Random) -> None:
    del tensor(entries, rng)[rng.choice(["dtype", "shape", "data_offsets"])]


def wrong_dimension(entries: Entries, rng: random.Random) -> None:
    shape = tensor(entries, rng)["shape"]
    if not shape or rng.random() < 0.3:
        shape.extend([rng.choice(NUMBERS)] * rng.choice([1, 3, 64, 5000]))
    else:
        shape[rng.randrange(len(shape))] = rng.choice(NUMBERS)


def wrong_offset(entries: Entries, rng: random.Random) -> None:
    offsets = tensor(entries, rng)["data_offsets"]
    offsets[rng.randrange(2)] = rng.choice(NUMBERS)


def overlapping(entries: Entries, rng: random.Random) -> None:
    moved = tensor(entries, rng)
    by = rng.randrange(-200, 200)
    moved["data_offsets"] = [n + by for n in moved["data_offsets"]]


def strange_name(entries: Entries, rng: random.Random) -> None:
    entries[rng.choice(NAMES)] = dict(tensor(entries, rng))


def strange_metadata(entries: Entries, rng: random.Random) -> None:
    metadata = entries["__metadata__"]
    metadata[rng.choice(["ss_output_name", "name", "title", "modelspec.title", "format", *NAMES])] = rng.choice(VALUES)
    if rng.random() < 0.3:
        entries["__metadata__"] = rng.choice(VALUES)


def many_entries(entries: Entries, rng: random.Random) -> None:
    entries.update({f"{rng.random()}": rng.choice([{}, [], 5, tensor(entries, rng)]) for _ in range(rng.choice([10, 300]))})


# --------------------------------------------------------------------------------- what is broken: the text of the header


def flipped(text: bytes, rng: random.Random) -> bytes:
    changed = bytearray(text)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def cut(text: bytes, rng: random.Random) -> bytes:
    return text[: rng.randrange(len(text))]


def inserted(text: bytes, rng: random.Random) -> bytes:
    junk = rng.choice([
        b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b"NaN", b"Infinity", b"-", b"1e999", b"\x00", b"}", b"]", b",", b'"', b"[" * 3000,
        b'{"a":' * 3000, b"9" * 5000, b"\xef\xbb\xbf", b"/**/", b"\\", b"\\u", b"\\x00",
    ])
    place = rng.choice([0, len(text), rng.randrange(len(text))])
    return text[:place] + junk + text[place:]


def in_utf16(text: bytes, rng: random.Random) -> bytes:
    return text.decode("utf-8").encode(rng.choice(["utf-16", "utf-16-le", "utf-32", "utf-7"]))


def duplicate_keys(text: bytes, rng: random.Random) -> bytes:
    again = rng.choice([text[1:], b'"__metadata__":5}', b'"__metadata__":{}}', b'"__metadata__":[]}', b'"__metadata__":null}'])
    return text[:-1] + b"," + again


def nested(text: bytes, rng: random.Random) -> bytes:
    depth = rng.choice([50, 900, 1100, 20_000])
    opened, closed = rng.choice([(b"[", b"]"), (b'{"a":', b"}")])
    return b'{"a":' + opened * depth + b"1" + (closed * depth if rng.random() < 0.5 else b"") + b"}"


def replaced(text: bytes, rng: random.Random) -> bytes:
    return rng.choice([b"", b" ", b"null", b"[]", b"{}", b"5", b'"x"', b"true", b"NaN", rng.randbytes(300), b"\x00" * 300, b"{" * 300])


ENTRY_FAULTS: list[Callable[[Entries, random.Random], None]] = [
    wrong_type, wrong_value, wrong_dtype, lost_key, wrong_dimension, wrong_offset, overlapping,
    strange_name, strange_metadata, many_entries,
]
TEXT_FAULTS: list[Callable[[bytes, random.Random], bytes]] = [flipped, cut, inserted, in_utf16, duplicate_keys, nested, replaced]


def broken_files(count: int) -> Iterator[tuple[str, bytes]]:
    """What is wrong, and the file: always the same ones."""
    for number in range(count):
        rng = random.Random(number)
        entries = sound(rng)
        size = data_size(entries)
        if number % 2:
            fault: Callable[..., Any] = ENTRY_FAULTS[number // 2 % len(ENTRY_FAULTS)]
            fault(entries, rng)
            text = json.dumps(entries).encode()
        else:
            fault = TEXT_FAULTS[number // 2 % len(TEXT_FAULTS)]
            text = fault(json.dumps(entries).encode(), rng)
        length, size = len(text), rng.choice([size, size, size, size - 1, 0])
        if rng.random() < 0.1:
            length = rng.choice([length - 1, length + 1, length + size + 1, 0, 1, 10**8, 10**8 + 1, 2**63, 2**64 - 1]) % 2**64
        file = length.to_bytes(8, "little") + text + bytes(size)
        yield f"{number}: {fault.__name__}", file[: rng.randrange(len(file))] if rng.random() < 0.05 else file


def test_ten_thousand_broken_headers_are_survived(tmp_path: Path) -> None:
    """`detect` reads with `read_header` and knows `Unreadable` alone: whatever else is raised fails this."""
    path = tmp_path / "x.safetensors"
    readable = 0
    for what, file in broken_files(HEADERS):
        path.write_bytes(file)
        started = time.thread_time()
        found = detect(path, TABLES)
        took = time.thread_time() - started
        assert took < SECONDS_EACH, f"{what}: {took:.3f} s"
        assert found.readable or (found.method is None and found.reason.startswith("unreadable: ") and len(found.reason) < 400), what
        found.reason.encode()  # it is sent over HTTP
        readable += found.readable
    assert HEADERS / 50 < readable < HEADERS / 2, "the faults should break most files, and leave some that a reader believes"


def test_broken_headers_take_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    tracemalloc.start()  # makes reading several times slower
    try:
        for what, file in broken_files(HEADERS // 10):
            path.write_bytes(file)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            with suppress(Unreadable):
                read_header(path)
            peak = tracemalloc.get_traced_memory()[1] - before
            assert peak < BYTES_EACH + BYTES_A_BYTE * len(file), f"{what}: {peak} bytes in memory for {len(file)}"
    finally:
        tracemalloc.stop()


def test_the_file_that_is_broken_is_sound_before(tmp_path: Path) -> None:
    """Else the test above would prove nothing: what it breaks is a file that is read, and recognised."""
    for number in range(20):
        entries = sound(random.Random(number))
        path = write_header(tmp_path / "x.safetensors", json.dumps(entries).encode(), data_size(entries))
        assert detect(path, TABLES).readable and read_header(path).shapes.keys() == entries.keys() - {"__metadata__"}


@pytest.mark.parametrize(
    "name",
    [
        f"lora_unet_down_blocks_1_attentions_0_transformer_blocks_{LONG}_attn1_to_q.lora_down.weight",
        f"input_blocks.{LONG}.1.transformer_blocks.0.attn1.to_q.weight",
        f"input_blocks.{LONG}.0.op.weight",
        "input_blocks.0.0.op.weight",
    ],
    ids=lambda name: name.replace(LONG, "9…"),
)
def test_a_number_in_a_name_that_cannot_be_is_survived(name: str, tmp_path: Path) -> None:
    sound_one = "input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight"
    detect(write(tmp_path / "x.safetensors", {name: (2, 3), sound_one: (4, 4)}), TABLES)
