// What stands on img2img's canvas, for Live: gradio 3's canvas, Forge's, and plain pictures of either gradio.
var fewstepCanvas = (function () {
    "use strict";

    const KINDS = ["image", "sketch", "inpaint", "inpaint_sketch", "upload", "batch"]; // the hosts' tabs, in their order
    const find = (selector) => gradioApp().querySelector(selector);
    const fetched = { url: "", data: null };

    function selected(tabs) {
        const buttons = [...gradioApp().querySelectorAll(`#${tabs} > .tab-nav > button`)];
        return buttons.findIndex((button) => button.classList.contains("selected"));
    }

    const kind = () => KINDS[Math.max(0, selected("mode_img2img"))];

    async function fromUrl(url) {
        if (fetched.url === url) return fetched.data;
        const blob = await (await fetch(url)).blob();
        const data = await new Promise((resolve) => {
            const reader = new FileReader();
            reader.addEventListener("load", () => resolve(reader.result));
            reader.readAsDataURL(blob);
        });
        Object.assign(fetched, { url, data });
        return data;
    }

    // A component's value as a data URL; null without a picture.
    async function picture(value) {
        if (!value) return null;
        if (typeof value === "string") return value.startsWith("data:") ? value : fromUrl(value);
        if (value.image) return picture(value.image);
        return value.url ? fromUrl(value.url) : null;
    }

    // `values` by name ("inpaint.picture") -> what the server takes as `canvas`; null where there is no picture.
    async function read(values) {
        const name = kind();
        const shown = values[`${name}.picture`];
        const canvas = { kind: name, picture: await picture(shown) };
        if (!canvas.picture) return null;
        const painting = `${name}.painting`;
        const mask = shown.image ? shown.mask : values[`${name}.mask`];
        if (painting in values) canvas.painting = await picture(values[painting]);
        if (mask) canvas.mask = await picture(mask);
        if (name === "inpaint_sketch" && !(painting in values)) {
            const original = find("#inpaint_sketch img.absolute-img");
            canvas.original = original ? await picture(original.src) : null;
        }
        if (selected("img2img_tabs_resize") === 1) canvas.scale = values.scale;
        if (values.mask_transparency) canvas.mask_transparency = values.mask_transparency;
        return canvas;
    }

    // Neither a picture that came from elsewhere nor another tab of the canvas is an event for gradio: tells of both.
    function watch(told) {
        const canvases = find("#mode_img2img") || find("#img2img_image");
        if (!canvases || canvases.dataset.fewstepWatched) return;
        canvases.dataset.fewstepWatched = "yes";
        new MutationObserver(told).observe(canvases, { subtree: true, childList: true, attributes: true, attributeFilter: ["src"] });
        for (const tabs of ["#mode_img2img", "#img2img_tabs_resize"]) {
            const nav = find(`${tabs} > .tab-nav`);
            if (nav) nav.addEventListener("click", told);
        }
    }

    return { kind, read, watch };
})();
