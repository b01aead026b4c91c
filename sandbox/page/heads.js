// What stands above and around the messages: channel and thread heads, the app's Home, Activity.

import { deed } from "./api.js";
import { blocks } from "./blocks.js";
import { avatar, fill, h, icon, menu } from "./dom.js";
import { redraw, viewSurface } from "./modal.js";
import { link, mrkdwn } from "./mrkdwn.js";
import { tsMillis, when } from "./time.js";

const back = (app, label) =>
  h(
    "button",
    {
      type: "button",
      class: "icon-button back",
      "aria-label": label,
      onclick: () => app.pane("list"),
    },
    icon("back", 20),
  );

function tabs(app, current) {
  const tab = (name, words) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        class: "tab",
        "aria-selected": current === name ? "true" : "false",
        onclick: () => app.openApp(name),
      },
      words,
    );
  return h(
    "div",
    { class: "tabs", role: "tablist" },
    tab("home", "Home"),
    tab("messages", "Messages"),
  );
}

function members(channel, app) {
  const world = app.world();
  const list = channel.members.map((id) => world.person(id)).filter(Boolean);
  const node = h(
    "button",
    {
      type: "button",
      class: "members",
      "aria-label": `${list.length} members`,
      "aria-haspopup": "menu",
    },
    h(
      "span",
      { class: "faces" },
      list.slice(0, 3).map((p) => avatar(p, 22)),
    ),
    h("span", {}, String(list.length)),
  );
  const leave = channel.members.includes(world.me.id) && {
    label: "Leave channel",
    danger: true,
    icon: icon("close"),
    run: () => deed("leave", { as: world.me.id, channel: channel.id }),
  };
  node.addEventListener("click", () =>
    menu(
      node,
      [
        ...list.map((p) => ({
          label: p.real_name || p.name,
          hint: p.is_bot ? "app" : p.title,
          icon: avatar(p, 24),
          run: () => {},
        })),
        ...(leave ? ["-", leave] : []),
      ],
      { label: "Members" },
    ),
  );
  return node;
}

export function channelHead(node, app, channel) {
  const world = app.world();
  if (app.place.kind === "activity") {
    fill(node, back(app, "Back to the list"), h("h2", {}, "Activity"));
    return;
  }
  if (app.place.kind === "app" || world.isBotDm(channel ?? { kind: "" })) {
    fill(
      node,
      h(
        "div",
        { class: "head-row" },
        back(app, "Back to the list"),
        avatar(world.bot, 24),
        h("h2", {}, world.bot.real_name || world.bot.name),
        h("span", { class: app.state.connected ? "presence active" : "presence away" }),
        h("span", { class: "dim presence-words" }, app.state.connected ? "" : "not connected"),
      ),
      tabs(app, app.place.kind === "app" ? app.place.tab : "messages"),
    );
    node.classList.add("with-tabs");
    return;
  }
  node.classList.remove("with-tabs");
  if (!channel) {
    fill(node);
    return;
  }
  const dm = channel.kind === "dm";
  const name = dm
    ? [avatar(world.other(channel), 24), world.title(channel)]
    : [icon(channel.kind === "private" ? "lock" : "hash", 18), channel.name];
  fill(
    node,
    h(
      "div",
      { class: "head-row" },
      back(app, "Back to the list"),
      h("h2", { title: channel.purpose || null }, name),
      channel.topic &&
        h("span", { class: "topic dim", title: channel.topic }, mrkdwn(channel.topic, world)),
      h("span", { class: "grow" }),
      !dm && members(channel, app),
    ),
    channel.bookmarks?.length
      ? h(
          "div",
          { class: "bookmarks" },
          channel.bookmarks.map((b) => link(b.link ?? "", b.title)),
        )
      : null,
  );
}

export function threadHead(node, app, channel) {
  fill(
    node,
    h(
      "div",
      { class: "head-row" },
      h(
        "button",
        {
          type: "button",
          class: "icon-button back",
          "aria-label": "Back to the channel",
          onclick: () => app.closeThread(),
        },
        icon("back", 20),
      ),
      h("h2", {}, "Thread"),
      h(
        "span",
        { class: "topic dim" },
        channel ? (channel.kind === "dm" ? app.world().title(channel) : `# ${channel.name}`) : "",
      ),
      h("span", { class: "grow" }),
      h(
        "button",
        {
          type: "button",
          class: "icon-button wide-only",
          "aria-label": "Close thread",
          onclick: () => app.closeThread(),
        },
        icon("close", 20),
      ),
    ),
  );
}

export function channelIntro(channel, world) {
  if (channel.kind === "dm") {
    const who = world.other(channel);
    return h(
      "div",
      { class: "intro" },
      avatar(who, 56),
      h("h3", {}, who.real_name || who.name),
      h(
        "p",
        { class: "dim" },
        who.is_bot
          ? "Messages between you and this app."
          : "This conversation is between the two of you.",
      ),
    );
  }
  return h(
    "div",
    { class: "intro" },
    h("h3", {}, channel.kind === "private" ? icon("lock", 22) : "# ", channel.name),
    h("p", { class: "dim" }, channel.purpose || "This is the start of the channel."),
  );
}

const homeValues = new Map();

export function appHome(node, app) {
  const { home } = app.state;
  const world = app.world();
  const signature = JSON.stringify([home, world.me.id]);
  if (node.dataset.signature === signature && node.dataset.kind === "home") return;
  Object.assign(node.dataset, { signature, kind: "home" });
  if (!home?.blocks?.length) {
    fill(
      node,
      h(
        "div",
        { class: "home-empty" },
        avatar(world.bot, 72),
        h("h3", {}, "This is the app's Home"),
        h(
          "p",
          { class: "dim" },
          app.state.connected
            ? "The app has published nothing here yet."
            : "The app is not connected, so there is nothing here yet.",
        ),
      ),
    );
    return;
  }
  if (!homeValues.has(home.id)) homeValues.set(home.id, new Map());
  redraw(node, () =>
    fill(
      node,
      h(
        "div",
        { class: "home-body blocks" },
        blocks(home.blocks, viewSurface(home, world, { values: homeValues.get(home.id) })),
      ),
    ),
  );
}

const place = (channel) =>
  !channel ? "a channel" : channel.kind === "dm" ? "a direct message" : `#${channel.name}`;

// Every message that mentions the person, newest first.
export function activity(node, app) {
  const world = app.world();
  node.dataset.kind = "activity";
  const mine = Object.values(app.state.messages)
    .flat()
    .filter(
      (m) =>
        m.user !== world.me.id && JSON.stringify([m.text, m.blocks]).includes(`<@${world.me.id}`),
    )
    .sort((a, b) => Number(b.ts) - Number(a.ts))
    .slice(0, 50);
  fill(
    node,
    h(
      "div",
      { class: "activity" },
      mine.length ? null : h("p", { class: "empty dim" }, "Nobody has mentioned you yet."),
      mine.map((m) => {
        const channel = world.channel(m.channel);
        const who = world.person(m.user) ?? world.bot;
        const at = tsMillis(m.ts);
        const open = () => {
          app.openChannel(m.channel);
          if (m.thread_ts && m.thread_ts !== m.ts) app.openThread(m.thread_ts, m.channel);
        };
        return h(
          "button",
          { type: "button", class: "activity-row", onclick: open },
          avatar(who, 36),
          h(
            "span",
            { class: "activity-words" },
            h("span", { class: "dim" }, `Mention in ${place(channel)} · ${when(at, world.me.tz)}`),
            h("strong", {}, who.real_name || who.name),
            h("span", { class: "activity-text" }, mrkdwn(m.text ?? "", world)),
          ),
        );
      }),
    ),
  );
}
