// Live: pictures while the user types. Looks for changes, asks the server for a picture of them, and shows it above the gallery.
// Which wishes are drawn, and when, the server decides; what is asked here twice, it draws once.
var fewstepLive = (function () {
    "use strict";

    const WATCH_MS = 2000; // what another extension sets without an event
    const EVENT_MS = 20; // several events come at once, and gradio takes a moment to take a value up
    const IDLE_MINUTES = 10;
    const NARROW = "(max-width: 640px)";
    const MOST_SEED = 4294967294;

    const TABS = ["txt2img", "img2img"];
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
            told, page: `${Date.now()}-${Math.random()}`, turn: 0, number: 0, shown: 0, sent: "", changed: Date.now(), url: "",
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
        const top = matchMedia(NARROW).matches && byId(`${tab}_toprow`);
        if (top) top.after(state.pane); // in one column the gallery lies far below what one types into
        else gallery.parentElement.insertBefore(state.pane, gallery);
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
    async function look(tab, told, values) {
        if (!isOn(tab)) return;
        const state = tabs[tab] || (tabs[tab] = newState(tab, told));
        const turn = ++state.turn;
        const wish = { accelerator: values.slice(told.fields.length) };
        const canvas = {};
        told.fields.forEach((name, i) => {
            const value = name in told.choices ? told.choices[name].indexOf(values[i]) : values[i];
            if (name.startsWith("canvas.")) canvas[name.slice("canvas.".length)] = value;
            else wish[name] = value;
        });
        if (Number(wish.seed) < 0) return setSeed(tab, randomSeed()); // fixed from now on, which is a change to look at
        wish.seed = Number(wish.seed);
        if (tab === "img2img") {
            if (fewstepCanvas.kind() === "batch") return tell(state, told.words.batch);
            wish.canvas = await fewstepCanvas.read(canvas);
            if (turn !== state.turn) return; // a newer look has come by while a picture was read
            if (!wish.canvas) return tell(state, told.words.no_picture);
        }
        const text = JSON.stringify(wish);
        if (text === state.sent) return;
        state.sent = text;
        state.changed = Date.now();
        ask(tab, state, text);
    }

    async function ask(tab, state, text) {
        const number = ++state.number;
        const began = performance.now();
        let answer, body;
        try {
            answer = await fetch("./fewstep/v1/live", {
                method: "POST", headers: { "Content-Type": "application/json" },
                body: `${text.slice(0, -1)},"page":${JSON.stringify(state.page)},"number":${number}}`,
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

    // Many events of one moment are one look.
    const soon = {};
    function changed(tab) {
        if (soon[tab] || document.hidden || !isOn(tab)) return;
        soon[tab] = setTimeout(() => {
            soon[tab] = 0;
            if (isOn(tab)) byId(`fewstep_${tab}_live_look`).click();
        }, EVENT_MS);
    }

    // The seed is fixed from then on, in sight, so that Generate makes the same picture.
    let watching = 0;
    function switched(tab) {
        const state = tabs[tab];
        if (isOn(tab) && state) {
            state.sent = "";
            state.changed = Date.now();
        }
        if (isOn(tab)) {
            const field = seedField(tab);
            if (field && Number(field.value) < 0) setSeed(tab, randomSeed());
        }
        changed(tab);
        clearInterval(watching);
        watching = TABS.some(isOn) ? setInterval(watch, WATCH_MS) : 0;
    }

    function watch() {
        for (const tab of TABS.filter((each) => tabs[each] && isOn(each))) {
            if (Date.now() - tabs[tab].changed > IDLE_MINUTES * 60000) {
                stop(tab, fill(tabs[tab].told.words.idle, { minutes: IDLE_MINUTES }));
            }
        }
        TABS.forEach(changed);
    }

    function wire(tab) {
        const checkbox = box(tab);
        if (tab === "img2img") fewstepCanvas.watch(() => changed(tab));
        if (!checkbox || checkbox.dataset.fewstepLive) return;
        checkbox.dataset.fewstepLive = "yes";
        byId(`fewstep_${tab}_live`).classList.add("fewstep-live-ready");
        checkbox.addEventListener("change", () => switched(tab));
        for (const name of ["interrupt", "interrupting"]) {
            const button = byId(`${tab}_${name}`);
            if (button) button.addEventListener("click", () => isOn(tab) && stop(tab, tabs[tab] ? tabs[tab].told.words.interrupted : ""));
        }
    }

    document.addEventListener("visibilitychange", () => {
        for (const tab of TABS.filter((each) => tabs[each] && isOn(each))) {
            if (document.hidden) tell(tabs[tab], tabs[tab].told.words.hidden);
            else {
                tabs[tab].sent = "";
                changed(tab);
            }
        }
    });
    onUiUpdate(() => TABS.forEach(wire));

    return { look, changed };
})();
