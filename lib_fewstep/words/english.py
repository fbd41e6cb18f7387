"""English, the language that all others are translated from."""

ENGLISH: dict[str, str] = {}

# live pictures
ENGLISH |= {
    "live.label": "Live: pictures while you type",
    "live.keep": "Keep",
    "live.keep_info": "Makes this picture as Generate does, with the same seed, and saves it",
    "live.new_seed": "New seed",
    "live.rate": "{seconds} s, {rate} a second",
    "live.waiting": "The first picture is on its way",
    "live.paused_hidden": "Paused while this tab is hidden",
    "live.stopped_interrupt": "Live stopped because you pressed Interrupt. Turn it on again to go on",
    "live.stopped_idle": "Live stopped because nothing changed for {minutes} minutes. Turn it on again to go on",
    "live.stopped_login": "Live stopped because you are not logged in any more. Load the page again",
    "live.unreachable": "The WebUI does not answer. Live goes on with your next change",
    "live.no_json": "The request cannot be read as JSON: {reason}",
    "live.no_object": 'The request is a JSON {kind}. Expected an object, such as {{"page": "1", "number": 1, "prompt": "a cat"}}',
    "live.no_number": "The field number is {value}. Expected a whole number from 0 to {most} that grows with every request of a page",
    "live.no_settings": "The field accelerator is {value}. Expected an object or a list, or nothing to leave the Accelerator off",
    "live.bad_field": "A field cannot be used: {reason}",
    "live.no_image": "An image cannot be read. Expected a PNG, JPEG or WebP in base64",
    "live.failed": "This picture failed ({reason}). Live goes on with your next change",
    "live.interrupted": "It was interrupted",
    "live.no_draft": "Draft is not possible: the TAESD decoder for this model is not installed. The full decoder was used",
}
