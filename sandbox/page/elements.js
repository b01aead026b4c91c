// Interactive Block Kit elements. A change goes to `surface.values` and, where Slack would send one, to `surface.act`.

import { confirmed } from "./dialogs.js";
import { h, icon, menu } from "./dom.js";
import { plain, safeUrl, textObject } from "./mrkdwn.js";
import { known, select } from "./select.js";
import { toLocal, toSeconds } from "./time.js";

export const key = (block, spec) => `${block.block_id}/${spec.action_id}`;
const label = (spec, block) =>
  plain(block.label ?? spec.text ?? spec.placeholder) || spec.accessibility_label || "Choose";

// What the element holds now: what the person left there, else what the app asked for.
export function held(block, spec, surface, initial) {
  const at = key(block, spec);
  if (!surface.values.has(at)) surface.values.set(at, initial ?? null);
  return surface.values.get(at);
}

export async function change(block, spec, surface, value, node, { send = true } = {}) {
  surface.values.set(key(block, spec), value);
  surface.changed?.(block);
  if (!send || (block.type === "input" && !block.dispatch_action)) return;
  await act(block, spec, surface, value, node);
}

async function act(block, spec, surface, value, node) {
  if (spec.confirm && !(await confirmed(spec.confirm, surface.world))) return;
  node?.setAttribute("aria-busy", "true");
  const result = await surface.act(block, spec, value);
  node?.removeAttribute("aria-busy");
  node?.classList.toggle("failed", !result.ok || result.acked === false);
}

function button(spec, block, surface) {
  const style = { primary: "btn primary", danger: "btn danger" }[spec.style] ?? "btn";
  const words = textObject(spec.text, surface.world);
  const href = spec.url && safeUrl(spec.url);
  const name = spec.accessibility_label ?? null;
  const node = href
    ? h(
        "a",
        { class: style, href, target: "_blank", rel: "noopener noreferrer", "aria-label": name },
        words,
      )
    : h("button", { type: "button", class: style, "aria-label": name }, words);
  node.dataset.action = spec.action_id;
  node.addEventListener("click", () => {
    if (node.getAttribute("aria-busy") !== "true") act(block, spec, surface, undefined, node);
  });
  return node;
}

function overflow(spec, block, surface) {
  const node = h(
    "button",
    { type: "button", class: "btn square", "aria-haspopup": "menu", "aria-label": "More options" },
    icon("more"),
  );
  node.addEventListener("click", () =>
    menu(
      node,
      (spec.options ?? []).map((option) => ({
        label: plain(option.text),
        run: () => {
          if (safeUrl(option.url ?? "")) window.open(option.url, "_blank", "noopener");
          act(block, spec, surface, option, node);
        },
      })),
    ),
  );
  return node;
}

const option = (id, text) => ({ value: id, text: { type: "plain_text", text } });

function conversations(world, filter = {}, kinds = ["public", "private", "im"]) {
  const wanted = filter.include ?? kinds;
  const kind = { channel: "public", private: "private", dm: "im" };
  return world.channels
    .filter((c) => wanted.includes(kind[c.kind]) && !c.archived)
    .map((c) => option(c.id, c.kind === "dm" ? world.title(c) : `# ${c.name}`));
}

// Where a menu's options come from, and whether its value is an option or a bare id.
function source(spec, block, surface) {
  const { world } = surface;
  const kind = spec.type.replace(/^multi_/, "");
  const groups = spec.option_groups ?? [{ options: spec.options ?? [] }];
  switch (kind) {
    case "static_select":
      return { load: known(groups) };
    case "external_select":
      return {
        load: (query) => surface.options(block, spec, query),
        minimum: spec.min_query_length ?? 3,
      };
    case "users_select":
      return {
        ids: "user",
        load: known([
          {
            options: world.people
              .filter((p) => p.id !== "USLACKBOT")
              .map((p) => option(p.id, p.real_name || p.name)),
          },
        ]),
      };
    case "channels_select":
      return { ids: "channel", load: known([{ options: conversations(world, {}, ["public"]) }]) };
    case "conversations_select":
      return { ids: "conversation", load: known([{ options: conversations(world, spec.filter) }]) };
    default:
      return null;
  }
}

function chooser(spec, block, surface) {
  const from = source(spec, block, surface);
  const multiple = spec.type.startsWith("multi_");
  let initial = multiple ? spec.initial_options : spec.initial_option;
  if (from.ids) {
    initial = multiple ? spec[`initial_${from.ids}s`] : spec[`initial_${from.ids}`];
    if (!initial && spec.default_to_current_conversation && surface.conversation)
      initial = multiple ? [surface.conversation] : surface.conversation;
  }
  const now = held(block, spec, surface, initial ?? (multiple ? [] : null));
  const all = from.ids ? from.load("").groups[0].options : null;
  const asOption = (v) => (all ? (all.find((o) => o.value === v) ?? option(v, v)) : v);
  const node = select({
    label: label(spec, block),
    placeholder: plain(spec.placeholder) || "Select an option",
    multiple,
    load: from.load,
    minimum: from.minimum,
    max: spec.max_selected_items,
    autofocus: spec.focus_on_load,
    describedby: surface.errorId?.(block),
    value: multiple ? (now ?? []).map(asOption) : now && asOption(now),
    onchange: (picked) => {
      const bare = (o) => (from.ids && o ? o.value : o);
      change(block, spec, surface, multiple ? picked.map(bare) : bare(picked), node);
    },
  });
  node.dataset.action = spec.action_id;
  return node;
}

function ticks(spec, block, surface) {
  const many = spec.type === "checkboxes";
  let now = held(
    block,
    spec,
    surface,
    many ? (spec.initial_options ?? []) : (spec.initial_option ?? null),
  );
  const has = (o) => (many ? now.some((n) => n.value === o.value) : now?.value === o.value);
  const group = h("div", {
    class: "ticks",
    role: many ? "group" : "radiogroup",
    "aria-label": label(spec, block),
    dataset: { action: spec.action_id },
  });
  const name = `r-${surface.id}-${key(block, spec)}`;
  for (const o of spec.options ?? []) {
    const input = h("input", {
      type: many ? "checkbox" : "radio",
      name: many ? null : name,
      checked: has(o),
    });
    input.addEventListener("change", () => {
      now = many ? (input.checked ? [...now, o] : now.filter((n) => n.value !== o.value)) : o;
      change(block, spec, surface, now, group);
    });
    group.append(
      h(
        "label",
        { class: "tick" },
        input,
        h(
          "span",
          {},
          textObject(o.text, surface.world),
          o.description &&
            h("span", { class: "dim tick-hint" }, textObject(o.description, surface.world)),
        ),
      ),
    );
  }
  return group;
}

function moment(spec, block, surface) {
  const zone = surface.world.me.tz;
  const [type, initial] = {
    datepicker: ["date", spec.initial_date],
    timepicker: ["time", spec.initial_time],
    datetimepicker: ["datetime-local", spec.initial_date_time],
  }[spec.type];
  const now = held(block, spec, surface, initial);
  const unix = spec.type === "datetimepicker";
  const input = h("input", {
    type,
    class: "field-input moment",
    "aria-label": label(spec, block),
    value: now ? (unix ? toLocal(now, zone) : now) : "",
    "aria-describedby": surface.errorId?.(block),
    dataset: { action: spec.action_id },
  });
  input.addEventListener("change", () =>
    change(
      block,
      spec,
      surface,
      input.value ? (unix ? toSeconds(input.value, zone) : input.value) : null,
      input,
    ),
  );
  return input;
}

function written(spec, block, surface) {
  const tag = spec.type === "plain_text_input" && spec.multiline ? "textarea" : "input";
  const [type, initial] = {
    number_input: ["text", spec.initial_value],
    email_text_input: ["email", spec.initial_value],
    url_text_input: ["url", spec.initial_value],
  }[spec.type] ?? ["text", spec.initial_value];
  const input = h(tag, {
    type: tag === "input" ? type : null,
    class: "field-input",
    rows: tag === "textarea" ? 4 : null,
    "aria-label": label(spec, block),
    placeholder: plain(spec.placeholder),
    value: held(block, spec, surface, initial) ?? "",
    maxlength: spec.max_length ?? null,
    inputmode: spec.type === "number_input" ? "decimal" : null,
    autocomplete: "off",
    "aria-required": block.optional ? null : "true",
    "aria-describedby": surface.errorId?.(block),
    dataset: { action: spec.action_id },
    ...(spec.focus_on_load && { autofocus: true }),
  });
  const when = spec.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  input.addEventListener("input", () =>
    change(block, spec, surface, input.value || null, null, {
      send: when.includes("on_character_entered"),
    }),
  );
  if (block.dispatch_action && when.includes("on_enter_pressed"))
    input.addEventListener("keydown", (e) => {
      if (e.key !== "Enter" || e.shiftKey) return;
      e.preventDefault();
      change(block, spec, surface, input.value || null, input);
    });
  return input;
}

function feedback(spec, block, surface) {
  return h(
    "span",
    { class: "feedback" },
    [spec.positive_button, spec.negative_button].filter(Boolean).map((b) => {
      const node = h(
        "button",
        { type: "button", class: "btn small", "aria-label": b.accessibility_label ?? null },
        textObject(b.text, surface.world),
      );
      node.addEventListener("click", () => act(block, spec, surface, b, node));
      return node;
    }),
  );
}

export function element(spec, block, surface) {
  if (/^(multi_)?(static|external|users|channels|conversations)_select$/.test(spec.type))
    return chooser(spec, block, surface);
  switch (spec.type) {
    case "button":
      return button(spec, block, surface);
    case "icon_button":
      return button({ ...spec, style: null }, block, surface);
    case "overflow":
      return overflow(spec, block, surface);
    case "feedback_buttons":
      return feedback(spec, block, surface);
    case "checkboxes":
    case "radio_buttons":
      return ticks(spec, block, surface);
    case "datepicker":
    case "timepicker":
    case "datetimepicker":
      return moment(spec, block, surface);
    case "plain_text_input":
    case "number_input":
    case "email_text_input":
    case "url_text_input":
      return written(spec, block, surface);
    default:
      return h("span", { class: "unsupported" }, `[unsupported element ${spec.type}]`);
  }
}
