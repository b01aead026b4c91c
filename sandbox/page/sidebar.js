// The aubergine side: channels, direct messages, the app, and who one acts as.

import { avatar, fill, h, icon, menu } from "./dom.js";

function row({ mark, words, on, bold, badge, run, label, detail }) {
  return h(
    "button",
    {
      type: "button",
      class: ["side-row", on && "on", bold && "bold"].filter(Boolean).join(" "),
      "aria-current": on ? "page" : null,
      "aria-label": label,
      onclick: run,
    },
    h("span", { class: "side-mark" }, mark),
    h(
      "span",
      { class: "side-words" },
      words,
      detail && h("span", { class: "side-detail" }, detail),
    ),
    badge ? h("span", { class: "badge" }, String(badge)) : null,
  );
}

const section = (title, rows) =>
  h("section", { class: "side-section" }, h("h2", {}, icon("caret", 16), title), rows);

const withDot = (node, on) =>
  h("span", { class: on === null ? "presence" : on ? "presence active" : "presence away" }, node);

// app: {world(), state, place, unread(id) -> {count, mentions}, openChannel(id), openApp(tab)}
export function drawSidebar(node, app) {
  const world = app.world();
  const { place, state } = app;
  const here = (id) => place.kind === "channel" && place.id === id;
  const entry = (c) => {
    const { count, mentions } = app.unread(c.id);
    return {
      on: here(c.id),
      bold: count > 0,
      badge: mentions,
      run: () => app.openChannel(c.id),
      label: `${c.name || world.title(c)}${mentions ? `, ${mentions} unread` : count ? ", unread" : ""}`,
    };
  };
  const channels = state.channels.filter((c) => c.kind !== "dm" && !c.archived);
  const own = channels.filter((c) => c.members.includes(world.me.id));
  const others = channels.filter((c) => !c.members.includes(world.me.id));
  const room = (c) =>
    row({ ...entry(c), mark: icon(c.kind === "private" ? "lock" : "hash", 16), words: c.name });
  const dms = state.channels.filter((c) => c.kind === "dm" && !world.isBotDm(c));
  const bot = world.botDm();
  const bots = bot ? app.unread(bot.id) : { count: 0 };
  fill(
    node,
    section("Channels", own.map(room)),
    others.length ? section("More channels", others.map(room)) : null,
    section("Direct messages", [
      ...dms.map((c) =>
        row({ ...entry(c), mark: avatar(world.other(c), 20), words: world.title(c) }),
      ),
      row({
        mark: avatar(world.me, 20),
        words: world.me.real_name || world.me.name,
        detail: "you",
        run: app.chooseSelf,
        label: "Act as someone else",
      }),
    ]),
    section("Apps", [
      row({
        mark: withDot(avatar(world.bot, 20), state.connected),
        words: world.bot.real_name || world.bot.name,
        on: place.kind === "app" || (bot && here(bot.id)),
        bold: bots.count > 0,
        badge: bots.count,
        run: () => app.openApp("home"),
        label: `${world.bot.name}, app, ${state.connected ? "connected" : "not connected"}`,
      }),
    ]),
  );
}

export function peopleMenu(anchor, app) {
  const world = app.world();
  menu(
    anchor,
    world.people
      .filter((p) => !p.is_bot)
      .map((p) => ({
        label: p.real_name || p.name,
        hint: p.id === world.me.id ? "you" : p.title,
        icon: avatar(p, 28),
        run: () => app.become(p.id),
      })),
    { label: "Act as", className: "menu-popup people-popup" },
  );
}
