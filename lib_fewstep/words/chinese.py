"""Simplified Chinese. Corrections by its speakers are welcome."""

CHINESE: dict[str, str] = {
    # negative prompt at CFG 1
    "negative_on": "负面提示词已启用",
    "negative_on_at": "负面提示词已启用（耗时约 +{percent} %）",
    "nag_impossible": "{label} 在 CFG 1 时无法使用负面提示词，其强度将被忽略",
}
