/* What the pages of Backup Manager do in the browser: rows that change by themselves, and previews
   of what a form would do. Everything works without it, only less conveniently. */
(function () {
  "use strict";

  // Rows that change: <div data-bm-live="seconds"> is fetched anew as a whole as long as the
  // server says that something in it still runs. One request for all rows.
  function poll(live) {
    window.setTimeout(function () {
      if (document.hidden || isBusy(live)) {
        poll(live);
        return;
      }
      fetch(liveUrl(), {credentials: "same-origin", headers: {"X-Requested-With": "XMLHttpRequest"}})
        .then(function (answer) {
          if (!answer.ok) { throw new Error(answer.status); }
          return answer.text();
        })
        .then(function (html) { renew(live, html); })
        // The next try may succeed; a session that has ended is told at the next click.
        .catch(function () { poll(live); });
    }, Number(live.dataset.bmLive) * 1000);
  }

  function liveUrl() {
    var url = new URL(window.location.href);
    url.searchParams.set("live", "1");
    return url;
  }

  // Somebody who has opened a menu, or marked rows, must not have them taken away.
  function isBusy(live) {
    return live.querySelector(".open, input:checked") || live.contains(document.activeElement);
  }

  function renew(live, html) {
    var made = new DOMParser().parseFromString(html, "text/html").querySelector("[data-bm-live]");
    if (!made) { return; }
    // A menu may have been opened while the answer was under way.
    if (isBusy(live)) {
      poll(live);
      return;
    }
    live.replaceWith(made);
    watch(made);
  }

  function watch(live) {
    if (Number(live.dataset.bmLive) > 0) { poll(live); }
  }

  // Previews: a form with <div data-bm-preview="url"> has its fields sent there whenever one of
  // them changes, and shows the answer in the div.
  var waiting = new WeakMap();

  function changed(event) {
    var form = event.target.closest && event.target.closest("form");
    if (!form) { return; }
    form.querySelectorAll("[data-bm-preview]").forEach(function (preview) {
      window.clearTimeout(waiting.get(preview));
      waiting.set(preview, window.setTimeout(function () { show(form, preview); }, 400));
    });
  }

  function show(form, preview) {
    fetch(preview.dataset.bmPreview, {
      method: "POST",
      body: new FormData(form),
      credentials: "same-origin",
      headers: {"X-Requested-With": "XMLHttpRequest"}
    }).then(function (answer) {
      if (!answer.ok) { throw new Error(answer.status); }
      return answer.text();
    }).then(function (html) {
      preview.innerHTML = html;
    }).catch(function () {
      preview.textContent = preview.dataset.bmFailed || "";
    });
  }

  function showAll(root) {
    root.querySelectorAll("form [data-bm-preview]").forEach(function (preview) {
      show(preview.closest("form"), preview);
    });
  }

  function start() {
    document.querySelectorAll("[data-bm-live]").forEach(watch);
    document.addEventListener("input", changed);
    document.addEventListener("change", changed);
    showAll(document);
    if (window.horizon && window.horizon.modals) {
      window.horizon.modals.addModalInitFunction(function (modal) { showAll(modal.jquery ? modal[0] : modal); });
    }
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
})();
