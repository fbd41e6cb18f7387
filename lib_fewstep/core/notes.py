"""What a plan says to people: each sentence once. It begins with a capital letter, names the value, and says what to do about it."""
from __future__ import annotations

import re
from collections.abc import Mapping

from .profiles import Range


def not_active(why: str) -> str:
    return f"Accelerator is not active: {why or 'it is off'}"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


def cost(evaluations: int | None, without: int | None) -> str:
    made = "as many UNet evaluations as the sampler needs" if evaluations is None else counted(evaluations, "UNet evaluation")
    return made if without is None else f"{made} instead of {without}"


def label_at(label: str, changed: Mapping[str, float]) -> str:
    """A method's name; where it says for how many steps it was made and others run, it says so."""
    return re.sub(r", (\d+ steps?)", r" (made for \1)", label) if "steps" in changed else label


# ------------------------------------------------------------------------------------------------------------------ numbers


def outside(called: str, asked: float, label: str, allowed: Range) -> str:
    return f"{called} {asked:g} is outside what {label} was made for ({allowed}); {allowed.default:g} is recommended"


def too_many_steps(asked: int, label: str, most: int) -> str:
    return f"{asked} steps are more than {label} has timesteps for; {most} steps run"


def weight_written_outside(weight: float, label: str, allowed: Range) -> str:
    return f"LoRA weight {weight:g} in the prompt is outside what {label} was made for ({allowed})"


def weight_written_wins(tag: str, weight: float) -> str:
    return f"The prompt's own {tag} sets the LoRA weight; {weight:g} from the control is ignored"


def cfg_steps_at_cfg_1(steps: int) -> str:
    return f"CFG in the first {counted(steps, 'step')} only has no effect while CFG is 1"


def cfg_steps_uncountable(sampler: str) -> str:
    return f"Sampler {sampler} decides by itself how many steps it makes, so CFG applies in all of them"


def no_guidance_input(guidance: float) -> str:
    return f"The loaded checkpoint's file has no guidance embedding; guidance {guidance:g} is ignored"


def more_work(evaluations: int, without: int) -> str:
    return (
        f"This is more work than your own settings: {counted(evaluations, 'UNet evaluation')} instead of {without}. Reset to the "
        "recommended values, or switch the Accelerator off"
    )


def negative_prompt_idle(halves: bool) -> str:
    return f"The negative prompt has no effect at CFG 1 and is not evaluated{', which halves the work' if halves else ''}"


# --------------------------------------------------------------------------------------------------------- samplers, schedules


def unknown_sampler(asked: str, used: str) -> str:
    return f"Sampler {asked} is not one of this WebUI's; {used} is used"


def unknown_schedule(asked: str) -> str:
    return f"Schedule {asked} is not one of this WebUI's; the method's own timesteps are used"


def own_sampler_kept(label: str, asked: str, used: str) -> str:
    return f"{label} works with {used} only; sampler {asked} is ignored"


def own_timesteps_kept(label: str, asked: str) -> str:
    return f"{label} works with its own timesteps only; schedule {asked} is ignored"


def self_timed(sampler: str, label: str) -> str:
    return f"Sampler {sampler} uses its own timesteps instead of those of {label}"


def hires_schedule_ignored(schedule: str) -> str:
    return f"Hires schedule type {schedule} is ignored; this method uses its own timesteps"


def preset_hires_steps(preset: int, made: int) -> str:
    run = counted(made, "step")
    return f"Hires steps {preset} comes from the WebUI's preset and is ignored ({run} run). Enter another value to override it"


def host_makes_share(strength: float, made: int, steps: int, label: str, schedule: str) -> str:
    return (
        f"At denoising strength {strength:g} the WebUI makes {made} of {steps} steps, because {label} runs on the WebUI's own "
        f"schedule {schedule}"
    )


# ----------------------------------------------------------------------------------------------------------------- what runs


def checkpoint_itself(label: str, reason: str) -> str:
    return f"No LoRA is added, because the loaded checkpoint is {label} itself ({reason})"


def checkpoint_as_chosen(label: str) -> str:
    return f"The loaded checkpoint is not recognised as {label}; its settings are used as chosen"


def two_accelerators(recognised: str) -> str:
    return f"The loaded checkpoint is recognised as {recognised}; two accelerators together usually spoil the picture"


def lora_as_chosen(lora: str, recognised: str, label: str) -> str:
    return f"LoRA '{lora}' is recognised as {recognised} and runs with the settings of {label}, as chosen"


def lora_replaced(lora: str, reason: str) -> str:
    return f"LoRA '{lora}': {reason}"


def second_checkpoint(name: str) -> str:
    return f"{name} (Refiner or hires checkpoint) also gets only few steps but is not distilled; expect poor results"


def too_large(label: str, pixels: int, width: int, height: int) -> str:
    return f"{label} was made for about {pixels}x{pixels} pixels; at {width}x{height} subjects may be duplicated"


def saved_settings() -> str:
    return "This method is saved for the loaded checkpoint. Choose another method, or forget what is saved"
