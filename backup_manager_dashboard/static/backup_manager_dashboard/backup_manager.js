/* What the pages of Backup Manager do in the browser: rows that change by themselves, and previews
   of what a form would do. Everything works without it, only less conveniently. */
(function () {
  "use strict";

  // Rows that change: <div data-bm-live="seconds"> is fetched anew as a whole as long as the
  // server says that something in it still runs. One request for all rows. What runs, and as of
  // when, stands in the element [data-bm-live-note], which screen readers read out when the words
  // about what runs change, not each time.
  var LONGEST = 60;
  var next = null;
  var pause = 0;

  function watch(live) {
    pause = Number(live.dataset.bmLive);
    if (pause > 0) { wait(live, pause); }
  }

  function wait(live, seconds) {
    window.clearTimeout(next);
    next = window.setTimeout(function () { poll(live); }, seconds * 1000);
  }

  function poll(live) {
    // A page nobody sees is brought up to date when he looks at it again.
    if (document.hidden) { return; }
    if (isBusy(live)) {
      wait(live, 1);
      return;
    }
    fetch(liveUrl(), {credentials: "same-origin", headers: {"X-Requested-With": "XMLHttpRequest"}})
      .then(function (answer) {
        if (answer.status === 401 || answer.status === 403) {
          note(live, "bmEnded");
          return null;
        }
        if (!answer.ok) { throw new Error(answer.status); }
        return answer.text().then(function (html) { renew(live, html); });
      })
      .catch(function () {
        note(live, "bmLost");
        pause = Math.min(pause * 2, LONGEST);
        wait(live, pause);
      });
  }

  function liveUrl() {
    var url = new URL(window.location.href);
    url.searchParams.set("live", "1");
    return url;
  }

  // Who has opened a menu, marked rows or text, or is at a field or pressing a button must not have
  // it taken away.
  function isBusy(live) {
    var marked = window.getSelection();
    return live.querySelector(".open, input:checked, input:focus, select:focus, button:active, a:active") ||
      (marked && !marked.isCollapsed && marked.containsNode(live, true));
  }

  function renew(live, html) {
    // The page may have been brought up to date meanwhile because it was looked at again.
    if (!live.isConnected) { return; }
    var made = new DOMParser().parseFromString(html, "text/html").querySelector("[data-bm-live]");
    if (!made) {
      note(live, "bmEnded");
      return;
    }
    // A menu may have been opened while the answer was under way.
    if (isBusy(live)) {
      wait(live, 1);
      return;
    }
    var focused = live.contains(document.activeElement) ? document.activeElement : null;
    var like = focused && alike(live, focused).indexOf(focused);
    live.replaceWith(made);
    if (focused) { focus(alike(made, focused)[like]); }
    note(made, Number(made.dataset.bmLive) > 0 ? null : "bmDone");
    watch(made);
  }

  // The elements of a part that do the same as one of it.
  function alike(live, element) {
    return Array.prototype.filter.call(live.querySelectorAll(element.tagName), function (each) {
      return ["href", "name", "value"].every(function (name) {
        return each.getAttribute(name) === element.getAttribute(name);
      });
    });
  }

  // The focus stays where it was; if that is gone, it stays in the table.
  function focus(element) {
    var target = element || document.querySelector("[data-bm-live]");
    if (!element) { target.tabIndex = -1; }
    target.focus({preventScroll: true});
  }

  // What: one of the texts that the note brings with it; null for what the server says runs.
  function note(live, what) {
    document.querySelectorAll("[data-bm-live-note]").forEach(function (element) {
      var text = what ? element.dataset[what] : live.dataset.bmProgress;
      var status = element.querySelector("[role=status]");
      if (status.textContent !== text) { status.textContent = text; }
      if (what !== "bmLost" && what !== "bmEnded") {
        element.querySelector(".bm-live-updated").textContent = live.dataset.bmUpdated;
      }
    });
  }

  function seen() {
    var live = document.querySelector("[data-bm-live]");
    if (!document.hidden && live && Number(live.dataset.bmLive) > 0) { wait(live, 0); }
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

  // For screen readers: Horizon has no name for what closes a dialogue, says that the steps of a
  // workflow are tabs, but not of which elements, and calls lists what is none, its two panes.
  function nameParts(root) {
    var page = document.querySelector("[data-bm-close]");
    root.querySelectorAll("a.close[data-dismiss=modal]").forEach(function (close) {
      if (page) { close.setAttribute("aria-label", page.dataset.bmClose); }
    });
    root.querySelectorAll("ul.available_members, ul.members").forEach(function (pane) {
      pane.setAttribute("role", "group");
    });
    root.querySelectorAll("ul[role=tablist] > li").forEach(function (step) {
      step.setAttribute("role", "presentation");
      var tab = step.querySelector("a");
      if (tab) { tab.setAttribute("role", "tab"); }
    });
    // The arrow keys do the same in the field.
    root.querySelectorAll(".themable-spinner-btn").forEach(function (button) {
      button.tabIndex = -1;
      button.setAttribute("aria-hidden", "true");
    });
  }

  // Who goes on to another step with the keyboard finds himself at its first field, not at a button
  // that may be gone.
  function begin(event) {
    var at = document.activeElement;
    if (at && at.closest("[role=tab]")) { return; }
    var pane = document.querySelector(event.target.getAttribute("data-target") || event.target.hash);
    var fields = pane ? pane.querySelectorAll("input, select, textarea, button") : [];
    var first = Array.prototype.find.call(fields, function (field) {
      return field.offsetParent && field.tabIndex >= 0 && !field.disabled;
    });
    if (first) { first.focus(); }
  }

  // The buttons that move a volume from one pane to the other are called + and -, all of them.
  var members = 0;

  function nameMembers() {
    document.querySelectorAll("a[href='#add_remove']:not([role])").forEach(function (button) {
      var member = button.closest("ul").querySelector(".member");
      members += 1;
      button.id = "bm-move-" + members;
      member.id = "bm-member-" + members;
      button.setAttribute("role", "button");
      button.setAttribute("aria-labelledby", button.id + " " + member.id);
    });
  }

  // Horizon takes the Enter key away from them. The focus goes on to the next one in the pane.
  function move(event) {
    var button = event.target.closest && event.target.closest("a[href='#add_remove']");
    if (!button || (event.key !== "Enter" && event.key !== " ")) { return; }
    event.preventDefault();
    event.stopPropagation();
    var member = button.closest("ul");
    var next = member.nextElementSibling || member.previousElementSibling;
    button.click();
    ((next && next.querySelector("a[href='#add_remove']")) || button).focus();
  }

  // When a dialogue is closed the focus goes back to what opened it, or to the menu that this was in.
  var opener = null;

  function remember(event) {
    if (!event.target.closest(".modal")) { opener = event.target.closest("a, button"); }
  }

  // Horizon leaves the focus outside of the dialogue that asks whether one is sure.
  function enter(event) {
    var modal = event.target;
    if (!modal.contains(document.activeElement)) {
      modal.tabIndex = -1;
      modal.focus();
    }
  }

  function goBack() {
    if (!opener || !opener.isConnected || document.querySelector(".modal.in")) { return; }
    var group = opener.closest(".btn-group");
    var target = opener.offsetParent ? opener : group && group.querySelector(".dropdown-toggle");
    if (target) { target.focus(); }
  }

  // Horizon sets up the two panes of a workflow that is a page before it has what they are made of.
  if (window.horizon && window.horizon.templates) { window.horizon.templates.compile_templates(); }

  function start() {
    document.querySelectorAll("[data-bm-live]").forEach(watch);
    document.addEventListener("visibilitychange", seen);
    // Horizon's own selects tell of a change by jQuery only.
    window.jQuery(document).on("input change", changed);
    showAll(document);
    nameParts(document);
    document.addEventListener("click", remember, true);
    document.addEventListener("keydown", move, true);
    window.addEventListener("load", nameMembers);
    window.jQuery(document).on("shown.bs.modal shown.bs.tab", nameMembers);
    window.jQuery(document).on("shown.bs.modal", enter);
    window.jQuery(document).on("hidden.bs.modal", goBack);
    window.jQuery(document).on("shown.bs.tab", ".modal a", begin);
    window.jQuery(document).on("show.bs.modal", function (event) { nameParts(event.target); });
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
