// Slack's mrkdwn to DOM nodes. Every branch ends in a text node or an element of our own naming.

import { h } from "./dom.js";
import { EMOJI } from "./emoji.js";
import { dateTokens } from "./time.js";

export const unescape = (text) =>
  text.replace(/&(lt|gt|amp);/g, (_, name) => ({ lt: "<", gt: ">", amp: "&" })[name]);

export const safeUrl = (url) => (/^(https?:|mailto:|slack:|tel:)/i.test(url) ? url : null);

export function link(url, ...children) {
  const href = safeUrl(url);
  const body = children.length ? children : [url];
  return href
    ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, body)
    : h("span", {}, body);
}

export function mention(world, id) {
  const person = world.person(id);
  const me = id === world.me.id;
  return h(
    "span",
    { class: me ? "mention me" : "mention" },
    `@${person?.real_name || person?.name || id}`,
  );
}

export function channelLink(world, id, label) {
  const name = world.channel(id)?.name ?? label;
  return h(
    "a",
    {
      class: "mention",
      href: `?as=${world.me.id}&channel=${encodeURIComponent(id)}`,
      dataset: { channel: id },
    },
    name ? `#${name}` : "private channel",
  );
}

export function usergroup(world, id, label) {
  const name = label || world.groups?.get(id) || id;
  return h("span", { class: "mention" }, name.startsWith("@") ? name : `@${name}`);
}

// Source: docs.slack.dev, messaging/formatting-message-text (links, mentions, dates).
function angle(inside, world) {
  const [target, ...rest] = inside.split("|");
  const label = rest.length ? unescape(rest.join("|")) : null;
  if (/^@[UW]/.test(target)) return mention(world, target.slice(1));
  if (/^#[CG]/.test(target)) return channelLink(world, target.slice(1), label);
  if (target.startsWith("!subteam^")) return usergroup(world, target.slice(9), label);
  if (/^!(channel|here|everyone)/.test(target))
    return h("span", { class: "mention me" }, `@${target.slice(1)}`);
  if (target.startsWith("!date^")) {
    const [, at, format = "", url] = target.split("^");
    if (!/^-?\d+$/.test(at)) return label ?? "";
    const words = unescape(dateTokens(format, Number(at) * 1000, world.me.tz));
    const node = h(
      "time",
      { title: dateTokens("{date_long} at {time_secs}", at * 1000, world.me.tz) },
      words,
    );
    return url ? link(unescape(url), node) : node;
  }
  if (target.startsWith("!")) return label ?? `<${target}>`;
  if (!safeUrl(target)) return unescape(`<${inside}>`);
  return link(unescape(target), label ?? unescape(target.replace(/^mailto:/, "")));
}

export function emojiNode(name) {
  const found = EMOJI.get(name);
  return found
    ? h("span", { class: "emoji", role: "img", "aria-label": name, title: `:${name}:` }, found)
    : null;
}

const MARKS = { "*": "strong", _: "em", "~": "del" };
const wordy = (c) => c !== undefined && /[\p{L}\p{N}]/u.test(c);

// Where the mark at `start` closes, on the same line and outside of <…> and `…`; -1 where it does not.
function closing(text, start) {
  const mark = text[start];
  if (wordy(text[start - 1]) || text[start - 1] === mark) return -1;
  if (text[start + 1] === undefined || /\s/.test(text[start + 1]) || text[start + 1] === mark)
    return -1;
  for (let i = start + 1; i < text.length && text[i] !== "\n"; i++) {
    const skip = { "<": ">", "`": "`" }[text[i]];
    if (skip) {
      const end = text.indexOf(skip, i + 1);
      if (end > 0) i = end;
    } else if (text[i] === mark && !/\s/.test(text[i - 1]) && i > start + 1 && !wordy(text[i + 1]))
      return i;
  }
  return -1;
}

export function inline(text, world, { formatting = true } = {}) {
  const out = [];
  let plain = "";
  const flush = () => {
    if (plain) out.push(unescape(plain));
    plain = "";
  };
  const put = (node, upTo) => {
    flush();
    out.push(node);
    i = upTo;
  };
  let i = 0;
  while (i < text.length) {
    const c = text[i];
    const rest = text.slice(i);
    if (c === ":") {
      const found = /^:([a-z0-9_+-]+):(?::skin-tone-\d:)?/.exec(rest);
      const node = found && emojiNode(found[1]);
      if (node) {
        put(node, i + found[0].length);
        continue;
      }
    }
    if (formatting) {
      if (c === "<") {
        const end = text.indexOf(">", i);
        if (end > i + 1) {
          put(angle(text.slice(i + 1, end), world), end + 1);
          continue;
        }
      }
      if (c === "`") {
        const found = /^`([^`\n]+)`/.exec(rest);
        if (found) {
          put(h("code", {}, codeText(found[1])), i + found[0].length);
          continue;
        }
      }
      if (c in MARKS) {
        const end = closing(text, i);
        if (end > 0) {
          put(h(MARKS[c], {}, inline(text.slice(i + 1, end), world)), end + 1);
          continue;
        }
      }
      if (c === "h" && !wordy(text[i - 1])) {
        const found = /^https?:\/\/[^\s<>|]*[^\s<>|.,;:!?'")\]]/.exec(rest);
        if (found) {
          put(link(unescape(found[0])), i + found[0].length);
          continue;
        }
      }
    }
    plain += c;
    i += 1;
  }
  flush();
  return out;
}

// Inside code only <url|label> is unfolded; nothing else is formatted.
const codeText = (text) =>
  unescape(
    text.replace(/<((?:https?:|mailto:)[^>|]*)(?:\|([^>]*))?>/g, (_, url, label) => label ?? url),
  );

function lines(text, world) {
  const out = [];
  let quote = null;
  let open = [];
  const end = () => {
    if (open.length) out.push(h("div", { class: "line" }, inline(open.join("\n"), world)));
    open = [];
  };
  const endQuote = () => {
    if (quote) out.push(h("blockquote", {}, inline(quote.join("\n"), world)));
    quote = null;
  };
  for (const [index, line] of text.split("\n").entries()) {
    const rest = /^(?:>|&gt;) ?(.*)$/s.exec(line);
    if (/^(?:>>>|&gt;&gt;&gt;)/.test(line)) {
      end();
      endQuote();
      const all = text
        .split("\n")
        .slice(index)
        .join("\n")
        .replace(/^(?:>>>|&gt;&gt;&gt;) ?/, "");
      out.push(h("blockquote", {}, inline(all, world)));
      return out;
    }
    if (rest) {
      end();
      (quote ??= []).push(rest[1]);
    } else {
      endQuote();
      open.push(line);
    }
  }
  end();
  endQuote();
  return out;
}

// Whole text: fences, quotes, lines. Slack turns neither "- a" nor "1. a" into a list here, so this does not.
export function mrkdwn(text, world) {
  const out = [];
  for (const [index, piece] of (text ?? "").split("```").entries()) {
    const isCode = index % 2 === 1;
    const last = index === (text ?? "").split("```").length - 1;
    if (isCode && !last) out.push(h("pre", {}, codeText(piece.replace(/^\n|\n$/g, ""))));
    else {
      const body = isCode ? "```" + piece : piece;
      const trimmed = index > 0 && !isCode ? body.replace(/^\n/, "") : body;
      const cut = last ? trimmed : trimmed.replace(/\n$/, "");
      if (cut) out.push(...lines(cut, world));
    }
  }
  return out;
}

// A text object: {type: "plain_text"|"mrkdwn", text}.
export function textObject(text, world, { block = false } = {}) {
  if (!text) return [];
  if (text.type === "mrkdwn") return block ? mrkdwn(text.text, world) : inline(text.text, world);
  return inline(text.text, world, { formatting: false });
}

export const plain = (text) =>
  unescape(text?.text ?? "").replace(
    /:([a-z0-9_+-]+):/g,
    (whole, name) => EMOJI.get(name) ?? whole,
  );
