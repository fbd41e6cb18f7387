// From the page to Python: buttons in our texts, cards, keys, and whatever of the host's controls changes without an event that reaches it.
(function () {
    "use strict";

    const page = window.fewstepPage;
    const {TABS, app, byId, part, inPart, isOpen, isOn, put, comparing, told} = page;
    const FOLLOWED = ["prompt", "neg_prompt", "steps", "cfg_scale", "denoising_strength", "hr-checkbox", "hires_steps", "width", "height"];
    const FOLLOWED_CHOICES = ["sampling", "hr_sampler", "hr_scheduler"];
    const TYPING_PAUSE_MS = 500, ARMED_MS = 5000, START_MS = 10000;
    const NEXT = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1};

    let acts = 0;
    function act(tab, what) {
        const field = inPart(tab, "act", ":is(textarea, input)"), go = part(tab, "go");
        if (!field || !go) return;
        field.value = `${++acts}#${what}`; // numbered: the same act twice is two acts
        field.dispatchEvent(new Event("input", {bubbles: true}));
        setTimeout(() => (go.querySelector("button") || go).click(), 0);
    }

    // the list of more methods is long, and made anew only where it is seen
    const sync = (tab) => { if (!comparing[tab]) act(tab, inPart(tab, "more", ".label-wrap.open") ? "sync:more" : "sync"); };
    const syncIfSeen = (tab) => { if (isOn(tab) || isOpen(tab)) sync(tab); };

    function follow(tab, control, event) {
        if (!control || control.dataset.fewstepFollowed) return;
        control.dataset.fewstepFollowed = "yes";
        let timer;
        control.addEventListener(event, () => {
            clearTimeout(timer);
            timer = setTimeout(() => syncIfSeen(tab), TYPING_PAUSE_MS);
        });
    }

    function followControls(tab) {
        for (const name of FOLLOWED) follow(tab, byId(`${tab}_${name}`), "input");
        // a dropdown writes its value by itself, and tells nobody but whoever notices that it is left
        for (const name of FOLLOWED_CHOICES) follow(tab, byId(`${tab}_${name}`) || (tab === "txt2img" ? byId(name) : null), "focusout");
    }

    function pressed(tab, button) {
        const what = button.dataset.act;
        if (what === "stop") byId(`${tab}_interrupt`)?.click();
        else act(tab, what);
    }

    // A long comparison wants a second press.
    function confirmed(tab, button) {
        const again = (told[tab] || {}).again;
        if (!again || button.dataset.armed) return true;
        button.dataset.armed = "yes";
        put(button, "data-again", again);
        setTimeout(() => { delete button.dataset.armed; put(button, "data-again", ""); }, ARMED_MS);
        return false;
    }

    function begin(tab) {
        comparing[tab] = true;
        setTimeout(() => { if (told[tab].state !== "comparing") comparing[tab] = false; }, START_MS);
    }

    function onClick(event) {
        const path = event.composedPath()[0];
        const button = path.closest && path.closest("button[data-act], .fewstep-compare, .fewstep-fold .label-wrap, .fewstep-body");
        const tab = button && TABS.find((name) => byId(`fewstep_${name}_accordion`)?.contains(button));
        if (!tab) return;
        if (button.dataset.act) pressed(tab, button);
        else if (button.closest(".fewstep-compare")) {
            if (confirmed(tab, button)) begin(tab);
            else event.stopImmediatePropagation();
        }
        const title = button.matches(".label-wrap") && button;
        setTimeout(() => { // opening a fold changes a class only
            page.draw(tab);
            if (title && title.matches(".open") && part(tab, "more").contains(title)) sync(tab);
        }, 0);
    }

    // gradio tells Python of a card that the page itself chooses as of one that the user clicks; the browser does not.
    function onChange(event) {
        const at = event.composedPath()[0], cards = at.closest && at.type === "radio" && at.closest(".fewstep-cards");
        const tab = cards && TABS.find((name) => cards === part(name, "method") || part(name, "method")?.contains(cards));
        const key = tab && told[tab] && told[tab].keys[[...cards.querySelectorAll("input[type=radio]")].indexOf(at)];
        if (key) act(tab, `use:${key}`);
    }

    function onKey(event) {
        const at = event.composedPath()[0];
        if (!at.closest) return;
        const title = at.closest(".fewstep-fold > .label-wrap, .fewstep-fold > div > .label-wrap");
        if (title && title.tagName === "DIV" && (event.key === "Enter" || event.key === " ")) {
            event.preventDefault();
            title.click();
        }
        const cards = at.closest(".fewstep-cards");
        if (!cards || at.type !== "radio" || !NEXT[event.key]) return;
        const all = [...cards.querySelectorAll("input[type=radio]")];
        const next = all[(all.indexOf(at) + NEXT[event.key] + all.length) % all.length];
        event.preventDefault();
        event.stopPropagation();
        next.focus();
        next.click();
    }

    function listen() {
        document.addEventListener("click", onClick, true);
        document.addEventListener("change", onChange, true);
        document.addEventListener("keydown", onKey, true);
    }

    Object.assign(page, {sync, syncIfSeen, followControls, listen});
})();
