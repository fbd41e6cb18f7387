"""English, the language that all others are translated from."""

ENGLISH: dict[str, str] = {
    # negative prompt at CFG 1
    "negative_on": "Negative prompt on",
    "negative_on_at": "Negative prompt on (about +{percent} % time)",
    "nag_impossible": "The negative prompt cannot act at CFG 1 with {label}; its strength is ignored",
}
