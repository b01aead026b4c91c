// Modals: the top of the person's stack of views, in one dialog.

import { deed } from "./api.js";
import { blocks } from "./blocks.js";
import { avatar, fill, h, icon } from "./dom.js";
import { key } from "./elements.js";
import { collected, refusals } from "./inputs.js";
import { plain, textObject } from "./mrkdwn.js";

// A surface for the blocks of a view: what was typed lives in `values`, by view, over redraws.
export function viewSurface(view, world, { values, errors, run = deed }) {
  const as = world.me.id;
  return {
    id: view.id,
    world,
    values,
    errors,
    errorId: (block) => `error-${view.id}-${block.block_id}`,
    changed: (block) => {
      if (!errors?.[block.block_id]) return;
      delete errors[block.block_id];
      const line = document.getElementById(`error-${view.id}-${block.block_id}`);
      line?.closest(".input")?.classList.remove("invalid");
      line?.replaceChildren();
    },
    act: (block, spec, selected) =>
      run("view/action", {
        as,
        view_id: view.id,
        block_id: block.block_id,
        action_id: spec.action_id,
        selected,
        values: collected(view.blocks, values),
      }),
    options: (block, spec, value) =>
      suggestions({
        as,
        block_id: block.block_id,
        action_id: spec.action_id,
        value,
        view_id: view.id,
      }),
  };
}

export async function suggestions(question) {
  const answer = await deed("options", question);
  if (!answer.ok || answer.error)
    return { groups: [], note: answer.error ?? "No options: the app did not answer." };
  return { groups: answer.option_groups ?? [{ options: answer.options ?? [] }] };
}

// Redraws `into` and puts the caret back where it was.
export function redraw(into, make) {
  const was = document.activeElement;
  const action = into.contains(was) ? was.closest("[data-action]")?.dataset.action : null;
  const at = action && "selectionStart" in was ? was.selectionStart : null;
  const top = into.scrollTop;
  make();
  into.scrollTop = top;
  const again = action && into.querySelector(`[data-action="${CSS.escape(action)}"]`);
  if (!again) return false;
  const target = again.matches("input, textarea, button, a")
    ? again
    : again.querySelector("input, button");
  target?.focus();
  try {
    if (at !== null) target.setSelectionRange(at, at);
  } catch {
    /* a date field has no caret */
  }
  return true;
}

export class Modals {
  constructor(world) {
    this.world = world;
    this.values = new Map();
    this.errors = new Map();
    this.drawn = "";
    this.node = null;
    this.views = [];
  }

  show(views, world) {
    this.world = world;
    const fresh = views.at(-1);
    const same = JSON.stringify(views) === this.drawn;
    this.drawn = JSON.stringify(views);
    this.views = views;
    if (!fresh) return this.close();
    if (same && this.node) return undefined;
    this.errors.set(fresh.id, { ...fresh.state_errors });
    this.draw();
    return undefined;
  }

  close() {
    this.node?.close();
    this.node?.remove();
    this.node = null;
    this.values.clear();
    this.errors.clear();
    this.drawn = "";
  }

  // A value kept for an element that is gone, or was replaced by another, is not sent.
  held(view) {
    const kept = this.values.get(view.id) ?? new Map();
    const present = new Set(
      view.blocks.flatMap((b) =>
        [b.element, b.accessory, ...(b.elements ?? [])]
          .filter((e) => e?.action_id)
          .map((e) => key(b, e)),
      ),
    );
    for (const at of kept.keys()) if (!present.has(at)) kept.delete(at);
    this.values.set(view.id, kept);
    return kept;
  }

  draw() {
    const view = this.views.at(-1);
    const opening = !this.node;
    if (opening) {
      this.node = h("dialog", { class: "modal" });
      this.node.addEventListener("cancel", (e) => {
        e.preventDefault();
        this.dismiss({ all: true });
      });
      document.body.append(this.node);
    }
    this.node.dataset.view = view.id;
    this.node.setAttribute("aria-label", plain(view.title));
    const surface = viewSurface(view, this.world, {
      values: this.held(view),
      errors: this.errors.get(view.id),
    });
    const body =
      this.node.querySelector(".dialog-body") ?? h("div", { class: "dialog-body blocks" });
    const kept = redraw(body, () => {
      fill(
        this.node,
        h(
          "form",
          {
            class: "modal-form",
            novalidate: true,
            submit: (e) => {
              e.preventDefault();
              this.submit(view);
            },
          },
          h(
            "header",
            { class: "dialog-head" },
            avatar(this.world.bot, 28),
            h("h2", {}, textObject(view.title, this.world)),
            h(
              "button",
              {
                type: "button",
                class: "icon-button",
                "aria-label": "Close",
                onclick: () => this.dismiss({ all: true }),
              },
              icon("close", 20),
            ),
          ),
          fill(body, blocks(view.blocks, surface)),
          h("p", { class: "modal-trouble", role: "alert" }),
          h(
            "footer",
            { class: "dialog-foot" },
            h(
              "button",
              { type: "button", class: "btn", onclick: () => this.dismiss() },
              view.close ? textObject(view.close, this.world) : view.submit ? "Cancel" : "Close",
            ),
            view.submit &&
              h(
                "button",
                { type: "submit", class: "btn primary" },
                textObject(view.submit, this.world),
              ),
          ),
        ),
      );
    });
    if (opening) this.node.showModal();
    if (!kept)
      (
        body.querySelector("[autofocus]") ??
        body.querySelector("input, textarea, select") ??
        this.node.querySelector(".dialog-foot .primary") ??
        this.node.querySelector(".dialog-foot .btn")
      )?.focus();
  }

  refuse(view, errors) {
    this.errors.set(view.id, errors);
    this.draw();
    this.focusWrong();
  }

  focusWrong() {
    const first = this.node?.querySelector(".input.invalid");
    first?.scrollIntoView({ block: "nearest" });
    first?.querySelector("input, textarea")?.focus();
  }

  async submit(view) {
    const button = this.node.querySelector("[type=submit]");
    if (!button || button.getAttribute("aria-busy") === "true") return;
    const values = this.held(view);
    const errors = refusals(view.blocks, values);
    if (Object.keys(errors).length) {
      this.refuse(view, errors);
      return;
    }
    button.setAttribute("aria-busy", "true");
    this.trouble("");
    const result = await deed("view/submit", {
      as: this.world.me.id,
      view_id: view.id,
      values: collected(view.blocks, values),
    });
    button.removeAttribute("aria-busy");
    // The errors that the app answered with come with the views, over the stream.
    if (result.response?.response_action === "errors") this.focusWrong();
  }

  // What Slack says inside the form when the app did not answer; false where no form is open.
  trouble(text) {
    if (!this.node) return false;
    this.node.querySelector(".modal-trouble").textContent = text;
    return true;
  }

  // The close button goes back one form, the cross and Esc leave all of them.
  dismiss({ all = false } = {}) {
    const view = this.views.at(-1);
    if (view) deed("view/close", { as: this.world.me.id, view_id: view.id, clear: all });
    this.views = all ? [] : this.views.slice(0, -1);
    this.drawn = JSON.stringify(this.views);
    if (this.views.length) this.draw();
    else this.close();
  }
}
