"""Packed weights: precise enough, written whole or not at all, and readable by who has to read them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from demo import ldm, weights
from demo.lora import weight_deltas
from demo.scenes import VOCABULARY
from demo.weights import LORAS, SHIPPED, Models, read_packed, unpack
from lab.files import read_metadata
from lab.pack import pack, quantize, reduce_rank


def files_below(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_unpack_writes_once_and_repairs(models: Models):
    before = files_below(models.folder)
    assert unpack(models.folder) == models
    assert files_below(models.folder) == before

    models.judge.write_bytes(models.judge.read_bytes()[:1000])
    (models.tokenizer / "merges.txt").write_text("broken")
    models.loras[LORAS[0]].unlink()
    unpack(models.folder)
    repaired = files_below(models.folder)
    damaged = {"judge.safetensors", "tiny-clip/merges.txt", f"Lora/{LORAS[0]}.safetensors"}
    assert {name for name in before if repaired[name][0] != before[name][0]} == damaged
    assert load_file(models.judge).keys() == read_packed(SHIPPED / "judge.safetensors.xz")[0].keys()


def test_a_newer_packed_file_replaces_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "x.safetensors"
    for value in (1.0, 2.0):
        packed = tmp_path / "x.safetensors.xz"
        packed.write_bytes(pack({"a": torch.full((3,), value)}, {"note": "kept"}, lambda _: 8))
        weights.unpack_weights(packed, target)
        assert load_file(target)["a"].tolist() == [value] * 3
    assert read_metadata(target)["note"] == "kept"


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        weights._write(target, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert target.read_bytes() == b"old"


def test_the_checkpoint_is_complete_and_its_models_load(models: Models):
    checkpoint = load_file(models.checkpoint)
    assert len(checkpoint) == 909
    assert checkpoint[ldm.TEXT_PREFIX + ldm.TOKEN_EMBEDDING].shape == (49408, 64)
    assert checkpoint["alphas_cumprod"].dtype == torch.float32
    for load in (ldm.load_unet, ldm.load_vae, ldm.load_text_encoder):
        model = load(models.checkpoint)
        assert not model.training
        assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_the_yaml_names_the_tokenizer(models: Models):
    config = yaml.safe_load(models.checkpoint.with_suffix(".yaml").read_text(encoding="utf-8"))
    version = config["model"]["params"]["cond_stage_config"]["params"]["version"]
    assert version == f"{models.tokenizer.as_posix()}/"
    assert Path(version).is_absolute()
    tokenizer = CLIPTokenizer.from_pretrained(version)
    assert tokenizer("a red circle")["input_ids"] == [49406, 320, 736, 7117, 49407]
    assert len(tokenizer) == 49408


def test_every_word_of_the_captions_has_a_trained_embedding(models: Models):
    tokenizer = CLIPTokenizer.from_pretrained(str(models.tokenizer))
    embedding = load_file(models.checkpoint)[ldm.TEXT_PREFIX + ldm.TOKEN_EMBEDDING]
    tokens = {token for word in VOCABULARY for token in tokenizer(word)["input_ids"]}
    assert embedding[sorted(tokens)].any(1).all()
    assert int(embedding.any(1).sum()) == len(tokens)


@pytest.mark.parametrize("name", LORAS)
def test_loras_are_kohya_files_that_claim_nothing(name: str, models: Models):
    metadata = read_metadata(models.loras[name])
    state = load_file(models.loras[name])
    ranks = {tensor.shape[0] for key, tensor in state.items() if key.endswith("lora_down.weight")}
    assert ranks == {int(metadata["ss_network_dim"])}
    assert all(key.startswith("lora_unet_") for key in state)
    assert metadata["ss_base_model_version"] == "sd_v1"
    assert not [key for key in metadata if key.startswith("modelspec") or "author" in key]


def test_shipped_files_are_small_and_name_no_machine():
    sizes = [path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()]
    assert sum(sizes) <= 21.5e6
    for packed in SHIPPED.glob("*.xz"):
        assert not [value for value in read_packed(packed)[1].values() if "/" in value]


@pytest.mark.parametrize("shape", [(64, 64), (32, 16, 3, 3)])
def test_packing_keeps_the_promised_precision(shape: tuple[int, ...], tmp_path: Path):
    """The error of rounding to a step is a twelfth of its square, and a doubling of the steps halves it."""
    original = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 10 ** torch.linspace(
        -3, 2, shape[0]
    ).view(-1, *[1] * (len(shape) - 1))
    for steps in (4, 8, 16):
        path = tmp_path / "packed.xz"
        path.write_bytes(pack({"weight": original}, {}, lambda _, steps=steps: steps))
        restored = read_packed(path)[0]["weight"].float()
        error = (restored - original).flatten(1).square().mean(1) / original.flatten(1).square().mean(1)
        assert error.sqrt().mean().item() == pytest.approx(1 / (12**0.5 * steps), rel=0.1)


def test_packing_keeps_sparse_rows_small_tensors_and_zeros(tmp_path: Path):
    embedding = torch.zeros(1000, 64)
    embedding[[3, 999]] = torch.randn(2, 64, generator=torch.Generator().manual_seed(0))
    tensors = {
        "embedding": embedding,
        "bias": torch.randn(64).half(),
        "count": torch.tensor(7),
        "zero": torch.zeros(32, 32),
    }
    path = tmp_path / "packed.xz"
    path.write_bytes(pack(tensors, {"note": "x"}, lambda _: 64))
    restored, metadata = read_packed(path)
    assert metadata == {"note": "x"}
    torch.testing.assert_close(restored["embedding"].float(), embedding, rtol=0.05, atol=0.05)
    assert restored["embedding"].any(1).nonzero().flatten().tolist() == [3, 999]
    assert torch.equal(restored["bias"], tensors["bias"])
    assert torch.equal(restored["count"], tensors["count"])
    assert not restored["zero"].any()


def test_outliers_do_not_overflow():
    weight = torch.full((1, 1000), 1e-3)
    weight[0, 0] = 1000.0
    steps, size = quantize(weight, 16)
    assert steps.max() == 127
    assert float(steps[0, 0] * size.float()[0]) == pytest.approx(1000, rel=0.01)


def test_a_lora_of_low_rank_loses_nothing_by_reduction():
    generator = torch.Generator().manual_seed(0)
    down, up = torch.randn(16, 8, 3, 3, generator=generator), torch.randn(24, 16, 1, 1, generator=generator)
    down[6:] = 0
    lora = {"m.lora_down.weight": down, "m.lora_up.weight": up, "m.alpha": torch.tensor(8.0)}
    reduced = reduce_rank(lora, 6)
    assert reduced["m.lora_down.weight"].shape == (6, 8, 3, 3)
    assert reduced["m.lora_up.weight"].shape == (24, 6, 1, 1)
    torch.testing.assert_close(weight_deltas(reduced)["m"], weight_deltas(lora)["m"], rtol=0.02, atol=0.02)
    worse = weight_deltas(reduce_rank(lora, 3))["m"] - weight_deltas(lora)["m"]
    assert worse.norm() > 0.1 * weight_deltas(lora)["m"].norm()
