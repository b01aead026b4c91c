// Block Kit to DOM nodes: what is only read. Interactive elements are in elements.js, inputs in inputs.js.

import { element } from "./elements.js";
import { fileCard } from "./files.js";
import { h, icon } from "./dom.js";
import { inputBlock } from "./inputs.js";
import { markdown, table } from "./markdown.js";
import { plain, textObject } from "./mrkdwn.js";
import { richText } from "./richtext.js";

// Pictures load only from the sandbox itself: nothing here reaches the internet.
export function picture(spec, surface, className) {
  const own =
    spec.slack_file &&
    surface.files?.find((f) => f.id === spec.slack_file.id || f.url === spec.slack_file.url);
  const url = own?.url ?? spec.slack_file?.url ?? spec.image_url ?? "";
  const alt = spec.alt_text ?? "";
  const local =
    url.startsWith("data:image/") ||
    new URL(url || "about:blank", location.href).host === location.host;
  if (!local)
    return h(
      "span",
      { class: `${className} no-image`, role: "img", "aria-label": alt, title: url },
      alt || "image",
    );
  return h("img", { class: className, src: url, alt, loading: "lazy" });
}

function section(block, surface) {
  const body = h("div", { class: "section-body" });
  if (block.text)
    body.append(
      h("div", { class: "text" }, textObject(block.text, surface.world, { block: true })),
    );
  if (block.fields)
    body.append(
      h(
        "div",
        { class: "fields" },
        block.fields.map((f) =>
          h("div", { class: "field text" }, textObject(f, surface.world, { block: true })),
        ),
      ),
    );
  const side =
    block.accessory &&
    h(
      "div",
      { class: `accessory accessory-${block.accessory.type}` },
      block.accessory.type === "image"
        ? picture(block.accessory, surface, "thumb")
        : element(block.accessory, block, surface),
    );
  return h("div", { class: "section" }, body, side);
}

function context(block, surface) {
  return h(
    "div",
    { class: "context" },
    (block.elements ?? []).map((e) =>
      e.type === "image"
        ? picture(e, surface, "context-image")
        : h("span", { class: "context-text text" }, textObject(e, surface.world, { block: true })),
    ),
  );
}

function image(block, surface) {
  return h(
    "figure",
    { class: "image" },
    block.title && h("figcaption", {}, textObject(block.title, surface.world), icon("caret", 14)),
    picture(block, surface, "picture"),
  );
}

function tableCell(cell, surface) {
  if (cell?.type === "rich_text") return richText(cell, surface.world);
  return String(cell?.text ?? cell?.value ?? cell?.number ?? "");
}

function tableBlock(block, surface) {
  const settings = block.column_settings ?? [];
  const align = settings.map((c) => c?.align ?? null);
  const wraps = settings.map((c) => c?.is_wrapped === true);
  const [head = [], ...rows] = (block.rows ?? []).map((row) =>
    row.map((c) => tableCell(c, surface)),
  );
  return table(head, rows, align, wraps);
}

function alert(block, surface) {
  const level = ["info", "warning", "error", "success"].includes(block.level)
    ? block.level
    : "default";
  const sign = {
    info: "info",
    default: "info",
    success: "check",
    warning: "warning",
    error: "warning",
  }[level];
  const text =
    typeof block.text === "string" ? { type: "plain_text", text: block.text } : block.text;
  return h(
    "div",
    { class: `alert alert-${level}`, role: level === "error" ? "alert" : "note" },
    icon(sign),
    h("div", { class: "text" }, textObject(text, surface.world, { block: true })),
  );
}

function file(block, surface) {
  const found = surface.files?.find((f) => f.id === block.external_id || f.id === block.file_id);
  return found
    ? fileCard(found)
    : h("div", { class: "file missing" }, icon("file"), `File ${block.external_id ?? ""}`);
}

function body(block, surface) {
  const { world } = surface;
  switch (block.type) {
    case "header":
      return h("h3", { class: "header" }, textObject(block.text, world));
    case "section":
      return section(block, surface);
    case "divider":
      return h("hr", { class: "divider" });
    case "context":
      return context(block, surface);
    case "image":
      return image(block, surface);
    case "actions":
      return h(
        "div",
        { class: "actions" },
        (block.elements ?? []).map((e) => element(e, block, surface)),
      );
    case "context_actions":
      return h(
        "div",
        { class: "actions quiet" },
        (block.elements ?? []).map((e) => element(e, block, surface)),
      );
    case "input":
      return inputBlock(block, surface);
    case "rich_text":
      return h("div", { class: "text rich" }, richText(block, world));
    case "markdown":
      return h("div", { class: "text md" }, markdown(block.text, world));
    case "table":
      return tableBlock(block, surface);
    case "alert":
      return alert(block, surface);
    case "file":
      return file(block, surface);
    default:
      return h("div", { class: "unsupported" }, `[unsupported block ${block.type}]`);
  }
}

// surface: {world, files?, values, act(block, element, selected), options(block, element, query), errors?, mark()}
export function blocks(list, surface) {
  return list.map((block) => {
    const node = h("div", { class: `block block-${String(block.type).replace(/[^a-z_]/g, "")}` });
    if (block.block_id) node.dataset.block = block.block_id;
    node.append(body(block, surface));
    return node;
  });
}

function attachment(item, surface) {
  const { world } = surface;
  const md = (text) => textObject({ type: "mrkdwn", text }, world, { block: true });
  const named = { good: "#2eb67d", warning: "#ecb22e", danger: "#e01e5a" };
  const hex = /^#?([0-9a-f]{3,8})$/i.exec(item.color ?? "");
  const bar = h("div", { class: "attachment-bar" });
  const colour = named[item.color] ?? (hex && `#${hex[1]}`);
  if (colour) bar.style.background = colour;
  const title =
    item.title &&
    h(
      "div",
      { class: "attachment-title" },
      item.title_link
        ? textObject({ type: "mrkdwn", text: `<${item.title_link}|${item.title}>` }, world)
        : md(item.title),
    );
  return [
    item.pretext && h("div", { class: "text" }, md(item.pretext)),
    h(
      "div",
      { class: "attachment" },
      bar,
      h(
        "div",
        { class: "attachment-body" },
        item.author_name &&
          h("div", { class: "attachment-author" }, plain({ text: item.author_name })),
        title,
        item.text && h("div", { class: "text" }, md(item.text)),
        item.fields &&
          h(
            "div",
            { class: "fields" },
            item.fields.map((f) =>
              h(
                "div",
                { class: f.short ? "field" : "field long" },
                h("strong", {}, plain({ text: f.title ?? "" })),
                h("div", { class: "text" }, md(String(f.value ?? ""))),
              ),
            ),
          ),
        item.blocks && h("div", { class: "blocks" }, blocks(item.blocks, surface)),
        item.image_url &&
          picture({ image_url: item.image_url, alt_text: item.fallback }, surface, "picture"),
        item.footer && h("div", { class: "attachment-footer" }, md(item.footer)),
      ),
    ),
  ];
}

export const attachments = (list, surface) => list.map((item) => attachment(item, surface));
