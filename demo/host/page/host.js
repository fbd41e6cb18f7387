// What the WebUI's page gives to extensions' scripts.
"use strict";

const uiCallbacks = {loaded: [], update: [], afterUpdate: [], tabChange: [], options: []};
var opts = {};

function gradioApp() {
    const app = document.querySelector("gradio-app");
    const root = app ? app.shadowRoot || app : document;
    if (!root.getElementById) root.getElementById = (id) => document.getElementById(id);
    return root;
}

function onUiLoaded(callback) { uiCallbacks.loaded.push(callback); }
function onUiUpdate(callback) { uiCallbacks.update.push(callback); }
function onAfterUiUpdate(callback) { uiCallbacks.afterUpdate.push(callback); }
function onUiTabChange(callback) { uiCallbacks.tabChange.push(callback); }
function onOptionsAvailable(callback) {
    if (Object.keys(opts).length) callback();
    else uiCallbacks.options.push(callback);
}

function runCallbacks(callbacks, argument) {
    for (const callback of callbacks) {
        try { callback(argument); } catch (error) { console.error("callback failed", callback, error); }
    }
}

/** Tell gradio that a script changed an input's value. */
function updateInput(target) {
    target.dispatchEvent(new Event("input", {bubbles: true}));
}

function tabButtons() { return [...gradioApp().querySelectorAll("#tabs > .tab-nav button, #tabs button[role=tab]")]; }
function get_uiCurrentTab() {
    return tabButtons().find((button) => button.classList.contains("selected")) || null;
}
function get_uiCurrentTabContent() {
    return [...gradioApp().querySelectorAll("#tabs > .tabitem")].find((tab) => tab.style.display !== "none") || null;
}
function switchToTab(name) {
    const button = tabButtons().find((candidate) => candidate.textContent.trim() === name);
    if (button) button.click();
    return [];
}
function switch_to_txt2img() { return switchToTab("txt2img"); }
function switch_to_img2img() { return switchToTab("img2img"); }

/** InputAccordion: the accordion's being open and the hidden checkbox follow each other. */
function inputAccordionParts(id) {
    const accordion = gradioApp().getElementById(id);
    return {label: accordion.querySelector(".label-wrap"), box: gradioApp().querySelector(`#${id}-checkbox input`)};
}
function inputAccordionChecked(id, checked) {
    const {label} = inputAccordionParts(id);
    const box = label.querySelector("input");
    if (box) box.checked = checked;
    if (checked && !label.classList.contains("open")) label.click();
}
function setUpInputAccordion(accordion) {
    const {label, box} = inputAccordionParts(accordion.id);
    if (!label || !box) return;
    const visible = document.createElement("input");
    visible.type = "checkbox";
    visible.className = "input-accordion-checkbox";
    visible.id = `${accordion.id}-visible-checkbox`;
    visible.checked = box.checked;
    const span = label.querySelector("span");
    span.parentNode.insertBefore(visible, span);
    const extra = gradioApp().getElementById(`${accordion.id}-extra`);
    if (extra) label.insertBefore(extra, label.lastElementChild);
    let follows = true;
    const send = () => {
        if (box.checked !== visible.checked) box.click();
    };
    visible.addEventListener("click", (event) => { follows = false; event.stopPropagation(); });
    visible.addEventListener("input", send);
    new MutationObserver(() => {
        if (!follows) return;
        visible.checked = label.classList.contains("open");
        send();
    }).observe(label, {attributes: true, attributeFilter: ["class"]});
}

/** "Reload UI": wait until the server went away and came back. */
function reloadWhenBack() {
    document.body.innerHTML = "<h1 style='text-align:center;margin-top:20%'>Reloading...</h1>";
    const ask = () => fetch("/host/ping").then((answer) => { if (answer.ok) location.reload(); else again(); }, again);
    const again = () => setTimeout(ask, 500);
    setTimeout(ask, 2000);
    return [];
}

document.addEventListener("DOMContentLoaded", () => {
    let loaded = false, currentTab = null, timer = null;
    new MutationObserver((mutations) => {
        if (!loaded && gradioApp().querySelector("#txt2img_prompt")) {
            loaded = true;
            fetch("/host/opts").then((answer) => answer.json()).then((values) => {
                opts = values;
                runCallbacks(uiCallbacks.options);
            });
            runCallbacks(uiCallbacks.loaded);
        }
        runCallbacks(uiCallbacks.update, mutations);
        clearTimeout(timer);
        timer = setTimeout(() => runCallbacks(uiCallbacks.afterUpdate), 200);
        const tab = get_uiCurrentTab();
        if (tab && tab !== currentTab) {
            currentTab = tab;
            runCallbacks(uiCallbacks.tabChange);
        }
    }).observe(document.documentElement, {childList: true, subtree: true});
});

onUiLoaded(() => gradioApp().querySelectorAll(".input-accordion").forEach(setUpInputAccordion));
