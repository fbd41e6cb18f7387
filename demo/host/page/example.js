// What a newcomer would do first, done already: the accordion of the extension is open. The prompt comes filled in from the server.
"use strict";

let exampleIsOpen = false;

// after the page's first update, when every extension's script has found its controls
onAfterUiUpdate(() => {
    const accordion = gradioApp().getElementById("fewstep_txt2img_accordion");
    if (exampleIsOpen || !accordion) return;
    exampleIsOpen = true;
    const label = accordion.querySelector(".label-wrap");
    if (!label.classList.contains("open")) label.click();
});
