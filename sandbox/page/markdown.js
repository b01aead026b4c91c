// The `markdown` block: the standard Markdown that Slack's own page lists, to DOM nodes.

import { h } from "./dom.js";
import { inline as mrkdwnInline, link } from "./mrkdwn.js";

const RULES = [
  [/^\\([\\`*_{}[\]()#+\-.!|~<>])/, (m) => m[1]],
  [/^(`+)(.+?)\1(?!`)/, (m) => h("code", {}, m[2].trim())],
  [/^!\[([^\]]*)\]\(([^)\s]+)\)/, (m) => link(m[2], m[1] || m[2])],
  [/^\[([^\]]+)\]\(([^)\s]+)(?: "[^"]*")?\)/, (m, w) => link(m[2], inline(m[1], w))],
  [/^(\*\*|__)(?=\S)([^]*?\S)\1/, (m, w) => h("strong", {}, inline(m[2], w))],
  [/^~~(?=\S)([^]*?\S)~~/, (m, w) => h("del", {}, inline(m[1], w))],
  [/^([*_])(?=\S)([^*_]*?\S)\1(?![\p{L}\p{N}])/u, (m, w) => h("em", {}, inline(m[2], w))],
  [/^<(?:[@#!][^>]+|https?:[^>]+)>/, (m, w) => mrkdwnInline(m[0], w)],
  [/^https?:\/\/[^\s<>|]*[^\s<>|.,;:!?'")\]]/, (m) => link(m[0])],
  [/^:[a-z0-9_+-]+:/, (m, w) => mrkdwnInline(m[0], w, { formatting: false })],
  [/^&(?:lt|gt|amp);/, (m, w) => mrkdwnInline(m[0], w, { formatting: false })],
];

function inline(text, world) {
  const out = [];
  let plain = "";
  for (let i = 0; i < text.length;) {
    const rest = text.slice(i);
    const inWord = /[\p{L}\p{N}]/u.test(text[i - 1] ?? "");
    const hit =
      /[\\`![*_~<h:&]/.test(text[i]) && !(inWord && /[_h]/.test(text[i]))
        ? RULES.map(([pattern, make]) => [pattern.exec(rest), make]).find(([m]) => m)
        : null;
    if (hit) {
      if (plain) out.push(plain);
      plain = "";
      out.push(hit[1](hit[0], world));
      i += hit[0][0].length;
    } else plain += text[i++];
  }
  if (plain) out.push(plain);
  return out;
}

const cells = (line) =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((c) => c.trim().replaceAll("\\|", "|"));
const isRule = (line) =>
  /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(line ?? "") && line.includes("|");
const ITEM = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;

// `wraps` says of each column whether its lines break; without it, those of all do.
export function table(head, rows, align = [], wraps = null) {
  const cell = (tag, content, i) =>
    h(
      tag,
      {
        style: {
          ...(align[i] && { "text-align": align[i] }),
          ...(wraps && !wraps[i] && tag === "td" && { "white-space": "nowrap" }),
        },
      },
      content,
    );
  return h(
    "div",
    { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Table" },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          head.map((c, i) => cell("th", c, i)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            row.map((c, i) => cell("td", c, i)),
          ),
        ),
      ),
    ),
  );
}

// Consecutive items, nested by their indent.
function list(items, world) {
  const build = (from, indent) => {
    const node = h(/\d/.test(items[from][2]) ? "ol" : "ul", { class: "md-list" });
    if (node.tagName === "OL" && parseInt(items[from][2], 10) > 1)
      node.setAttribute("start", parseInt(items[from][2], 10));
    let i = from;
    while (i < items.length && items[i][1].length >= indent) {
      if (items[i][1].length > indent && node.lastChild) {
        const [child, next] = build(i, items[i][1].length);
        node.lastChild.append(child);
        i = next;
      } else {
        const task = /^\[([ xX])\]\s+(.*)$/.exec(items[i][3]);
        node.append(
          h(
            "li",
            { class: task ? "task" : null },
            task && h("span", {}, task[1] === " " ? "☐ " : "☑ "),
            inline(task ? task[2] : items[i][3], world),
          ),
        );
        i += 1;
      }
    }
    return [node, i];
  };
  const out = [];
  for (let i = 0; i < items.length;) {
    const [node, next] = build(i, items[i][1].length);
    out.push(node);
    i = next;
  }
  return out;
}

export function markdown(text, world) {
  const lines = (text ?? "").replace(/\r/g, "").split("\n");
  const out = [];
  const take = (test) => {
    const got = [];
    while (i < lines.length && test(lines[i])) got.push(lines[i++]);
    return got;
  };
  let i = 0;
  while (i < lines.length) {
    const line = lines[i];
    const fence = /^\s*(```+|~~~+)/.exec(line);
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
    if (!line.trim()) i += 1;
    else if (fence) {
      i += 1;
      const body = take((l) => !l.trim().startsWith(fence[1]));
      i += 1;
      out.push(h("pre", {}, body.join("\n")));
    } else if (heading) {
      i += 1;
      out.push(
        h(
          `h${Math.min(6, heading[1].length + 2)}`,
          { class: `md-h md-h${heading[1].length}` },
          inline(heading[2], world),
        ),
      );
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      i += 1;
      out.push(h("hr", { class: "divider" }));
    } else if (/^\s*>/.test(line))
      out.push(
        h(
          "blockquote",
          {},
          markdown(
            take((l) => /^\s*>/.test(l))
              .map((l) => l.replace(/^\s*> ?/, ""))
              .join("\n"),
            world,
          ),
        ),
      );
    else if (line.includes("|") && isRule(lines[i + 1])) {
      const align = cells(lines[i + 1]).map((c) =>
        /^:.*:$/.test(c) ? "center" : /:$/.test(c) ? "right" : null,
      );
      i += 2;
      const rows = take((l) => l.includes("|") && l.trim());
      out.push(
        table(
          cells(line).map((c) => inline(c, world)),
          rows.map((r) => cells(r).map((c) => inline(c, world))),
          align,
        ),
      );
    } else if (ITEM.test(line))
      out.push(
        ...list(
          take((l) => ITEM.test(l)).map((l) => ITEM.exec(l)),
          world,
        ),
      );
    else {
      const start = i;
      const body = take(
        (l) =>
          l.trim() &&
          (i === start ||
            !(ITEM.test(l) || /^\s*(#{1,6}\s|>|```|~~~)/.test(l) || isRule(lines[i + 1]))),
      );
      out.push(h("p", {}, inline(body.join("\n"), world)));
    }
  }
  return out;
}
