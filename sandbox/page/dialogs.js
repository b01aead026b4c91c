// Small dialogs: Block Kit's confirm, and toasts.

import { h, icon } from "./dom.js";
import { textObject } from "./mrkdwn.js";

// A modal <dialog> that is removed when it closes; Esc closes it.
export function dialog(className, label, ...content) {
  const node = h("dialog", { class: className, "aria-label": label }, content);
  document.body.append(node);
  node.addEventListener("close", () => node.remove());
  node.showModal();
  return node;
}

export function confirmed(spec, world) {
  return new Promise((resolve) => {
    const node = dialog("confirm", spec.title?.text ?? "Confirm");
    const answer = (yes) => {
      resolve(yes);
      node.close();
    };
    node.addEventListener("cancel", () => resolve(false));
    const yes = h(
      "button",
      {
        type: "button",
        class: spec.style === "danger" ? "btn danger" : "btn primary",
        onclick: () => answer(true),
      },
      textObject(spec.confirm, world),
    );
    node.append(
      h(
        "header",
        { class: "dialog-head" },
        h("h2", {}, textObject(spec.title, world)),
        h(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": "Close",
            onclick: () => answer(false),
          },
          icon("close"),
        ),
      ),
      h("div", { class: "dialog-body text" }, textObject(spec.text, world, { block: true })),
      h(
        "footer",
        { class: "dialog-foot" },
        h(
          "button",
          { type: "button", class: "btn", onclick: () => answer(false) },
          textObject(spec.deny, world),
        ),
        yes,
      ),
    );
    yes.focus();
  });
}

const TOAST_MS = 8000;

// The same words twice are one toast: the server and the page may both notice one failure.
export function toast(text) {
  const tray = document.querySelector("#toasts");
  if ([...tray.children].some((t) => t.dataset.text === text)) return;
  const node = h(
    "div",
    { class: "toast", dataset: { text } },
    icon("warning"),
    h("span", {}, text),
    h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": "Dismiss",
        onclick: () => node.remove(),
      },
      icon("close", 14),
    ),
  );
  tray.append(node);
  tray.hidePopover?.();
  tray.showPopover?.();
  setTimeout(() => {
    node.remove();
    if (!tray.children.length) tray.hidePopover?.();
  }, TOAST_MS);
}
