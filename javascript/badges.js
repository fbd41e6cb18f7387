// LoRA cards say what the Accelerator takes their files for.
(function () {
    "use strict";

    const page = window.fewstepPage;
    const {TABS, app, ask} = page;

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

    Object.assign(page, {badgeNewCards});
})();
