// From Python to the page: what the cards, the folds, the title bar and the host's own controls say.
(function () {
    "use strict";

    const page = window.fewstepPage;
    const {app, byId, part, inPart, isOpen, isOn, put, told} = page;
    const FOLDS = ["fine", "more", "details"];
    const DECIDABLE = ["steps", "cfg_scale", "sampling", "scheduler", "distilled_cfg_scale"];
    const DOUBT_MS = 700;

    const doubted = {};

    function read(tab) {
        const carrier = inPart(tab, "data", "[data-fewstep]");
        if (!carrier || carrier === told[tab]?.carrier) return told[tab];
        told[tab] = {carrier, ...JSON.parse(carrier.dataset.fewstep)};
        doubted[tab] = false;
        if (page.isSlow(told[tab])) page.watch(tab);
        return told[tab];
    }

    function drawCards(tab, now) {
        const labels = app().querySelectorAll(`#fewstep_${tab}_method label`);
        if (labels.length !== now.cards.length) return; // of another answer
        labels.forEach((label, i) => {
            const card = now.cards[i];
            put(label, "data-facts", card.facts);
            put(label, "data-more", card.more);
            put(label.querySelector("span"), "data-mark", card.mark);
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
            setTimeout(() => { if (doubted[tab] && isLate(tab, told[tab])) page.sync(tab); }, DOUBT_MS);
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

    Object.assign(page, {draw, drawTitle});
})();
