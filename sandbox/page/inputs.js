// Input blocks: label, hint, error line, and what Slack's own client refuses before it asks the app.

import { element, key } from "./elements.js";
import { h, icon } from "./dom.js";
import { plain, textObject } from "./mrkdwn.js";

export function inputBlock(block, surface) {
  const error = surface.errors?.[block.block_id];
  return h(
    "div",
    { class: error ? "input invalid" : "input" },
    h(
      "div",
      { class: "input-label" },
      textObject(block.label, surface.world),
      block.optional && h("span", { class: "dim" }, " (optional)"),
    ),
    element(block.element, block, surface),
    h(
      "div",
      { class: "input-error", role: "alert", id: surface.errorId?.(block) ?? null },
      error && [icon("warning", 15), h("span", {}, error)],
    ),
    block.hint && h("div", { class: "input-hint" }, textObject(block.hint, surface.world)),
  );
}

const empty = (value) =>
  value === null || value === undefined || value === "" || (Array.isArray(value) && !value.length);

function wrong(block, value) {
  const spec = block.element;
  if (empty(value)) return block.optional ? null : "Please complete this required field.";
  const text = String(value);
  if (spec.min_length && text.length < spec.min_length)
    return `Please enter at least ${spec.min_length} characters.`;
  if (spec.type === "number_input") {
    if (!/^-?\d+(\.\d+)?$/.test(text)) return "Please enter a number.";
    if (!spec.is_decimal_allowed && text.includes(".")) return "Please enter a whole number.";
    if (spec.min_value !== undefined && Number(text) < Number(spec.min_value))
      return `Please enter ${spec.min_value} or more.`;
    if (spec.max_value !== undefined && Number(text) > Number(spec.max_value))
      return `Please enter ${spec.max_value} or less.`;
  }
  if (spec.type === "email_text_input" && !/^\S+@\S+\.\S+$/.test(text))
    return "Please enter a valid email address.";
  if (spec.type === "url_text_input" && !URL.canParse(text))
    return "Please enter a valid URL, such as https://example.com.";
  return null;
}

export function refusals(list, values) {
  const found = {};
  for (const block of list.filter((b) => b.type === "input")) {
    const reason = wrong(block, values.get(key(block, block.element)));
    if (reason) found[block.block_id] = reason;
  }
  return found;
}

const raw = (value) =>
  Array.isArray(value) ? value.map(raw) : value && typeof value === "object" ? value.value : value;

// {block_id: {action_id: raw value}} for everything in the view that holds one.
export function collected(list, values) {
  const out = {};
  for (const block of list)
    for (const spec of [
      block.element,
      block.accessory,
      ...(block.type === "actions" ? (block.elements ?? []) : []),
    ]) {
      if (!spec?.action_id || !values.has(key(block, spec))) continue;
      (out[block.block_id] ??= {})[spec.action_id] = raw(values.get(key(block, spec)));
    }
  return out;
}

export const viewTitle = (view) => plain(view.title) || "";
