// rich_text blocks to DOM nodes.

import { h } from "./dom.js";
import { channelLink, emojiNode, link, mention, usergroup } from "./mrkdwn.js";
import { dateTokens } from "./time.js";

function styled(node, style = {}) {
  let out = node;
  if (style.code) out = h("code", {}, out);
  if (style.bold) out = h("strong", {}, out);
  if (style.italic) out = h("em", {}, out);
  if (style.strike) out = h("del", {}, out);
  if (style.underline) out = h("u", {}, out);
  if (style.highlight || style.client_highlight) out = h("mark", {}, out);
  return out;
}

function leaf(element, world) {
  switch (element.type) {
    case "text":
      return styled(element.text, element.style);
    case "link":
      return styled(link(element.url, element.text || element.url), element.style);
    case "user":
      return styled(mention(world, element.user_id), element.style);
    case "channel":
      return styled(channelLink(world, element.channel_id), element.style);
    case "usergroup":
      return styled(usergroup(world, element.usergroup_id), element.style);
    case "broadcast":
      return h("span", { class: "mention me" }, `@${element.range}`);
    case "emoji":
      return emojiNode(element.name) ?? `:${element.name}:`;
    case "date":
      return h(
        "time",
        {},
        dateTokens(element.format ?? element.fallback ?? "", element.timestamp * 1000, world.me.tz),
      );
    case "color":
      return h("span", { class: "colour" }, element.value);
    default:
      return h("span", { class: "unsupported" }, `[unsupported element ${element.type}]`);
  }
}

const leaves = (element, world) => (element.elements ?? []).map((e) => leaf(e, world));

function list(element, world) {
  const ordered = element.style === "ordered";
  const node = h(
    ordered ? "ol" : "ul",
    { class: "rt-list", start: ordered && element.offset ? element.offset + 1 : null },
    (element.elements ?? []).map((item) => h("li", {}, leaves(item, world))),
  );
  node.style.setProperty("--indent", element.indent ?? 0);
  node.dataset.indent = element.indent ?? 0;
  return node;
}

export function richText(block, world) {
  return (block.elements ?? []).map((element) => {
    switch (element.type) {
      case "rich_text_section":
        return h("div", { class: "line" }, leaves(element, world));
      case "rich_text_list":
        return list(element, world);
      case "rich_text_preformatted":
        return h("pre", {}, leaves(element, world));
      case "rich_text_quote":
        return h("blockquote", {}, leaves(element, world));
      default:
        return h("div", { class: "unsupported" }, `[unsupported element ${element.type}]`);
    }
  });
}
