// The message list: rows, day lines, threads, and the menu on each message.

import { deed } from "./api.js";
import { attachments, blocks } from "./blocks.js";
import { avatar, h, icon, menu } from "./dom.js";
import { fileCard } from "./files.js";
import { emojiNode, mrkdwn } from "./mrkdwn.js";
import { redraw, suggestions } from "./modal.js";
import { clock, dayKey, dayLabel, fullTime, tsMillis, when } from "./time.js";

const GROUP_MS = 5 * 60_000;
const NEAR_END_PX = 80;
const LONG_PRESS_MS = 450;
const SLACKBOT = {
  id: "USLACKBOT",
  name: "Slackbot",
  real_name: "Slackbot",
  color: "#4a154b",
  is_bot: true,
};

function author(message, world) {
  if (message.user === "USLACKBOT" || message.failed || message.system) return SLACKBOT;
  return (
    world.person(message.user) ??
    (message.bot ? world.bot : { id: message.user, name: message.user })
  );
}

function surfaceOf(message, world, values) {
  const as = world.me.id;
  const at = { as, channel: message.channel, ts: message.ts };
  return {
    id: message.ts,
    world,
    values,
    files: message.files,
    conversation: message.channel,
    act: (block, spec, selected) =>
      deed("click", { ...at, block_id: block.block_id, action_id: spec.action_id, selected }),
    options: (block, spec, value) =>
      suggestions({ ...at, block_id: block.block_id, action_id: spec.action_id, value }),
  };
}

function body(message, world, values) {
  const surface = surfaceOf(message, world, values);
  const words = message.failed ?? message.text;
  const edited = message.edited && h("span", { class: "edited" }, "(edited)");
  return [
    message.blocks?.length
      ? h("div", { class: "blocks" }, blocks(message.blocks, surface), edited)
      : words && h("div", { class: "text" }, mrkdwn(words, world), edited),
    message.attachments?.length
      ? h("div", { class: "attachments" }, attachments(message.attachments, surface))
      : null,
    reactions(message.reactions ?? {}, world),
    message.files?.length ? h("div", { class: "files" }, message.files.map(fileCard)) : null,
  ];
}

// {name: [who]}
function reactions(all, world) {
  const pills = Object.entries(all).map(([name, who]) =>
    h(
      "span",
      { class: "reaction", title: who.map((id) => world.person(id)?.name ?? id).join(", ") },
      emojiNode(name) ?? `:${name}:`,
      h("span", {}, String(who.length)),
    ),
  );
  return pills.length ? h("div", { class: "reactions" }, pills) : null;
}

function thread(message, replies, world, open) {
  const count = Math.max(message.reply_count ?? 0, replies.length);
  if (!count) return null;
  const faces = [
    ...new Map(replies.map((r) => [author(r, world).id, author(r, world)])).values(),
  ].slice(0, 4);
  const last = replies.at(-1);
  return h(
    "button",
    { type: "button", class: "thread-link", onclick: open },
    h(
      "span",
      { class: "faces" },
      faces.map((p) => avatar(p, 24)),
    ),
    h("span", { class: "thread-count" }, `${count} ${count === 1 ? "reply" : "replies"}`),
    last &&
      h("span", { class: "thread-last dim" }, `Last reply ${when(tsMillis(last.ts), world.me.tz)}`),
  );
}

export class MessageList {
  // app: {world(), shortcuts(), openThread(message), values(ts)}
  constructor(node, app, { inThread = false } = {}) {
    this.node = node;
    this.app = app;
    this.inThread = inThread;
    this.cache = new Map();
    this.inner = h("div", { class: "rows" });
    this.atEnd = true;
    node.append(this.inner);
    node.addEventListener("scroll", () => {
      this.atEnd = node.scrollHeight - node.scrollTop - node.clientHeight < NEAR_END_PX;
    });
    // A picture that loads late, or a keyboard that opens, must not push the newest message out of sight.
    const watcher = new ResizeObserver(() => {
      if (this.atEnd) this.toEnd();
    });
    watcher.observe(this.inner);
    watcher.observe(node);
  }

  menuItems(message) {
    const world = this.app.world();
    const own = this.app.shortcuts().filter((s) => s.type === "message");
    const items = [];
    if (!this.inThread && !message.ephemeral)
      items.push({
        label: "Reply in thread",
        icon: icon("chat"),
        run: () => this.app.openThread(message),
      });
    items.push({
      label: "Copy text",
      icon: icon("file"),
      run: () => navigator.clipboard?.writeText(message.text ?? ""),
    });
    if (own.length && !message.ephemeral) {
      items.push("-");
      for (const s of own)
        items.push({
          label: s.name,
          hint: world.bot.name,
          icon: icon("bolt"),
          run: () =>
            deed("shortcut", {
              as: world.me.id,
              callback_id: s.callback_id,
              channel: message.channel,
              ts: message.ts,
            }),
        });
    }
    return items;
  }

  toolbar(message) {
    const more = h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": "More actions",
        title: "More actions",
        "aria-haspopup": "menu",
      },
      icon("more"),
    );
    more.addEventListener("click", () =>
      menu(more, this.menuItems(message), { label: "Message actions" }),
    );
    return h(
      "div",
      { class: "toolbar", role: "group", "aria-label": "Message actions" },
      !this.inThread &&
        !message.ephemeral &&
        h(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": "Reply in thread",
            title: "Reply in thread",
            onclick: () => this.app.openThread(message),
          },
          icon("chat"),
        ),
      more,
    );
  }

  longPress(row, message) {
    let timer = null;
    const stop = () => clearTimeout(timer);
    row.addEventListener("pointerdown", (e) => {
      if (
        e.pointerType !== "touch" ||
        e.target.closest("button, a, input, textarea, [role=combobox]")
      )
        return;
      timer = setTimeout(
        () =>
          menu(row.querySelector(".msg-body"), this.menuItems(message), {
            label: "Message actions",
            className: "menu-popup sheet",
          }),
        LONG_PRESS_MS,
      );
    });
    for (const end of ["pointerup", "pointercancel", "pointermove"])
      row.addEventListener(end, stop);
  }

  row(message, compact, replies) {
    const world = this.app.world();
    const who = author(message, world);
    const at = tsMillis(message.ts);
    const time = clock(at, world.me.tz);
    const stamp = h(
      "time",
      { class: "stamp", datetime: new Date(at).toISOString(), title: fullTime(at, world.me.tz) },
      compact ? time.replace(/ [AP]M$/, "") : time,
    );
    const app = message.bot || who.is_bot;
    const row = h(
      "article",
      {
        class: [
          "msg",
          compact && "compact",
          message.ephemeral && "ephemeral",
          message.pinned && "pinned",
        ]
          .filter(Boolean)
          .join(" "),
        "aria-label": `${who.real_name || who.name}, ${time}`,
        dataset: { ts: message.ts },
        tabindex: "-1",
      },
      message.pinned && h("div", { class: "msg-note" }, icon("pin", 13), "Pinned"),
      message.ephemeral &&
        !compact &&
        h("div", { class: "msg-note" }, icon("eye", 14), "Only visible to you"),
      h("div", { class: "gutter" }, compact ? stamp : avatar(who, 36)),
      h(
        "div",
        { class: "msg-body" },
        !compact &&
          h(
            "div",
            { class: "msg-head" },
            h("span", { class: "name" }, who.real_name || who.name),
            app && h("span", { class: "badge-app" }, "APP"),
            stamp,
          ),
        body(message, world, this.app.values(message.ts)),
        !this.inThread && thread(message, replies, world, () => this.app.openThread(message)),
      ),
      this.toolbar(message),
    );
    this.longPress(row, message);
    return row;
  }

  // messages: those to show, oldest first; repliesOf(ts): the thread's.
  draw(messages, repliesOf, { intro, divider = true } = {}) {
    const world = this.app.world();
    const before = this.cache;
    this.cache = new Map();
    const children = intro ? [intro] : [];
    let day = null;
    let previous = null;
    for (const [index, message] of messages.entries()) {
      const at = tsMillis(message.ts);
      const today = dayKey(at, world.me.tz);
      if (divider && today !== day) {
        const words = dayLabel(at, world.me.tz);
        children.push(
          h(
            "div",
            { class: "day", role: "separator" },
            h("span", {}, words[0].toUpperCase() + words.slice(1)),
          ),
        );
        previous = null;
      }
      day = today;
      const compact =
        Boolean(previous) &&
        author(previous, world).id === author(message, world).id &&
        !message.failed &&
        Boolean(previous.ephemeral) === Boolean(message.ephemeral) &&
        !message.pinned &&
        at - tsMillis(previous.ts) < GROUP_MS;
      const replies = this.inThread ? [] : repliesOf(message.ts);
      const signature = JSON.stringify([
        message,
        compact,
        replies.map((r) => [r.ts, r.user]),
        world.me.id,
        today === dayKey(Date.now(), world.me.tz),
      ]);
      const cached = before.get(message.ts);
      const entry =
        cached?.signature === signature
          ? cached
          : { signature, row: this.row(message, compact, replies) };
      if (!cached && before.size) entry.row.classList.add("new");
      this.cache.set(message.ts, entry);
      children.push(entry.row);
      previous = message;
      if (this.inThread && index === 0) previous = null;
      if (this.inThread && index === 0 && messages.length > 1)
        children.push(
          h(
            "div",
            { class: "reply-line" },
            h("span", {}, `${messages.length - 1} ${messages.length === 2 ? "reply" : "replies"}`),
          ),
        );
    }
    const focused = document.activeElement?.closest(".msg")?.dataset.ts;
    const kept = redraw(this.inner, () => this.inner.replaceChildren(...children));
    if (focused && !kept && !this.node.contains(document.activeElement))
      this.cache.get(focused)?.row.focus({ preventScroll: true });
    if (this.atEnd) this.toEnd();
  }

  toEnd() {
    this.atEnd = true;
    this.node.scrollTop = this.node.scrollHeight;
  }
}
