// Live: pictures while the user types. Looks for changes, asks the server for a picture of them, and shows it above the gallery.
// Which wishes are drawn, and when, the server decides; what is asked here twice, it draws once.
var fewstepLive = (function () {
    "use strict";

    const LOOK_MS = 250; // dropdowns, LoRA cards and pasted parameters change without an event
    const INPUT_MS = 30; // gradio takes a moment to take up what was typed
    const IDLE_MINUTES = 10;
    const MOST_SEED = 4294967294;

    const tabs = {};
    const byId = (id) => gradioApp().getElementById ? gradioApp().getElementById(id) : gradioApp().querySelector("#" + id);
    const box = (tab) => gradioApp().querySelector(`#fewstep_${tab}_live input`);
    const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
    const accordion = (tab) => gradioApp().querySelector(`#fewstep_${tab}_accordion-checkbox input`);
    const isOn = (tab) => Boolean(box(tab) && box(tab).checked && accordion(tab) && accordion(tab).checked);

    function element(name, className, text) {
        const made = document.createElement(name);
        made.className = className;
        if (text) made.textContent = text;
        return made;
    }

    function newState(tab, told) {
        const gallery = byId(`${tab}_gallery_container`) || byId(`${tab}_gallery`);
        const state = {
            told, page: `${Date.now()}-${Math.random()}`, number: 0, shown: 0, sent: "", changed: Date.now(), url: "",
            pane: element("div", "fewstep-live"), image: element("img", "fewstep-live-image"), line: element("div", "fewstep-live-line"),
        };
        const keep = element("button", "fewstep-live-keep", told.words.keep);
        const seed = element("button", "fewstep-live-seed", told.words.new_seed);
        keep.title = told.words.keep_info;
        keep.addEventListener("click", () => byId(`${tab}_generate`).click());
        seed.addEventListener("click", () => setSeed(tab, randomSeed()));
        const buttons = element("div", "fewstep-live-buttons");
        buttons.append(seed, keep);
        state.image.alt = "";
        state.pane.append(state.image, state.line, buttons);
        gallery.parentElement.insertBefore(state.pane, gallery);
        return state;
    }

    const randomSeed = () => Math.floor(Math.random() * MOST_SEED);

    const seedField = (tab) => gradioApp().querySelector(`#${tab}_seed input`);

    function setSeed(tab, value) {
        const field = seedField(tab);
        field.value = value;
        field.dispatchEvent(new Event("input", { bubbles: true }));
    }

    function tell(state, text) {
        state.line.textContent = text;
    }

    // Called by gradio with the values of all controls: the host's by `told.fields`, then those of our script.
    function look(tab, told, values) {
        if (!isOn(tab)) return;
        const state = tabs[tab] || (tabs[tab] = newState(tab, told));
        const wish = { accelerator: values.slice(told.fields.length) };
        told.fields.forEach((name, i) => { wish[name] = values[i]; });
        if (Number(wish.seed) < 0) return setSeed(tab, randomSeed()); // fixed from now on, and looked at again in a moment
        wish.seed = Number(wish.seed);
        const text = JSON.stringify(wish);
        if (text === state.sent) return;
        state.sent = text;
        state.changed = Date.now();
        ask(tab, state, wish);
    }

    async function ask(tab, state, wish) {
        const number = ++state.number;
        const began = performance.now();
        let answer, body;
        try {
            answer = await fetch("./fewstep/v1/live", {
                method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...wish, page: state.page, number }),
            });
            body = answer.headers.get("content-type") === "image/jpeg" ? await answer.blob() : await answer.json();
        } catch (error) {
            if (number === state.number) tell(state, state.told.words.unreachable);
            return;
        }
        if (number < state.shown || !isOn(tab)) return;
        if (body instanceof Blob) return show(state, number, body, JSON.parse(answer.headers.get("x-fewstep")), performance.now() - began);
        if (answer.status === 401) return stop(tab, state.told.words.login);
        if (!answer.ok && number === state.number) tell(state, body.detail);
    }

    async function show(state, number, blob, about, tookMs) {
        const url = URL.createObjectURL(blob);
        const next = new Image();
        next.src = url;
        await next.decode(); // before it takes the place of the last one: no flicker
        if (number < state.shown) return URL.revokeObjectURL(url);
        state.shown = number;
        state.image.src = url;
        if (state.url) URL.revokeObjectURL(state.url);
        state.url = url;
        state.pane.dataset.number = number;
        state.pane.dataset.evaluations = about.evaluations;
        const rate = fill(state.told.words.rate, { seconds: about.seconds.toFixed(2), rate: (1000 / tookMs).toFixed(1) });
        tell(state, [rate, ...about.notes].join(". "));
    }

    function stop(tab, why) {
        if (isOn(tab)) box(tab).click();
        if (tabs[tab]) tell(tabs[tab], why);
    }

    function lookSoon(tab) {
        if (document.hidden || !isOn(tab)) return;
        byId(`fewstep_${tab}_live_look`).click();
    }

    // The seed is fixed from then on, in sight, so that Generate makes the same picture.
    function switched(tab) {
        const on = isOn(tab);
        const state = tabs[tab];
        if (on && state) {
            state.sent = "";
            state.changed = Date.now();
        }
        if (on) {
            const field = seedField(tab);
            if (field && Number(field.value) < 0) setSeed(tab, randomSeed());
        }
        setTimeout(() => lookSoon(tab), INPUT_MS);
    }

    function wire(tab) {
        const checkbox = box(tab);
        if (!checkbox || checkbox.dataset.fewstepLive) return;
        checkbox.dataset.fewstepLive = "yes";
        byId(`fewstep_${tab}_live`).classList.add("fewstep-live-ready");
        checkbox.addEventListener("change", () => switched(tab));
        byId(`tab_${tab}`).addEventListener("input", () => setTimeout(() => lookSoon(tab), INPUT_MS));
        for (const name of ["interrupt", "interrupting"]) {
            const button = byId(`${tab}_${name}`);
            if (button) button.addEventListener("click", () => isOn(tab) && stop(tab, tabs[tab] ? tabs[tab].told.words.interrupted : ""));
        }
    }

    function tick() {
        for (const tab of Object.keys(tabs)) {
            const state = tabs[tab];
            if (isOn(tab) && Date.now() - state.changed > IDLE_MINUTES * 60000) {
                stop(tab, fill(state.told.words.idle, { minutes: IDLE_MINUTES }));
            }
        }
        ["txt2img", "img2img"].forEach(lookSoon);
    }

    document.addEventListener("visibilitychange", () => {
        for (const tab of Object.keys(tabs).filter(isOn)) {
            if (document.hidden) tell(tabs[tab], tabs[tab].told.words.hidden);
            else tabs[tab].sent = "";
        }
    });
    onUiUpdate(() => ["txt2img", "img2img"].forEach(wire));
    setInterval(tick, LOOK_MS);

    return { look };
})();
