// Few-Step Accelerator: what gradio cannot do by itself. It writes attributes into what gradio draws, and the style sheet shows them.
// 1. The cards' facts, the folds' hints, what is changed, and the words in the closed title bar.
// 2. While the Accelerator decides them, the host's own controls say so.
// 3. Buttons in the texts tell Python what they are for; the panel follows what changes without an event that reaches Python.
// 4. What takes a while (a download, a first look at many files, a comparison) is asked of our route until it is done.
// 5. LoRA cards say what the Accelerator takes their files for.
(function () {
    "use strict";

    const TABS = ["txt2img", "img2img"];
    const FOLDS = ["fine", "more", "details"];
    const FOLLOWED = ["prompt", "neg_prompt", "steps", "cfg_scale", "denoising_strength", "hr-checkbox", "hires_steps", "width", "height"];
    const FOLLOWED_CHOICES = ["sampling", "hr_sampler", "hr_scheduler"];
    const DECIDABLE = ["steps", "cfg_scale", "sampling", "scheduler", "distilled_cfg_scale"];
    const SLOW = ["downloading", "looking", "comparing"];
    const TYPING_PAUSE_MS = 500, ASK_MS = 700, WATCH_MS = 1000, ARMED_MS = 5000, START_MS = 10000;
    const NEXT = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1};

    const app = () => gradioApp();
    const byId = (id) => app().getElementById ? app().getElementById(id) : app().querySelector("#" + id);
    const part = (tab, name) => byId(`fewstep_${tab}_${name}`);
    const inPart = (tab, name, what) => app().querySelector(`#fewstep_${tab}_${name} ${what}`);
    const pause = (ms) => new Promise((done) => setTimeout(done, ms));

    // Writing what is there already would call us again, for ever.
    function put(element, name, value) {
        if (!element) return;
        if (value === "" || value === null || value === undefined) {
            if (element.hasAttribute(name)) element.removeAttribute(name);
        } else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
    }

    // ------------------------------------------------------------------------------------------------ from the page to Python

    let acts = 0;
    function act(tab, what) {
        const field = inPart(tab, "act", ":is(textarea, input)"), go = part(tab, "go");
        if (!field || !go) return;
        field.value = `${++acts}#${what}`; // numbered: the same act twice is two acts
        field.dispatchEvent(new Event("input", {bubbles: true}));
        setTimeout(() => (go.querySelector("button") || go).click(), 0);
    }

    function isOn(tab) {
        const box = app().querySelector(`#fewstep_${tab}_accordion-checkbox input`);
        return Boolean(box && box.checked);
    }

    const isOpen = (tab) => Boolean(inPart(tab, "accordion", ".label-wrap.open"));
    const comparing = {}; // until then nothing looks again: the panel tells of the comparison
    const sync = (tab) => { if (!comparing[tab]) act(tab, "sync"); };
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
        setTimeout(() => draw(tab), 0); // opening a fold changes a class only
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

    // ------------------------------------------------------------------------------------------------ from Python to the page

    const told = {}, doubted = {};

    function read(tab) {
        const carrier = inPart(tab, "data", "[data-fewstep]");
        if (!carrier || carrier === told[tab]?.carrier) return told[tab];
        told[tab] = {carrier, ...JSON.parse(carrier.dataset.fewstep)};
        doubted[tab] = false;
        if (SLOW.includes(told[tab].state)) watch(tab);
        return told[tab];
    }

    function drawCards(tab, now) {
        const labels = app().querySelectorAll(`#fewstep_${tab}_method label`);
        if (labels.length !== now.cards.length) return; // of another answer
        labels.forEach((label, i) => {
            const card = now.cards[i];
            put(label, "data-facts", card.facts);
            put(label, "data-more", card.more);
            put(label, "data-mark", card.mark);
            put(label, "data-works", card.works ? "yes" : "");
            put(label.querySelector("input"), "aria-label", card.aria);
        });
        const chosen = part(tab, "method")?.querySelector("input:checked");
        labels.forEach((label) => put(label.querySelector("input"), "tabindex", !chosen || label.contains(chosen) ? "0" : "-1"));
    }

    function drawFolds(tab, now) {
        for (const name of FOLDS) {
            const title = inPart(tab, name, ".label-wrap");
            put(title, "data-hint", now.hints[name]);
            put(title, "data-dot", name === "fine" && now.changed.length ? "yes" : "");
            put(title, "aria-expanded", String(Boolean(title && title.classList.contains("open"))));
            if (title && title.tagName === "DIV") {
                put(title, "tabindex", "0");
                put(title, "role", "button");
            }
        }
        app().querySelectorAll(`#fewstep_${tab}_fine [id^="fewstep_${tab}_"]`).forEach((control) => {
            put(control, "data-changed", now.changed.includes(control.id.replace(`fewstep_${tab}_`, "")) ? "yes" : "");
        });
    }

    function drawTitle(tab, now) {
        const title = inPart(tab, "accordion", ".label-wrap");
        if (!title) return;
        let chip = title.querySelector(":scope > .fewstep-chip");
        if (!chip) {
            chip = document.createElement("span");
            chip.className = "fewstep-chip";
            title.insertBefore(chip, title.lastElementChild);
        }
        put(chip, "data-state", now.state);
        put(chip, "data-open", isOpen(tab) ? "yes" : "");
        put(chip, "title", now.summary);
        if (chip.dataset.text === now.chip && chip.dataset.of === now.state) return;
        chip.innerHTML = now.icon;
        chip.append(now.chip);
        chip.dataset.text = now.chip;
        chip.dataset.of = now.state;
    }

    function drawHost(tab, now) {
        for (const name of DECIDABLE) {
            const control = byId(`${tab}_${name}`), decided = now.decides.includes(name);
            if (!control) continue;
            if (control.classList.contains("fewstep-overridden") !== decided) control.classList.toggle("fewstep-overridden", decided);
            put(control, "title", decided ? now.decided : "");
            put(control, "data-decided", decided ? now.decided : "");
            put(control.querySelector('span[data-testid="block-info"]'), "data-decided", decided ? now.decided : "");
        }
    }

    function draw(tab) {
        const now = read(tab);
        if (!now) return;
        put(part(tab, "body"), "data-state", now.state);
        drawCards(tab, now);
        drawFolds(tab, now);
        drawTitle(tab, now);
        drawHost(tab, now);
        if (isLate(tab, now) && !doubted[tab]) {
            doubted[tab] = true;
            setTimeout(() => { if (doubted[tab] && isLate(tab, told[tab])) sync(tab); }, ASK_MS);
        }
    }

    // Answers may overtake each other: one that speaks of other values than those that stand there by now is doubted once.
    function isLate(tab, now) {
        const choices = [...app().querySelectorAll(`#fewstep_${tab}_method input`)], at = choices.findIndex((input) => input.checked);
        if (isOn(tab) !== now.on || (choices.length === now.keys.length && at >= 0 && now.keys[at] !== now.method)) return true;
        return Object.entries(now.asked).some(([name, value]) => {
            const field = inPart(tab, name, "input[type=number]");
            return field && field !== document.activeElement && Math.abs(Number(field.value) - value) > 1e-6;
        });
    }

    // ------------------------------------------------------------------------------------------------------ what takes a while

    const ask = (name) => fetch(new URL(`fewstep/v1/${name}`, document.baseURI)).then((answer) => answer.ok ? answer.json() : null, () => null);
    const watching = {};

    function show(tab, news) {
        const texts = {headline: news.headline, sentence: news.sentence};
        for (const [name, text] of Object.entries(texts)) {
            const line = inPart(tab, "status", `.fewstep-${name}`);
            if (line && text && line.textContent !== text) line.textContent = text;
        }
        const bar = inPart(tab, "status", "progress");
        if (bar && news.share !== undefined) bar.value = news.share;
        if (news.chip) told[tab].chip = news.chip;
        drawTitle(tab, told[tab]);
    }

    // Asked again only when the last answer is there: none can overtake another.
    async function watch(tab) {
        if (watching[tab]) return;
        watching[tab] = true;
        for (let idle = 0; SLOW.includes(told[tab].state);) {
            await pause(ASK_MS);
            const now = told[tab].state, news = await ask("progress");
            if (now === "comparing") {
                idle = news && news.busy ? 0 : idle + 1;
                if (idle > 4) break;
                if (news && news.chip) show(tab, {chip: news.chip});
            } else if (!news || news.state !== now) break;
            else show(tab, news);
        }
        watching[tab] = comparing[tab] = false;
        if (SLOW.includes(told[tab].state)) TABS.forEach(sync);
    }

    // Forge and Neo tell nobody that another checkpoint was chosen; they take it up a moment later.
    let checkpoint, changed = false;
    setInterval(() => {
        const field = app().querySelector("#setting_sd_model_checkpoint input, .model_selection input");
        if (!field) return;
        const changedBefore = changed;
        changed = checkpoint !== undefined && field.value !== checkpoint;
        checkpoint = field.value;
        if (changed || changedBefore) TABS.forEach(syncIfSeen);
    }, WATCH_MS);

    let loaded;
    if (typeof onOptionsChanged === "function") {
        onOptionsChanged(() => {
            if (typeof opts === "undefined" || opts.sd_checkpoint_hash === loaded) return;
            loaded = opts.sd_checkpoint_hash;
            TABS.forEach(syncIfSeen);
        });
    }

    // ------------------------------------------------------------------------------------------------------------- LoRA cards

    let asking = false;
    async function badgeNewCards() {
        if (typeof opts !== "undefined" && opts.fewstep_badges === false) return;
        const fresh = () => TABS.flatMap((tab) => [...app().querySelectorAll(`#${tab}_lora_cards .card[data-name]:not([data-fewstep])`)]);
        if (asking || !fresh().length) return;
        asking = true;
        const loras = await ask("loras");
        const known = Object.fromEntries((loras || []).filter((lora) => lora.label).map((lora) => [lora.name, lora]));
        for (const card of fresh()) {
            card.dataset.fewstep = "seen";
            if (known[card.dataset.name]) badge(card, known[card.dataset.name]);
        }
        asking = false;
    }

    function badge(card, lora) {
        const mark = document.createElement("span");
        mark.className = "fewstep-badge";
        mark.textContent = lora.label;
        mark.title = `Accelerator: ${lora.reason}`;
        card.appendChild(mark);
    }

    // -----------------------------------------------------------------------------------------------------------------------

    let greeted = false;
    onUiUpdate(() => {
        badgeNewCards();
        for (const tab of TABS) {
            followControls(tab);
            draw(tab);
        }
        if (greeted || !part("txt2img", "go")) return;
        greeted = true;
        document.addEventListener("click", onClick, true);
        document.addEventListener("change", onChange, true);
        document.addEventListener("keydown", onKey, true);
        TABS.forEach(sync);
    });
})();
