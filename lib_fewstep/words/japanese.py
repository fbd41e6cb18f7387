"""Japanese. Corrections by its speakers are welcome."""

JAPANESE: dict[str, str] = {
    # negative prompt at CFG 1
    "negative_on": "ネガティブプロンプト有効",
    "negative_on_at": "ネガティブプロンプト有効（時間 約 +{percent} %）",
    "nag_impossible": "{label} では CFG 1 でネガティブプロンプトを効かせられないため、その強さは無視されます",
}
