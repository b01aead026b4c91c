// The only way this page makes elements. Text always becomes a text node, never markup, so nothing
// that a person or a bot wrote can become an element or a script.

const SVG = "http://www.w3.org/2000/svg";

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(key.replace(/^on/, ""), value);
    else if (key === "style")
      for (const [k, v] of Object.entries(value)) node.style.setProperty(k, v);
    else if (key === "dataset") Object.assign(node.dataset, value);
    else if (key === "value") node.value = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...present(children));
  return node;
}

export function present(children) {
  return children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false);
}

export function fill(node, ...children) {
  node.replaceChildren(...present(children));
  return node;
}

// Paths on a 20x20 grid, stroked in the current colour.
const ICONS = {
  hash: "M7.5 3 5.5 17M14.5 3l-2 14M3.5 7.5h13.5M3 12.5h13.5",
  lock: "M5 9h10v8H5zM7 9V6.5a3 3 0 0 1 6 0V9",
  home: "M3 9.5 10 3.5l7 6V17h-4.500v-4.500h-5V17H3z",
  bell: "M5 14V9a5 5 0 0 1 10 0v5l1.500 1.500h-13zM8.500 17.500h3",
  chat: "M3 4.500h14v9.500H9l-4 3.500V14H3z",
  bolt: "M11 2.500 4.500 11.500H9.500L9 17.500l6.500-9H10.500z",
  close: "M5 5l10 10M15 5 5 15",
  back: "M12.500 4 6.500 10l6 6",
  more: "M10 4.500v.1M10 10v.1M10 15.500v.1",
  send: "M3.500 3.500 17 10 3.500 16.500 5.500 10zM5.500 10H11",
  eye: "M2.500 10C5 5.500 15 5.500 17.500 10 15 14.500 5 14.500 2.500 10zM10 8a2 2 0 1 1 0 4 2 2 0 0 1 0-4z",
  pin: "M7 3h6l-1 5 2.500 3h-9L8 8zM10 11v6",
  file: "M5 2.500h7l3.500 3.500v11.500H5zM12 2.500V6h3.500M7.500 10h5M7.500 13h5",
  download: "M10 3v9.500M6 9l4 4 4-4M4 16.500h12",
  down: "M5.500 8 10 12.500 14.500 8",
  caret: "M6 8l4 4 4-4z",
  check: "M4 10.500 8 14.500 16 6",
  warning: "M10 3 18 16.500H2zM10 8v4M10 14.200v.1",
  info: "M10 2.500a7.500 7.500 0 1 1 0 15 7.500 7.500 0 0 1 0-15zM10 9v5M10 6.300v.1",
  bold: "M6 3.500h5a3 3 0 0 1 0 6H6zM6 9.500h6a3.300 3.300 0 0 1 0 7H6z",
  italic: "M8.500 3.500h6M5.500 16.500h6M11.500 3.500l-3 13",
  strike:
    "M3 10h14M14 6c-.5-4-8-3.500-8 .5 0 1.500 1 2.500 2.500 3.500M6 14c.5 3.500 8.500 3.500 8.500 0 0-.7-.3-1.500-.8-2",
  quote: "M3.500 4v12M7 5.500h10M7 10h10M7 14.500h7",
  code: "M7 5 2.500 10 7 15M13 5l4.500 5L13 15",
  codeblock: "M3 3.500h14v13H3zM7.500 7.500 5.500 10l2 2.500M12.500 7.500l2 2.500-2 2.500",
  at: "M13 10a3 3 0 1 1-6 0 3 3 0 0 1 6 0zM13 7v4.500c0 2 4 2 4-1.500a7 7 0 1 0-3 5.700",
  slash: "M3 3.500h14v13H3zM12 6.500l-4 7",
  people:
    "M7.500 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 16.500c0-6 11-6 11 0M13 3.800a3 3 0 0 1 0 5.500M15 11.800c2 .7 3 2.300 3 4.700",
  calendar: "M3.500 5h13v12h-13zM3.500 8.500h13M7 3v3.500M13 3v3.500",
};

export function icon(name, size = 18) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [k, v] of Object.entries({
    viewBox: "0 0 20 20",
    width: size,
    height: size,
    fill: name === "caret" ? "currentColor" : "none",
    stroke: "currentColor",
    "stroke-width": name === "more" ? 2.6 : 1.6,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
    "aria-hidden": "true",
    class: "icon",
  }))
    svg.setAttribute(k, v);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// Letters on the person's colour; an app gets two posts and a rail.
export function avatar(person, size = 36) {
  const box = h("span", { class: "avatar", "aria-hidden": "true" });
  box.style.setProperty("--size", `${size}px`);
  if (person?.is_bot && person.id !== "USLACKBOT") {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 36 36");
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", "M5 21 31 10M11 18.500V29M25 12.500V29M6 29h24");
    svg.append(path);
    box.classList.add("app");
    box.append(svg);
    return box;
  }
  const name = person?.real_name || person?.name || "?";
  const words = name.trim().split(/\s+/);
  box.textContent = (words[0][0] + (words.length > 1 ? words.at(-1)[0] : "")).toUpperCase();
  box.style.background = person?.color || "#616061";
  return box;
}

// A floating box by an anchor, in the browser's top layer so that no scroller clips it. It lives in
// the anchor's dialog when there is one: outside of it, it would be inert.
export function popup(anchor, content, { className = "", matchWidth = false, onclose } = {}) {
  const box = h("div", { class: `popup ${className}`, popover: "manual" }, content);
  (anchor.closest("dialog") ?? document.body).append(box);
  box.showPopover();
  const place = () => {
    const at = anchor.getBoundingClientRect();
    box.style.left = "0";
    if (matchWidth) box.style.width = `${Math.max(at.width, 220)}px`;
    const size = box.getBoundingClientRect();
    const left = Math.min(at.left, innerWidth - size.width - 8);
    const below = at.bottom + 4 + size.height < innerHeight || at.top < size.height + 8;
    box.style.left = `${Math.max(8, left)}px`;
    box.style.top = `${Math.max(8, below ? at.bottom + 4 : at.top - size.height - 4)}px`;
  };
  const close = () => {
    if (!box.isConnected) return;
    document.removeEventListener("pointerdown", outside, true);
    document.removeEventListener("keydown", escape, true);
    window.removeEventListener("resize", place);
    box.remove();
    onclose?.();
  };
  const outside = (e) => {
    if (!box.contains(e.target) && !anchor.contains(e.target)) close();
  };
  const escape = (e) => {
    if (e.key !== "Escape") return;
    e.preventDefault();
    e.stopPropagation();
    close();
    if (!anchor.matches("input, textarea")) anchor.focus?.();
  };
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("keydown", escape, true);
  window.addEventListener("resize", place);
  place();
  return { box, close, place };
}

// A menu of buttons by an anchor: arrows move, Enter picks, Esc closes.
// items: [{label, hint?, danger?, run}] or "-" for a line.
export function menu(anchor, items, options = {}) {
  const list = h("div", {
    role: "menu",
    class: "menu",
    ...(options.label && { "aria-label": options.label }),
  });
  const shown = popup(anchor, list, { className: "menu-popup", ...options });
  for (const item of items) {
    if (item === "-") {
      list.append(h("div", { class: "menu-line", role: "separator" }));
      continue;
    }
    list.append(
      h(
        "button",
        {
          type: "button",
          role: "menuitem",
          class: item.danger ? "menu-item danger" : "menu-item",
          onclick: () => {
            shown.close();
            item.run();
          },
        },
        item.icon,
        h("span", { class: "menu-label" }, item.label),
        item.hint && h("span", { class: "menu-hint" }, item.hint),
      ),
    );
  }
  list.addEventListener("keydown", (e) => {
    const all = [...list.querySelectorAll("[role=menuitem]")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
  });
  shown.place();
  list.querySelector("[role=menuitem]")?.focus();
  return shown;
}
