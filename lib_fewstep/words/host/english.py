"""Downloads, comments under the picture and the settings page, in English."""

HOST: dict[str, str] = {
    # ------------------------------------------------------------------------------------------------------------------ downloads
    "download.done": "{file} downloaded and verified",
    "download.cancelled": "Cancelled. The part already downloaded is kept; downloading again resumes",
    "download.failed": "{file} was not downloaded. {reason}",
    "download.crashed": "{file} was not downloaded ({error}). More is in the console",
    "download.busy": "Another download into {folder} is running. Try again when it has finished",
    "download.kept": "{size} are kept",
    "download.no_space": "{folder} has {free} left, but {missing} are needed. Make room, and try again",
    "download.disk_full": "The disk of {folder} is full. {kept}. Make room, and try again; or remove {part}",
    "download.no_writing": "{folder} cannot be written to ({error}). Check that the WebUI may write there",
    "download.came_meanwhile": "{file} has appeared in the meantime. It is left as it is",
    "download.bad_repo": "{repo} is not a repository's name. Correct the row of {file}",
    "download.other_file":
        "{file} exists and is not the file that {repo} publishes (its sha256 differs). Rename or remove it, and try again",
    "download.wrong_sha256":
        "What came from {url} is not the published file: its sha256 is {found}…, expected {expected}…. It was removed. Its publisher "
        "may have replaced it, or something on the way answers instead. Download the file by hand",
    "download.connection": "The connection to {host} fails ({error}). {kept}. Check the network and huggingface.co, and try again",
    "download.no_sha256": "{url} names no sha256, so that what comes from there could not be checked. Download the file by hand",
    "download.unreachable": "The connection to {host} fails ({error}). Check the network and huggingface.co, and try again",
    "download.too_long": "{url} is {size} long, but {expected} were expected. It was not downloaded",
    "download.endless": "{url} does not end after the {expected} that were expected. It was given up",
    "download.insecure": "{host} redirects to {target}, which is not https. It was not followed",
    "download.licence":
        "{repo} requires you to accept its licence ({status}). Do so on {page}, download {path} there, and put it into the Lora folder",
    "download.gone": "{repo} has no file {path} any more (404). Look for it on {page}",
    "download.status": "{url} answers {status} where the file was expected. Look at {page}",
    "connection.broke_off": "it broke off",
    "connection.silent": "it does not answer",
    "connection.unreachable": "it cannot be reached",
    "connection.status": "it answers {status}",
    "connection.too_early": "it ended {missing} too early",
    "connection.other_part": "it sends another part of the file than was asked for",
    "forbidden.offline": "this WebUI was started with {switch}={value}",
    "forbidden.no_loras": "this WebUI's LoRA extension is off",
    "forbidden.reached":
        "others can reach this WebUI (--listen, --share and the like), and it was started without --enable-insecure-extension-access",
    "forbidden.server_name":
        "this WebUI was started with --server-name {address} and without --enable-insecure-extension-access",

    # ----------------------------------------------------------------------------------------------- under the picture, in the WebUI
    "comment.note": "Accelerator: {text}",
    "comment.error": "An error kept it from working, and your own settings were used ({error})",
    "comment.looking": "Looking at LoRA {seen} of {count}",
    "rescan.done": "The LoRA folder has been read again",
    "rescan.later":
        "The LoRA folder is read again after the running picture. Press the button again then to see what is new",
    "saved.no_checkpoint": "No checkpoint is selected. Choose one, then save",
    "saved.damaged": "{path} is damaged ({error}). Mend or delete it, then save again",
    "saved.no_object": "it holds a {kind}, not an object",
    "saved.not_written": "{path} cannot be written ({error}). Check that the WebUI may write there",

    # ------------------------------------------------------------------------------------------------------------- settings page
    "option.all_steps": "In img2img and hires, make all of the method's steps within the noise that is left",
    "option.all_steps.info": "off: only the share of them that the WebUI makes, about denoising strength times steps",
    "option.auto_order": "Auto prefers these methods, in this order",
    "option.auto_order.info": "keys with commas between them, such as tcd, lcm; the others follow",
    "option.leave_out": "At CFG 1, leave the negative prompt out of the work",
    "option.leave_out.info":
        "off: if another extension needs it there. A picture then takes up to twice as long in AUTOMATIC1111",
    "option.notes": "Put the Accelerator's notes under the pictures",
    "option.notes.info": "problems are always shown",
    "option.badges": "Show the recognised method on LoRA cards",
    "option.downloads": "Offer to download the LoRA of a method that is not installed",
    "option.downloads.info": "from its publisher's Hugging Face repository, and only when you press the button",
    "option.own_table": "Your own methods and files: {path}, read when the UI is loaded.",
    "option.bad_rows": "Rows that are left out:",
    "option.unknown_methods": "Unknown methods in “Auto prefers” (ignored): {keys}",
}
