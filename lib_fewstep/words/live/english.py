"""Live pictures, in English."""

LIVE: dict[str, str] = {
    # --------------------------------------------------------------------------------- the page, whose script fills in the numbers
    "live.label": "Live",
    "live.label.txt2img": "A picture while you type",
    "live.label.img2img": "A picture while you type and paint",
    "draft.label": "Draft pictures",
    "draft.label.info": "Faster, a little softer",
    "live.page.keep": "Keep",
    "live.page.keep_info": "Makes this picture as Generate does, with the same seed, and saves it",
    "live.page.new_seed": "New seed",
    "live.page.rate": "{seconds} s, {rate} a second",
    "live.page.no_picture": "Live waits for a picture on the canvas",
    "live.page.batch": "Live does not draw batches. Choose another tab",
    "live.page.hidden": "Paused while this tab is hidden",
    "live.page.interrupted": "Live stopped because you pressed Interrupt. Turn it on again to go on",
    "live.page.idle": "Live stopped because nothing changed for {minutes} minutes. Turn it on again to go on",
    "live.page.login": "Live stopped because you are not logged in any more. Load the page again",
    "live.page.unreachable": "The WebUI does not answer. Live goes on with your next change",

    # ----------------------------------------------------------------------------------------------------------------- the answers
    "live.no_json": "The request cannot be read as JSON ({reason})",
    "live.no_object": "The request is a {kind}. Expected a JSON object with a prompt and a number",
    "live.no_number": "The field number is {value}. Expected a whole number from 0 to {most} that grows with every request of a page",
    "live.no_settings": "The field accelerator is {value}. Expected an object or a list, or nothing to leave the Accelerator off",
    "live.bad_field": "A field cannot be used ({reason})",
    "live.no_image": "An image cannot be read. Expected a PNG, JPEG or WebP in base64",
    "live.no_canvas": "The canvas is of an unknown kind. Expected one of {kinds}",
    "live.no_picture": "There is no picture on the canvas",
    "live.no_canvas_number": "The field {name} of the canvas is {value}. Expected a number",
    "live.failed": "This picture failed ({reason}). Live goes on with your next change",
    "live.interrupted": "The picture was interrupted",

    # ---------------------------------------------------------------------------------------------------------------- draft pictures
    "draft.missing": "Draft pictures need the small decoder that is at {url}. Save it as {path}. The full decoder is used",
    "draft.no_decoder": "There is no small decoder for this model, so drafts are not possible. The full decoder is used",
    "draft.unknown": "The small decoder cannot be found ({error}). The full decoder is used",
}
