// Files as cards: a picture or the first lines where that helps, and always a download.

import { h, icon } from "./dom.js";

const PREVIEW_LINES = 6;
const PREVIEW_BYTES = 200_000;

function bytes(size) {
  if (size < 1000) return `${size} bytes`;
  return size < 1e6 ? `${Math.round(size / 1000)} kB` : `${(size / 1e6).toFixed(1)} MB`;
}

function snippet(file) {
  const pre = h("pre", { class: "snippet" });
  fetch(file.url)
    .then((r) => (r.ok ? r.text() : ""))
    .then((text) => {
      const lines = text.trimEnd().split("\n");
      pre.textContent = lines.slice(0, PREVIEW_LINES).join("\n");
      if (lines.length > PREVIEW_LINES)
        pre.after(h("div", { class: "file-more" }, `+${lines.length - PREVIEW_LINES} more lines`));
    })
    .catch(() => pre.remove());
  return pre;
}

export function fileCard(file) {
  const name = file.title || file.name;
  const kind = file.mimetype ?? "";
  const head = h(
    "div",
    { class: "file" },
    h("span", { class: "file-icon" }, icon("file", 22)),
    h(
      "span",
      { class: "file-words" },
      h("strong", {}, name),
      h(
        "span",
        { class: "dim" },
        `${(file.name ?? "").split(".").pop().toUpperCase()} · ${bytes(file.size ?? 0)}`,
      ),
    ),
    h(
      "a",
      {
        class: "icon-button",
        href: file.url,
        download: file.name,
        "aria-label": `Download ${name}`,
        title: "Download",
      },
      icon("download"),
    ),
  );
  if (kind.startsWith("image/"))
    return h(
      "div",
      { class: "file-card" },
      head,
      h("img", { class: "picture", src: file.url, alt: file.alt || name, loading: "lazy" }),
    );
  if (/^(text\/|application\/(json|x-ndjson|csv))/.test(kind) && file.size < PREVIEW_BYTES)
    return h("div", { class: "file-card" }, head, snippet(file));
  return h("div", { class: "file-card" }, head);
}
