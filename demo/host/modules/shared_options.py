"""The settings that this host knows: those that change a generation, with the WebUI's names and defaults."""

from __future__ import annotations

from modules.options import OptionInfo, options_section

options_templates: dict[str, OptionInfo] = {}

options_templates.update(
    options_section(
        ("saving-images", "Saving images/grids", "saving"),
        {
            "samples_save": OptionInfo(True, "Always save all generated images"),
            "samples_format": OptionInfo("png", "File format for images"),
            "grid_save": OptionInfo(True, "Always save all generated image grids"),
            "return_grid": OptionInfo(True, "Show grid in results for web"),
            "grid_only_if_multiple": OptionInfo(True, "Do not save grids consisting of one picture"),
            "enable_pnginfo": OptionInfo(True, "Write infotext to metadata of the generated image"),
            "outdir_txt2img_samples": OptionInfo("outputs/txt2img-images", "Output directory for txt2img images"),
            "outdir_img2img_samples": OptionInfo("outputs/img2img-images", "Output directory for img2img images"),
            "outdir_txt2img_grids": OptionInfo("outputs/txt2img-grids", "Output directory for txt2img grids"),
            "outdir_img2img_grids": OptionInfo("outputs/img2img-grids", "Output directory for img2img grids"),
        },
    )
)

options_templates.update(
    options_section(
        ("sd", "Stable Diffusion", "sd"),
        {
            "sd_model_checkpoint": OptionInfo(None, "Stable Diffusion checkpoint", infotext="Model hash"),
            "CLIP_stop_at_last_layers": OptionInfo(1, "Clip skip", infotext="Clip skip"),
            "sd_vae_decode_method": OptionInfo("Full", "VAE type for decode", infotext="VAE Decoder"),
            "randn_source": OptionInfo("GPU", "Random number generator source.", infotext="RNG"),
            "img2img_fix_steps": OptionInfo(False, "With img2img, do exactly as many steps as the slider says"),
            "img2img_extra_noise": OptionInfo(0.0, "Extra noise multiplier for img2img and hires fix"),
            "initial_noise_multiplier": OptionInfo(1.0, "Noise multiplier for img2img", infotext="Noise multiplier"),
            "batch_cond_uncond": OptionInfo(True, "Batch cond/uncond"),
            "s_min_uncond": OptionInfo(0.0, "Negative Guidance minimum sigma", infotext="NGMS"),
            "s_min_uncond_all": OptionInfo(False, "Negative Guidance minimum sigma all steps"),
            "skip_early_cond": OptionInfo(0.0, "Skip CFG in early steps", infotext="Skip Early CFG"),
        },
    )
)

options_templates.update(
    options_section(
        ("sampler-params", "Sampler parameters", "sd"),
        {
            "hide_samplers": OptionInfo([], "Hide samplers in user interface"),
            "eta_ancestral": OptionInfo(1.0, "Eta for k-diffusion samplers", infotext="Eta"),
            "eta_noise_seed_delta": OptionInfo(0, "Eta noise seed delta", infotext="ENSD"),
            "s_churn": OptionInfo(0.0, "sigma churn", infotext="Sigma churn"),
            "s_tmin": OptionInfo(0.0, "sigma tmin", infotext="Sigma tmin"),
            "s_tmax": OptionInfo(0.0, "sigma tmax", infotext="Sigma tmax"),
            "s_noise": OptionInfo(1.0, "sigma noise", infotext="Sigma noise"),
            "sigma_min": OptionInfo(0.0, "sigma min", infotext="Schedule min sigma"),
            "sigma_max": OptionInfo(0.0, "sigma max", infotext="Schedule max sigma"),
            "rho": OptionInfo(0.0, "rho", infotext="Schedule rho"),
            "always_discard_next_to_last_sigma": OptionInfo(
                False, "Always discard next-to-last sigma", infotext="Discard penultimate sigma"
            ),
            "sgm_noise_multiplier": OptionInfo(False, "SGM noise multiplier", infotext="SGM noise multiplier"),
            "enable_quantization": OptionInfo(False, "Enable quantization in K samplers"),
            "no_dpmpp_sde_batch_determinism": OptionInfo(False, "DPM++ SDE may differ in batches"),
            "beta_dist_alpha": OptionInfo(0.6, "Beta scheduler - alpha", infotext="Beta schedule alpha"),
            "beta_dist_beta": OptionInfo(0.6, "Beta scheduler - beta", infotext="Beta schedule beta"),
            "use_old_karras_scheduler_sigmas": OptionInfo(False, "Use old karras scheduler sigmas (0.1 to 10)."),
        },
    )
)

options_templates.update(
    options_section(
        ("ui", "User interface", "ui"),
        {
            "send_seed": OptionInfo(True, "Send seed when sending prompt or image to other interface"),
            "hires_fix_use_firstpass_conds": OptionInfo(False, "Second pass uses first pass conds"),
            "infotext_skip_pasting": OptionInfo([], "Disregard fields from pasted infotext"),
            "add_model_hash_to_info": OptionInfo(True, "Add model hash to infotext"),
            "add_model_name_to_info": OptionInfo(True, "Add model name to infotext"),
            "add_version_to_infotext": OptionInfo(True, "Add program version to infotext"),
            "persistent_cond_cache": OptionInfo(True, "Persistent cond cache"),
            "enable_reloading_ui_scripts": OptionInfo(False, "Reload UI scripts when using Reload UI option"),
            "live_previews_enable": OptionInfo(True, "Show live previews of the created image"),
            "show_progress_every_n_steps": OptionInfo(10, "Live preview display period"),
        },
    )
)
