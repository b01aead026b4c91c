// The fault switches: what goes wrong between Slack and the app, on purpose.

import { deed, get, post } from "./api.js";
import { dialog, toast } from "./dialogs.js";
import { h, icon } from "./dom.js";

const anyOn = (f) =>
  Boolean(
    f.rate_limit ||
    f.duplicate ||
    f.late ||
    f.lose ||
    f.kill_socket_mid_envelope ||
    f.web_api_down ||
    f.enforce_rate_limits,
  );

export async function markFaults(button) {
  try {
    button.classList.toggle("lit", anyOn(await get("/sandbox/faults")));
  } catch {
    button.classList.remove("lit");
  }
}

function row(label, hint, control) {
  return h(
    "label",
    { class: "fault" },
    h("span", {}, label, h("span", { class: "dim" }, hint)),
    control,
  );
}

export async function openFaults(button, reset) {
  let now = {};
  try {
    now = await get("/sandbox/faults");
  } catch {
    toast("The sandbox does not answer.");
    return;
  }
  const field = (name, type, props) =>
    h("input", { type, name, class: "field-input narrow", value: now[name] ?? 0, ...props });
  const duplicate = field("duplicate", "number", { min: 0, max: 1, step: 0.1 });
  const late = field("late", "number", { min: 0, step: 0.5 });
  const lose = field("lose", "number", { min: 0, max: 1, step: 0.1 });
  const kill = field("kill_socket_mid_envelope", "number", { min: 0, step: 1 });
  const method = field("method", "text", {
    value: now.rate_limit?.method ?? "",
    placeholder: "chat.postMessage or *",
  });
  const times = field("times", "number", { min: 1, value: now.rate_limit?.times ?? 1 });
  const wait = field("retry_after", "number", { min: 1, value: now.rate_limit?.retry_after ?? 1 });
  const down = h("input", { type: "checkbox", name: "web_api_down", checked: now.web_api_down });
  const enforce = h("input", {
    type: "checkbox",
    name: "enforce_rate_limits",
    checked: now.enforce_rate_limits,
  });
  method.classList.replace("narrow", "wide");
  const node = dialog("faults", "Faults");
  const close = () => {
    node.close();
    markFaults(button);
  };
  const send = (change) => deed("faults", change);
  const apply = async () => {
    const result = await send({
      duplicate: Number(duplicate.value),
      late: Number(late.value),
      lose: Number(lose.value),
      kill_socket_mid_envelope: Number(kill.value),
      web_api_down: down.checked,
      enforce_rate_limits: enforce.checked,
      rate_limit: method.value.trim()
        ? {
            method: method.value.trim(),
            retry_after: Number(wait.value),
            times: Number(times.value),
          }
        : null,
    });
    if (result.ok) close();
  };
  const disconnect = (reason, words) =>
    h(
      "button",
      { type: "button", class: "btn small", onclick: () => send({ disconnect: reason }) },
      words,
    );
  node.append(
    h(
      "form",
      {
        class: "modal-form",
        method: "dialog",
        submit: (e) => {
          e.preventDefault();
          apply();
        },
      },
      h(
        "header",
        { class: "dialog-head" },
        h("h2", {}, "Faults"),
        h(
          "button",
          { type: "button", class: "icon-button", "aria-label": "Close", onclick: close },
          icon("close"),
        ),
      ),
      h(
        "div",
        { class: "dialog-body" },
        h(
          "p",
          { class: "dim" },
          "What goes wrong between Slack and the app, on purpose. All off by default.",
        ),
        row("Rate limit a method", "answers 429 with Retry-After", method),
        row("429 how many times", "then it works again", times),
        row("Retry-After", "seconds", wait),
        row("Deliver twice", "probability, 0 to 1", duplicate),
        row("Deliver late", "seconds", late),
        row("Lose", "probability, 0 to 1", lose),
        row("Kill the socket mid-envelope", "the next so many envelopes", kill),
        row("Web API down", "every method answers 503", down),
        row("Enforce rate limits", "Slack's tiers", enforce),
        h(
          "div",
          { class: "fault" },
          h("span", {}, "Disconnect now", h("span", { class: "dim" }, "what Slack says first")),
          h(
            "span",
            { class: "fault-buttons" },
            disconnect("warning", "Warning"),
            disconnect("refresh_requested", "Refresh"),
            disconnect("link_disabled", "Link disabled"),
          ),
        ),
      ),
      h(
        "footer",
        { class: "dialog-foot" },
        h(
          "button",
          {
            type: "button",
            class: "btn danger",
            onclick: async () => {
              if ((await post("reset", {})).ok) {
                close();
                reset();
              }
            },
          },
          "Reset workspace",
        ),
        h("span", { class: "grow" }),
        h("button", { type: "button", class: "btn", onclick: close }, "Cancel"),
        h("button", { type: "submit", class: "btn primary" }, "Apply"),
      ),
    ),
  );
  duplicate.focus();
}
