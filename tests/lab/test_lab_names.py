"""Names: diffusers <-> LDM <-> kohya. A wrong map gives a model that loads and draws noise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from demo import ldm
from demo.lora import merge_lora
from demo.weights import LORAS, Models
from lab.lora import STUDENT, LoRA
from lab.networks import use_bfloat16_linears

State = dict[str, Tensor]
Rename = Callable[[State], State]


@pytest.mark.parametrize(
    ("model", "prefix", "to_ldm", "from_ldm"),
    [
        (lambda: UNet2DConditionModel(**ldm.UNET_CONFIG), ldm.UNET_PREFIX, ldm.unet_to_ldm, ldm.unet_from_ldm),
        (lambda: AutoencoderKL(**ldm.VAE_CONFIG), ldm.VAE_PREFIX, ldm.vae_to_ldm, ldm.vae_from_ldm),
        (lambda: CLIPTextModel(CLIPTextConfig(**ldm.TEXT_CONFIG)), ldm.TEXT_PREFIX, ldm.text_to_ldm, ldm.text_from_ldm),
    ],
    ids=["unet", "vae", "text"],
)
def test_key_maps_are_bijective(
    model: Callable[[], nn.Module], prefix: str, to_ldm: Rename, from_ldm: Rename, models: Models
):
    own = model().state_dict()
    renamed = to_ldm(own)
    shipped = {name: tensor for name, tensor in load_file(models.checkpoint).items() if name.startswith(prefix)}
    assert {name: tensor.shape for name, tensor in renamed.items()} == {
        name: tensor.shape for name, tensor in shipped.items()
    }
    back = from_ldm({**renamed, "something.else": torch.zeros(1)})
    assert back.keys() == own.keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in own.items())


def test_an_unknown_parameter_is_refused():
    with pytest.raises(KeyError, match="no_such"):
        ldm.unet_to_ldm({"no_such.weight": torch.zeros(1)})


def test_training_and_merging_a_lora_give_the_same_picture(models: Models):
    """The layers used in training against the file merged into plain weights, as a host does it."""
    state = load_file(models.loras[LORAS[0]])
    merged, wrapped = ldm.load_unet(models.checkpoint), ldm.load_unet(models.checkpoint)
    rank = next(tensor.shape[0] for name, tensor in state.items() if name.endswith("lora_down.weight"))
    lora = LoRA(wrapped, rank)
    lora.load(state)
    lora.use(STUDENT)
    generator = torch.Generator().manual_seed(0)
    sample = torch.randn(2, 4, 8, 8, generator=generator)
    timestep, text = torch.tensor([999, 259]), torch.randn(2, 77, 64, generator=generator)

    def predict(unet: UNet2DConditionModel) -> Tensor:
        with torch.no_grad():
            return unet(sample, timestep, encoder_hidden_states=text).sample

    base = predict(merged)
    merge_lora(merged, state)
    changed = predict(merged)
    assert (changed - base).abs().max() > 0.05
    torch.testing.assert_close(predict(wrapped), changed, rtol=1e-3, atol=1e-4)

    lora.use(None)
    torch.testing.assert_close(predict(wrapped), base, rtol=1e-3, atol=1e-4)
    merge_lora(merged, models.loras[LORAS[0]], weight=-1.0)
    torch.testing.assert_close(predict(merged), base, rtol=1e-3, atol=1e-4)

    restored = lora.state()
    assert restored.keys() == state.keys()
    assert all(torch.equal(restored[name], tensor) for name, tensor in state.items())


def test_a_lora_for_another_model_is_refused(models: Models):
    alien = {
        "lora_unet_nowhere.lora_down.weight": torch.zeros(1, 4),
        "lora_unet_nowhere.lora_up.weight": torch.zeros(4, 1),
        "lora_unet_nowhere.alpha": torch.tensor(1.0),
    }
    with pytest.raises(KeyError, match="nowhere"):
        merge_lora(ldm.load_unet(models.checkpoint), alien)


def test_bfloat16_linears_keep_names_and_parameters():
    model = nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.Sequential(nn.Linear(8, 2, bias=False)))
    names, parameters = list(model.state_dict()), list(model.parameters())
    values = torch.randn(4, 8)
    exact = model(values)
    use_bfloat16_linears(model)
    assert list(model.state_dict()) == names
    assert all(new is old for new, old in zip(model.parameters(), parameters, strict=True))
    assert model(values).dtype == torch.float32
    torch.testing.assert_close(model(values), exact, rtol=0.05, atol=0.05)
    assert not torch.equal(model(values), exact)
