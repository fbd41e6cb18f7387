// Few-Step Accelerator: what gradio cannot do by itself. Here is what its other scripts share, and what each update of the page does. They
// write attributes into what gradio draws, and the style sheet shows them. This file is the first by name, and hosts load it first.
(function () {
    "use strict";

    const page = window.fewstepPage = {};
    const TABS = ["txt2img", "img2img"];
    const app = () => gradioApp();
    const byId = (id) => app().getElementById ? app().getElementById(id) : app().querySelector("#" + id);
    const part = (tab, name) => byId(`fewstep_${tab}_${name}`);
    const inPart = (tab, name, what) => app().querySelector(`#fewstep_${tab}_${name} ${what}`);
    const isOpen = (tab) => Boolean(inPart(tab, "accordion", ".label-wrap.open"));
    const ask = (name) => fetch(new URL(`fewstep/v1/${name}`, document.baseURI)).then((answer) => answer.ok ? answer.json() : null, () => null);

    // Writing what is there already would call us again, for ever.
    function put(element, name, value) {
        if (!element) return;
        if (value === "" || value === null || value === undefined) {
            if (element.hasAttribute(name)) element.removeAttribute(name);
        } else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
    }

    function isOn(tab) {
        const box = app().querySelector(`#fewstep_${tab}_accordion-checkbox input`);
        return Boolean(box && box.checked);
    }

    // Which tabs make a comparison. Until it has begun nothing looks again: the panel tells of it.
    const comparing = {};
    // What Python has told of each tab last.
    const told = {};

    let greeted = false;
    onUiUpdate(() => {
        page.badgeNewCards();
        for (const tab of TABS) {
            page.followControls(tab);
            page.draw(tab);
        }
        if (greeted || !part("txt2img", "go")) return;
        greeted = true;
        page.listen();
        TABS.forEach(page.sync);
    });

    Object.assign(page, {TABS, app, byId, part, inPart, isOpen, isOn, put, ask, comparing, told});
})();
