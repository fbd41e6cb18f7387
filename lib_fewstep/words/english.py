"""English, the language that all others are translated from."""

ENGLISH: dict[str, str] = {}

# live pictures
ENGLISH |= {
    "live.no_json": "The request cannot be read as JSON: {reason}",
    "live.no_object": 'The request is a JSON {kind}. Expected an object, such as {{"page": "1", "number": 1, "prompt": "a cat"}}',
    "live.no_number": "The field number is {value}. Expected a whole number from 0 to {most} that grows with every request of a page",
    "live.no_settings": "The field accelerator is {value}. Expected an object, or nothing to leave the Accelerator off",
    "live.bad_field": "A field cannot be used: {reason}",
    "live.no_image": "An image cannot be read. Expected a PNG, JPEG or WebP in base64",
    "live.failed": "This picture failed ({reason}). Live goes on with your next change",
    "live.interrupted": "It was interrupted",
    "live.no_draft": "Draft is not possible: the TAESD decoder for this model is not installed. The full decoder was used",
}
