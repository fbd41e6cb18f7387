// What takes a while, a download, a first look at many files, a comparison, is asked of our route until it is done; and another checkpoint,
// of which the host tells nobody, is waited for.
(function () {
    "use strict";

    const page = window.fewstepPage;
    const {TABS, app, inPart, ask, comparing, told} = page;
    const SLOW = ["downloading", "looking", "comparing"];
    const ASK_MS = 700, WATCH_MS = 1000;
    const pause = (ms) => new Promise((done) => setTimeout(done, ms));
    const isSlow = (now) => SLOW.includes(now.state);

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
        page.drawTitle(tab, told[tab]);
    }

    // Asked again only when the last answer is there: none can overtake another.
    async function watch(tab) {
        if (watching[tab]) return;
        watching[tab] = true;
        for (let idle = 0; isSlow(told[tab]);) {
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
        if (isSlow(told[tab])) TABS.forEach(page.sync);
    }

    // Forge and Neo tell nobody that another checkpoint was chosen; they take it up a moment later.
    let checkpoint, changed = false;
    setInterval(() => {
        const field = app().querySelector("#setting_sd_model_checkpoint input, .model_selection input");
        if (!field) return;
        const changedBefore = changed;
        changed = checkpoint !== undefined && field.value !== checkpoint;
        checkpoint = field.value;
        if (changed || changedBefore) TABS.forEach(page.syncIfSeen);
    }, WATCH_MS);

    let loaded;
    if (typeof onOptionsChanged === "function") {
        onOptionsChanged(() => {
            if (typeof opts === "undefined" || opts.sd_checkpoint_hash === loaded) return;
            loaded = opts.sd_checkpoint_hash;
            TABS.forEach(page.syncIfSeen);
        });
    }

    Object.assign(page, {watch, isSlow});
})();
