// Few-Step Accelerator: what gradio cannot do by itself.
// 1. While the Accelerator decides them, the host's own controls say so.
// 2. LoRA cards say what the Accelerator takes their files for.
// 3. The plan line follows the host's controls and the selected checkpoint, which change without an event that reaches Python.
// 4. A LoRA folder of thousands is looked at in pieces, while the plan line tells how far.
// 5. A running download is watched, also after the page was loaded anew, and what it has brought is taken up.
(function () {
    "use strict";

    const TABS = ["txt2img", "img2img"];
    const OVERRIDDEN = ["steps", "cfg_scale", "sampling", "scheduler"];
    const FOLLOWED = ["prompt", "neg_prompt", "steps", "cfg_scale", "denoising_strength", "hr-checkbox", "hires_steps", "width", "height"];
    const FOLLOWED_CHOICES = ["sampling", "hr_sampler", "hr_scheduler"];
    const TYPING_PAUSE_MS = 500;
    const WATCH_MS = 1000;

    const byId = (id) => gradioApp().getElementById ? gradioApp().getElementById(id) : gradioApp().querySelector("#" + id);
    const part = (tab, name) => byId(`fewstep_${tab}_${name}`);

    function isOn(tab) {
        const checkbox = gradioApp().querySelector(`#fewstep_${tab}_accordion-checkbox input`);
        return Boolean(checkbox && checkbox.checked);
    }

    function decides(tab) {
        return isOn(tab) && Boolean(gradioApp().querySelector(`#fewstep_${tab}_plan .fewstep-plan[data-active="true"]`));
    }

    function sync(tab) {
        const button = part(tab, "sync");
        if (button && isOn(tab)) button.click();
    }

    function markOverridden(tab) {
        const decided = decides(tab);
        for (const name of OVERRIDDEN) {
            const control = byId(`${tab}_${name}`);
            if (!control) continue;
            if (control.classList.contains("fewstep-overridden") === decided) continue; // writing would call us again
            control.classList.toggle("fewstep-overridden", decided);
            if (decided) control.setAttribute("title", "Set by Accelerator: this value is not used while the Accelerator is on");
            else control.removeAttribute("title");
        }
    }

    function follow(tab, control, event) {
        if (!control || control.dataset.fewstepFollowed) return;
        control.dataset.fewstepFollowed = "yes";
        let timer;
        control.addEventListener(event, () => {
            clearTimeout(timer);
            timer = setTimeout(() => sync(tab), TYPING_PAUSE_MS);
        });
    }

    function followControls(tab) {
        for (const name of FOLLOWED) follow(tab, byId(`${tab}_${name}`), "input");
        // a dropdown writes its value by itself, and tells nobody but whoever notices that it is left
        for (const name of FOLLOWED_CHOICES) follow(tab, byId(`${tab}_${name}`) || (tab === "txt2img" ? byId(name) : null), "focusout");
    }

    function goOnLooking(tab) {
        const line = gradioApp().querySelector(`#fewstep_${tab}_plan [data-looking]`);
        if (!line || line.dataset.asked) return;
        line.dataset.asked = "yes";
        sync(tab);
    }

    function badge(card, lora) {
        const mark = document.createElement("span");
        mark.className = "fewstep-badge";
        mark.textContent = lora.label;
        mark.title = `Accelerator: ${lora.reason}`;
        card.appendChild(mark);
    }

    // The page asks for the recognised files when it first sees cards, and puts a badge on theirs when the answer is there.
    function badgeNewCards() {
        if (typeof opts !== "undefined" && opts.fewstep_badges === false) return;
        for (const tab of TABS) {
            const cards = gradioApp().querySelectorAll(`#${tab}_lora_cards .card[data-name]:not([data-fewstep])`);
            if (!cards.length) continue;
            const answer = gradioApp().querySelector(`#fewstep_${tab}_known [data-loras]`);
            if (!answer || answer.dataset.used) {
                const button = part(tab, "ask_known");
                if (button && !button.dataset.asked) button.click();
                if (button) button.dataset.asked = "yes";
                continue;
            }
            const known = JSON.parse(answer.dataset.loras);
            answer.dataset.used = "yes";
            delete part(tab, "ask_known").dataset.asked;
            for (const card of cards) {
                card.dataset.fewstep = "seen";
                if (known[card.dataset.name]) badge(card, known[card.dataset.name]);
            }
        }
    }

    onUiUpdate(badgeNewCards);
    onUiUpdate(() => TABS.forEach((tab) => {
        followControls(tab);
        markOverridden(tab);
        goOnLooking(tab);
    }));

    // The WebUI may run without gradio's queue, so Python cannot tell the page by itself.
    const downloading = {};
    function watchDownload(tab) {
        const shown = gradioApp().querySelector(`#fewstep_${tab}_download_line .fewstep-download`);
        const running = Boolean(shown && shown.querySelector("progress"));
        if (running) part(tab, "download_poll").click();
        else if (downloading[tab]) TABS.forEach(sync);
        downloading[tab] = running;
    }

    // Forge and Neo tell nobody that another checkpoint was chosen; they take it up a moment later.
    let chosen, changed = false;
    function watchCheckpoint() {
        const field = gradioApp().querySelector("#setting_sd_model_checkpoint input, .model_selection input");
        if (!field) return;
        const changedBefore = changed;
        changed = chosen !== undefined && field.value !== chosen;
        chosen = field.value;
        if (changed || changedBefore) TABS.forEach(sync);
    }

    // Answers may overtake each other: a line that speaks of another method than the one chosen by now is asked for once more.
    function watchLine(tab) {
        const line = gradioApp().querySelector(`#fewstep_${tab}_plan [data-method]`);
        const field = gradioApp().querySelector(`#fewstep_${tab}_method input`);
        if (!line || !field || field === document.activeElement || field.value === line.dataset.method || line.dataset.asked) return;
        line.dataset.asked = "yes";
        sync(tab);
    }

    setInterval(() => {
        TABS.forEach(watchDownload);
        watchCheckpoint();
        TABS.forEach(watchLine);
    }, WATCH_MS);

    let checkpoint;
    if (typeof onOptionsChanged === "function") {
        onOptionsChanged(() => {
            if (typeof opts === "undefined" || opts.sd_checkpoint_hash === checkpoint) return;
            checkpoint = opts.sd_checkpoint_hash;
            TABS.forEach(sync);
        });
    }
})();
