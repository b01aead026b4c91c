// One select for every Block Kit menu: type to filter, arrows to move, Enter to pick, many or one.

import { h, icon, popup } from "./dom.js";
import { plain } from "./mrkdwn.js";

const PAUSE_MS = 180;
let ids = 0;

// load(query) -> {groups: [{label?, options}], note?}; `minimum` letters before it is asked.
export function select({
  label,
  placeholder,
  multiple,
  value,
  load,
  minimum = 0,
  max,
  onchange,
  autofocus,
  describedby,
}) {
  const id = `select-${++ids}`;
  let chosen = multiple ? [...(value ?? [])] : value ? [value] : [];
  let open = null;
  let shown = [];
  let active = -1;
  let timer = null;
  let asked = 0;

  const input = h("input", {
    type: "text",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": label,
    "aria-expanded": "false",
    "aria-controls": id,
    "aria-autocomplete": "list",
    "aria-describedby": describedby,
    class: "select-input",
    ...(autofocus && { autofocus: true }),
  });
  const chips = h("span", { class: "chips" });
  const box = h(
    "div",
    { class: multiple ? "select many" : "select" },
    chips,
    input,
    icon("caret", 18),
  );

  const same = (a, b) => a.value === b.value;
  const settle = () => {
    input.placeholder = multiple && chosen.length ? "" : placeholder;
    if (!multiple) input.value = chosen.length ? plain(chosen[0].text) : "";
    chips.replaceChildren(
      ...(multiple ? chosen : []).map((o) =>
        h(
          "span",
          { class: "chip" },
          plain(o.text),
          h(
            "button",
            { type: "button", "aria-label": `Remove ${plain(o.text)}`, onclick: () => drop(o) },
            icon("close", 11),
          ),
        ),
      ),
    );
  };
  const emit = () => onchange(multiple ? chosen : (chosen[0] ?? null));
  const drop = (option) => {
    chosen = chosen.filter((c) => !same(c, option));
    settle();
    emit();
  };

  const pick = (option) => {
    if (!multiple) {
      chosen = [option];
      settle();
      close();
    } else {
      if (chosen.some((c) => same(c, option))) chosen = chosen.filter((c) => !same(c, option));
      else if (!max || chosen.length < max) chosen = [...chosen, option];
      input.value = "";
      settle();
      paint(last);
    }
    emit();
  };

  const list = h("div", {
    role: "listbox",
    id,
    class: "options",
    "aria-multiselectable": multiple ? "true" : null,
    "aria-label": label,
  });
  let last = { groups: [] };
  const mark = (index) => {
    active = index;
    shown.forEach(([node], i) => node.classList.toggle("active", i === index));
    shown[index]?.[0].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", shown[index]?.[0].id ?? "");
  };
  const paint = (result) => {
    last = result;
    shown = [];
    list.replaceChildren();
    for (const group of result.groups) {
      if (group.label && group.options.length)
        list.append(h("div", { class: "option-group" }, plain(group.label)));
      for (const option of group.options) {
        const on = chosen.some((c) => same(c, option));
        const node = h(
          "div",
          {
            role: "option",
            id: `${id}-${shown.length}`,
            class: "option",
            "aria-selected": on ? "true" : "false",
            pointerdown: (e) => e.preventDefault(),
            click: () => pick(option),
          },
          h(
            "span",
            { class: "option-text" },
            plain(option.text),
            option.description && h("span", { class: "option-hint" }, plain(option.description)),
          ),
          on && icon("check", 16),
        );
        node.addEventListener("pointermove", () => {
          if (shown[active]?.[0] !== node) mark(shown.findIndex(([n]) => n === node));
        });
        shown.push([node, option]);
        list.append(node);
      }
    }
    const note = result.note ?? (shown.length ? null : "No results");
    if (note) list.append(h("div", { class: "option-note", role: "status" }, note));
    mark(shown.length ? 0 : -1);
    open?.place();
  };

  const ask = async (query) => {
    const mine = ++asked;
    if (query.length < minimum)
      return paint({
        groups: [],
        note: `Type ${minimum === 1 ? "a letter" : `${minimum} letters`} to search`,
      });
    const pending = load(query);
    if (pending instanceof Promise) paint({ groups: [], note: "Loading…" });
    const result = await pending;
    if (mine === asked && open) paint(result);
    return undefined;
  };
  const query = () =>
    !multiple && chosen.length && input.value === plain(chosen[0].text) ? "" : input.value.trim();

  function show() {
    if (open) return;
    open = popup(box, list, {
      matchWidth: true,
      className: "options-popup",
      onclose: () => {
        open = null;
        asked += 1;
        input.setAttribute("aria-expanded", "false");
        settle();
        if (multiple) input.value = "";
      },
    });
    input.setAttribute("aria-expanded", "true");
    ask(query());
  }
  function close() {
    open?.close();
  }

  box.addEventListener("click", (e) => {
    if (e.target.closest(".chip")) return;
    input.focus();
    show();
  });
  input.addEventListener("focus", () => input.select());
  input.addEventListener("blur", () => close());
  input.addEventListener("input", () => {
    show();
    clearTimeout(timer);
    timer = setTimeout(() => open && ask(query()), PAUSE_MS);
  });
  input.addEventListener("keydown", (e) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step) {
      e.preventDefault();
      if (!open) show();
      else if (shown.length) mark((active + step + shown.length) % shown.length);
    } else if (e.key === "Enter" && open) {
      e.preventDefault();
      if (shown[active]) pick(shown[active][1]);
    } else if (e.key === "Backspace" && multiple && !input.value && chosen.length)
      drop(chosen.at(-1));
  });
  settle();
  return box;
}

// Options already known, filtered by what is typed.
export function known(groups) {
  return (query) => {
    const wanted = query.toLowerCase();
    return {
      groups: groups.map((g) => ({
        ...g,
        options: g.options.filter((o) => plain(o.text).toLowerCase().includes(wanted)),
      })),
    };
  };
}
