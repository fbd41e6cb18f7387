// Measures what the page shows: run in the browser by test_screen.py.
() => {
    const root = document.querySelector("#fewstep_txt2img_accordion");
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const rgba = (color) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].map((value, i) => i === 3 ? value / 255 : value);
    };
    const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
    const behind = (element) => {
        const layers = [];
        for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
        return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
    };
    const light = (color) => {
        const [r, g, b] = color.map((value) => value / 255).map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (text, ground) => {
        const [a, b] = [light(over(text, ground)), light(ground)].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05);
    };
    const seen = (element) => element.getClientRects().length > 0 && getComputedStyle(element).visibility === "visible";
    const texts = [];
    const note = (element, text, style) => {
        texts.push({text: text.slice(0, 40), contrast: contrast(rgba(style.color), behind(element)), size: parseFloat(style.fontSize)});
    };
    for (const element of root.querySelectorAll("*")) {
        if (!seen(element) || element.closest("svg") || element.closest("select, option")) continue;
        const own = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.textContent.trim()).join("");
        if (own && !element.disabled) note(element, own, getComputedStyle(element));
        for (const pseudo of ["::before", "::after"]) {
            const style = getComputedStyle(element, pseudo);
            const content = style.content.replace(/^"|"$/g, "");
            if (content && !["none", "normal", "●", "•"].includes(content)) note(element, content, style);
        }
    }
    const body = document.querySelector("#fewstep_txt2img_body");
    const wide = [...body.querySelectorAll("*")].filter((element) => {
        if (!seen(element) || element.closest("svg, .icon")) return false; // a turned sign's box is not what is seen
        const box = element.getBoundingClientRect(), around = body.getBoundingClientRect();
        return box.right > around.right + 1.5 || box.left < around.left - 1.5;
    }).map((element) => `${element.tagName}.${element.className}`);
    const overlaps = [...body.querySelectorAll(".fewstep-cards label[data-mark] > span")].filter((span) => {
        const range = document.createRange();
        range.selectNodeContents(span);
        return span.scrollWidth > span.clientWidth + 1 || range.getBoundingClientRect().right > span.getBoundingClientRect().right + 1;
    }).length;
    const panel = document.querySelector("#fewstep_txt2img_status .fewstep-status");
    const look = getComputedStyle(panel);
    return {
        texts, wide, overlaps, state: panel.dataset.state, height: panel.getBoundingClientRect().height,
        border: look.borderLeftWidth, colour: look.borderLeftColor, icon: getComputedStyle(panel.querySelector("svg path")).fill,
        cards: (document.querySelector("#fewstep_txt2img_method")?.getBoundingClientRect().top ?? 0) - root.getBoundingClientRect().top,
        columns: new Set([...body.querySelectorAll(".fewstep-cards label")].filter(seen).map((label) => Math.round(label.getBoundingClientRect().left))).size,
    };
}
