"""What a plan says, in English."""

PLANS: dict[str, str] = {
    # ------------------------------------------------------------------------------------------------------------ small parts
    "list.and": "{first} and {last}",
    "list.or": "{first} or {last}",
    "list.comma": "{first}, {last}",
    "list.reasons": "{first}; {last}",
    "number.range": "{low:g} to {high:g}",
    "steps.one": "{n} step",
    "steps.other": "{n} steps",
    "evaluations.one": "{n} UNet evaluation",
    "evaluations.other": "{n} UNet evaluations",
    "label.made_for": "{name} (made for {steps}){rest}",
    "family.unknown": "a model of an unknown kind",
    "called.steps": "Steps",
    "called.cfg": "CFG",
    "called.weight": "LoRA weight",
    "called.gamma": "Gamma",
    "called.guidance": "Guidance",
    "called.shift": "Shift",
    "called.variety": "Variety",
    "expected.number": "a number from {low:g} to {high:g}",
    "expected.whole": "a whole number from {low:g} to {high:g}",

    # ---------------------------------------------------------------------------------------------------- the plan in one line
    "summary.line": "{label}: {parts}: {cost}",
    "summary.off": "Accelerator is off",
    "summary.not_active": "Accelerator is not active. {why}",
    "summary.hires": "{steps} + {hires} hires",
    "summary.hires_sampler": "{steps} + {hires} hires ({sampler})",
    "summary.cfg": "CFG {cfg:g}",
    "summary.cfg_first": "CFG {cfg:g} in {steps}, then 1",
    "summary.gamma": "gamma {value:g}",
    "summary.guidance": "guidance {value:g}",
    "summary.shift": "shift {value:g}",
    "summary.variety": "variety {value:g}",
    "summary.no_lora": "no LoRA",
    "cost.instead": "{made} instead of {without}",
    "cost.as_needed": "as many UNet evaluations as the sampler needs",

    # ------------------------------------------------------------------------------------------------------ notes: the numbers
    "number.outside": "{called} {asked:g} is outside what {label} was made for ({allowed}); {best:g} is recommended",
    "steps.too_many": "{label} has timesteps for {most} at most, not for {asked}",
    "weight.outside": "LoRA weight {weight:g} in the prompt is outside what {label} was made for ({allowed}); {best:g} is recommended",
    "weight.prompt_wins": "The prompt's own {tag} sets the LoRA weight; {weight:g} from the control is ignored",
    "cfg_steps.at_cfg_1": "CFG in the first {steps} only has no effect while CFG is 1",
    "cfg_steps.uncountable": "Sampler {sampler} does not call the model equally often in each step, so CFG applies in all of them",
    "guidance.no_input": "The loaded checkpoint's file has no guidance embedding; guidance {guidance:g} is ignored",
    "cost.more_work":
        "This is more work than your own settings: {made} instead of {without}. Reset to the recommended values, or switch the "
        "Accelerator off",
    "variety.on": "Variety {value:g}: pictures of different seeds differ more, and follow the prompt less closely",
    "negative.on": "Negative prompt on",
    "negative.on_at": "Negative prompt on (about +{percent} % time)",
    "negative.impossible": "The negative prompt cannot act at CFG 1 with {label}; its strength is ignored",
    "negative.left_out": "The negative prompt has no effect at CFG 1 and is not evaluated",
    "negative.left_out_halves": "The negative prompt has no effect at CFG 1 and is not evaluated, which halves the work",
    "negative.evaluated":
        "The negative prompt has no effect at CFG 1, but is evaluated, because the option to leave it out is off in the settings",

    # ------------------------------------------------------------------------------------------- notes: samplers and schedules
    "sampler.unknown": "Sampler {asked} is not one of this WebUI's; {used} is used",
    "sampler.own_kept": "{label} works with {used} only; sampler {asked} is ignored",
    "sampler.self_timed": "Sampler {sampler} uses its own timesteps instead of those of {label}",
    "schedule.unknown": "Schedule {asked} is not one of this WebUI's; the method's own timesteps are used",
    "schedule.own_kept": "{label} works with its own timesteps only; schedule {asked} is ignored",
    "schedule.hires_ignored": "Hires schedule type {schedule} is ignored; this method uses its own timesteps",
    "schedule.by_size":
        "The WebUI's schedule {schedule} has shift {host:.2f} at every size; the model's authors take {authors:.2f} at {width} x {height}. "
        "Switch on Shift by size to have theirs",
    "hires.preset_steps":
        "Hires steps {preset} comes from the WebUI's preset and is ignored ({steps} run). Enter another value to override it",
    "steps.share":
        "At denoising strength {strength:g} the WebUI makes {made} of {steps}, because {label} runs on the WebUI's own schedule "
        "{schedule}",

    # ------------------------------------------------------------------------------------------------------- notes: what runs
    "runs.checkpoint_itself": "No LoRA is added, because the loaded checkpoint is {label} itself ({reason})",
    "runs.checkpoint_as_chosen": "The loaded checkpoint is not recognised as {label}; its settings are used as chosen",
    "runs.two_accelerators":
        "The loaded checkpoint is recognised as {recognised}; two accelerators together usually spoil the picture. Use only one",
    "runs.lora_as_chosen": "LoRA '{lora}' is recognised as {recognised} and runs with the settings of {label}, as chosen",
    "runs.lora_replaced": "LoRA '{lora}' is an older upload ({reason}). Download the current one",
    "runs.second_checkpoint":
        "{name} (Refiner or hires checkpoint) also gets only few steps but is not distilled; expect poor results",
    "runs.too_large":
        "{label} was made for about {pixels}x{pixels} pixels; at {width}x{height} subjects may be duplicated",
    "runs.saved": "This method is saved for the loaded checkpoint. Choose another method, or forget what is saved",

    # ----------------------------------------------------------------------------------------------- what is wrong with a request
    "setting.no_text": "Setting '{key}' is {value}; expected text. It is ignored",
    "setting.no_number": "Setting '{key}' is {value}; expected {expected}. The recommended value is used",
    "setting.no_switch": "Setting '{key}' is {value}; expected true or false. It is ignored",
    "setting.unknown": "There is no setting '{key}'; expected a setting such as {keys}. It is ignored",

    # ---------------------------------------------------------------------------------------------------------- why nothing runs
    "method.unknown": "Method {method} is not known; expected auto or the key of a method, such as {keys}",
    "method.no_sampler": "{label} needs the sampler {sampler}, which this WebUI does not have. Choose another method",
    "method.no_schedule": "{label} needs the schedule {schedule}, which this WebUI does not have. Choose another method",
    "prompt.same_lora": "The prompt holds the same LoRA {n} times, {tags}, and WebUIs add them up; keep one",
    "prompt.several_loras": "The prompt holds {n} accelerator LoRAs, {tags}; use only one",
    "prompt.but_no_lora": "The prompt holds {tag}, but LoRA is set to None. Take the tag out, or set LoRA to Auto",
    "prompt.but_other_lora": "The prompt holds {tag}, but '{lora}' was chosen. Take the tag out, or set LoRA to Auto",
    "prompt.but_other_method":
        "The prompt holds {tag}, which is {there}, but {chosen} was chosen. Take the tag out, or set Method to Auto",
    "prompt.bad_weight":
        "The prompt's {tag} has a weight that is not a number, so no LoRA is loaded; write a number such as 0.8",
    "prompt.suspected":
        "The prompt's {tag} may be an accelerator itself, and its file is {reason}. Take the tag out, or choose its method and set "
        "LoRA to None",
    "prompt.not_installed":
        "The prompt's {tag} is not installed, and this WebUI loads no LoRA at all when one is missing. Take the tag out, or put its "
        "file into the Lora folder and refresh the list",
    "checkpoint.and_prompt":
        "The loaded checkpoint is {own} itself ({reason}), and the prompt holds {tag}. Take the tag out, load another checkpoint, or "
        "choose the LoRA under LoRA",
    "checkpoint.and_method":
        "The loaded checkpoint is {own} itself ({reason}), and {label} was chosen. Set Method to Auto, load another checkpoint, or "
        "choose the LoRA under LoRA",
    "checkpoint.not_distilled":
        "LoRA is set to None, and the loaded checkpoint is not recognised as distilled. Choose the method that it was made with",
    "checkpoint.reads_picture":
        "The loaded checkpoint is an InstructPix2Pix model, which is guided by the picture too. No method was made for that",
    "checkpoint.no_method": "The loaded checkpoint is {family}, and the Accelerator has no method for it. Load another checkpoint",
    "checkpoint.other_family": "{label} is made for {families}, and the loaded checkpoint is {family}",
    "checkpoint.unguided": "{label} is made for FLUX.1-dev, and the loaded checkpoint takes no guidance, like FLUX.1-schnell",

    # ------------------------------------------------------------------------------------------------- what is wrong with a LoRA
    "lora.none": "No accelerator LoRA is installed. Put one into the WebUI's Lora folder and refresh the list",
    "lora.none_fits": "No installed accelerator LoRA fits the loaded checkpoint. {reasons}",
    "lora.none_of_method": "{label} is not installed. Put its LoRA into the WebUI's Lora folder and refresh the list",
    "lora.none_of_method_yet":
        "{label} is not installed. Download {file} from {repo}, put it into the WebUI's Lora folder and refresh the list",
    "lora.no_other": "{reason}. No other file of {label} is installed",
    "lora.not_installed":
        "LoRA {lora} is not installed. Put its file into the WebUI's Lora folder and refresh the list, or set LoRA to Auto",
    "lora.not_recognised": "LoRA '{lora}' is not recognised ({reason}). Choose the method that it was made with",
    "lora.of_no_method": "{label} has no LoRA, but '{lora}' was chosen. Set LoRA to Auto",
    "lora.several_files":
        "Several files are named '{lora}', and the WebUI loads only one of them, not {others}. Rename them",
    "lora.unreadable": "LoRA '{lora}' is {reason}",
    "lora.no_family": "LoRA '{lora}' was made for {family}, and the Accelerator has no method for it",
    "lora.other_format":
        "LoRA '{lora}' is in a format that this WebUI cannot load, such as that of diffusers. Look for its kohya version, often "
        "called webui",
    "lora.bad_name": "LoRA '{lora}' has a name that a prompt's tag cannot hold. Rename its file without ':', '=' and '>'",
    "lora.other_family": "LoRA '{lora}' was made for {made_for}, and the loaded checkpoint is {family}",
    "lora.other_depth":
        "LoRA '{lora}' does not match the loaded checkpoint: it changes a transformer at {place} (depth {depth}) that is not there",
    "lora.keys_unknown":
        "LoRA '{lora}' does not match the loaded checkpoint: only {percent} % of its keys are there, and this WebUI leaves it out silently",
    "lora.other_width": "LoRA '{lora}' does not match the loaded checkpoint: it is {width} channels wide at {place}, not {there}",
    "lora.other_context":
        "LoRA '{lora}' was made for another text encoder: its text embeddings are {width} wide, those of the loaded checkpoint {there}",

    # ------------------------------------------------------------------------------- how a file was recognised, within a sentence
    "found.nothing": "no accelerator that is known by hash, header or name",
    "found.by_hash": "its hash {hash} is that of {file}",
    "found.by_sha256": "its sha256 is that of {file}",
    "found.by_title": "its header names it {title}",
    "found.by_name": "its name says {method}",
    "found.by_network": "its network takes no guidance, like that of FLUX.1-schnell",
    "found.replaced": "{reason}; its publisher has replaced it",
    "found.replaced_because": "{reason}; {note}",
    "unreadable.because": "unreadable: {reason}",
    "unreadable.page": "it is a web page, not a model: download the file again, logged in if the site asks for it",
    "unreadable.pickle": "it is a .pt or .ckpt file, which is not looked into: only .safetensors files are",
    "unreadable.gguf": "it is a .gguf file, which is not looked into: only .safetensors files are",
    "unreadable.lfs": "it is a Git LFS pointer, not the model itself: download the file from its page, or with git lfs pull",
    "unreadable.empty": "the file is empty",
    "unreadable.cut_off": "the file is cut off: download it again",
    "unreadable.invalid": "it is not a valid .safetensors file ({complaint})",
}
