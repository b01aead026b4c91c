// Wires the page: one state, read from the sandbox and kept true by its stream of events.

import { deed, get, live } from "./api.js";
import { Composer } from "./composer.js";
import { toast } from "./dialogs.js";
import { avatar, fill, h, icon } from "./dom.js";
import { markFaults, openFaults } from "./faults.js";
import { openScenarios, showBreak } from "./scenarios.js";
import { activity, appHome, channelHead, channelIntro, threadHead } from "./heads.js";
import { MessageList } from "./messages.js";
import { Modals } from "./modal.js";
import { drawSidebar, peopleMenu } from "./sidebar.js";
import { makeWorld } from "./world.js";

const $ = (id) => document.getElementById(id);

class App {
  constructor() {
    this.state = null;
    this.place = { kind: "channel", id: null };
    this.thread = null;
    this.drafts = new Map();
    this.kept = new Map();
    this.counts = new Map();
    this.stop = null;
    this.modals = null;
    this.pending = false;
    this.waiting = null; // events that came while the state was being read
    this.chooseSelf = (e) => peopleMenu(e.currentTarget, this);
    const shared = {
      world: () => this.theWorld,
      commands: () => this.state.commands,
      shortcuts: () => this.state.shortcuts,
      openThread: (m) => this.openThread(m.thread_ts ?? m.ts, m.channel),
      values: (ts) => {
        if (!this.kept.has(ts)) this.kept.set(ts, new Map());
        return this.kept.get(ts);
      },
      startShortcut: (s) => deed("shortcut", { as: this.me, callback_id: s.callback_id }),
    };
    this.list = new MessageList($("messages"), shared);
    this.replies = new MessageList($("thread-messages"), shared, { inThread: true });
    this.box = new Composer(h("div"), { ...shared, send: (text) => this.say(text) }, "main");
    this.replyBox = new Composer(
      h("div"),
      { ...shared, send: (text) => this.say(text, this.thread.ts) },
      "thread",
    );
  }

  world() {
    return this.theWorld;
  }

  async start() {
    const { people, team } = await get("/sandbox/people");
    const asked = new URLSearchParams(location.search);
    this.team = team;
    const first =
      people.find((p) => p.id === asked.get("as") || p.name === asked.get("as")) ??
      people.find((p) => !p.is_bot);
    fill($("team-name"), team.name);
    document.title = `${team.name} · Sandbox`;
    fill($("team-mark"), team.name[0].toUpperCase());
    $("act-as").addEventListener("click", this.chooseSelf);
    $("break").addEventListener("click", () => openScenarios());
    showBreak($("break"));
    $("faults").addEventListener("click", () => openFaults($("faults"), () => location.reload()));
    $("rail-home").append(icon("home", 20), h("span", {}, "Home"));
    $("rail-dms").append(icon("chat", 20), h("span", {}, "DMs"));
    $("rail-activity").append(icon("bell", 20), h("span", {}, "Activity"));
    $("rail-home").addEventListener("click", () => {
      if (this.place.kind === "activity") this.openChannel(this.firstChannel());
      this.pane("list");
    });
    $("rail-dms").addEventListener("click", () => this.openApp("messages"));
    $("rail-activity").addEventListener("click", () => this.openActivity());
    document.addEventListener("click", (e) => {
      const to = e.target.closest?.("a[data-channel]")?.dataset.channel;
      if (to && !e.metaKey && !e.ctrlKey) {
        e.preventDefault();
        if (this.theWorld.channel(to)) this.openChannel(to);
      }
    });
    document.addEventListener("keydown", (e) => {
      if (
        e.key === "Escape" &&
        !e.defaultPrevented &&
        this.thread &&
        !document.querySelector("dialog[open]")
      )
        this.closeThread();
    });
    await this.become(first.id, asked.get("channel"));
    if (matchMedia("(max-width: 760px)").matches && !asked.get("channel")) this.pane("list");
    markFaults($("faults"));
  }

  async become(id, channel = this.place.id) {
    this.stop?.();
    this.modals?.close();
    this.me = id;
    this.thread = null;
    this.counts.clear();
    this.modals = new Modals(null);
    await this.refresh();
    const wanted = this.state.channels.find((c) => c.id === channel || c.name === channel);
    this.stop = live(
      id,
      (e) => this.event(e),
      () =>
        this.refresh().catch(() => {
          this.waiting = null;
        }),
      (up) => document.body.classList.toggle("offline", !up),
    );
    fill($("act-as"), avatar(this.theWorld.me, 36));
    $("act-as").setAttribute("aria-label", `Act as (now ${this.theWorld.me.real_name})`);
    $("act-as").title = `You are ${this.theWorld.me.real_name}. Act as someone else`;
    if (this.place.kind === "app") this.openApp(this.place.tab);
    else this.openChannel(wanted?.id ?? this.firstChannel());
  }

  firstChannel() {
    const own = this.state.channels.filter(
      (c) => c.kind !== "dm" && !c.archived && c.members.includes(this.me),
    );
    return (own[0] ?? this.state.channels[0])?.id ?? null;
  }

  async refresh() {
    const as = this.me;
    const waiting = (this.waiting = []);
    const state = await get(`/sandbox/state?as=${encodeURIComponent(as)}`);
    if (as !== this.me || this.waiting !== waiting) return;
    this.state = state;
    this.theWorld = makeWorld(state);
    for (const c of state.channels)
      if (c.unread && !this.counts.has(c.id))
        this.counts.set(c.id, { count: c.unread, mentions: 0 });
    this.draw();
    this.modals.show(state.views ?? [], this.theWorld);
    this.waiting = null;
    for (const e of waiting) this.event(e);
  }

  unread(id) {
    return this.counts.get(id) ?? { count: 0, mentions: 0 };
  }

  event(e) {
    if (this.waiting) {
      this.waiting.push(e);
      return;
    }
    const { state } = this;
    switch (e.type) {
      case "message":
      case "message_changed":
        this.put(e.message, e.type === "message");
        break;
      case "message_deleted":
        state.messages[e.channel] = (state.messages[e.channel] ?? []).filter((m) => m.ts !== e.ts);
        break;
      case "views":
        state.views = e.views;
        this.modals.show(e.views, this.theWorld);
        return;
      case "home":
        state.home = e.view;
        break;
      case "channels":
        state.channels = e.channels;
        this.theWorld = makeWorld(state);
        break;
      case "connected":
        state.connected = e.connected;
        break;
      case "toast":
        if (!this.modals.trouble(e.text)) toast(e.text);
        return;
      default:
        return;
    }
    this.later();
  }

  put(message, isNew) {
    const list = (this.state.messages[message.channel] ??= []);
    const at = list.findIndex((m) => m.ts === message.ts);
    if (at >= 0) {
      if (!(list[at].rev > message.rev)) list[at] = message;
    } else {
      list.push(message);
      list.sort((a, b) => Number(a.ts) - Number(b.ts));
      if (isNew) this.count(message);
    }
  }

  count(message) {
    const here =
      this.place.kind === "channel" &&
      this.place.id === message.channel &&
      document.visibilityState === "visible";
    if (here || message.user === this.me) return;
    const now = { ...this.unread(message.channel) };
    const dm = this.theWorld.channel(message.channel)?.kind === "dm";
    const mentioned = JSON.stringify([message.text, message.blocks]).includes(this.me);
    if (!message.thread_ts || message.thread_ts === message.ts || mentioned) now.count += 1;
    if (dm || mentioned) now.mentions += 1;
    this.counts.set(message.channel, now);
  }

  // Several events in one frame are one drawing.
  later() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.draw();
    });
  }

  pane(name) {
    document.body.dataset.pane = name;
  }

  openChannel(id) {
    this.drafts.set(this.place.id ?? this.place.kind, this.box.text);
    if (this.thread && this.thread.channel !== id) this.closeThread();
    this.place = { kind: "channel", id };
    this.counts.delete(id);
    this.box.text = this.drafts.get(id) ?? "";
    history.replaceState(null, "", `?as=${this.me}&channel=${id}`);
    this.pane("main");
    this.draw();
    this.list.toEnd();
    if (!matchMedia("(pointer: coarse)").matches) this.box.focus();
  }

  openApp(tab) {
    this.closeThread();
    const dm = this.theWorld.botDm();
    if (tab === "messages" && dm) {
      this.openChannel(dm.id);
      return;
    }
    this.place = { kind: "app", tab };
    this.pane("main");
    this.draw();
    if (tab === "home") deed("home", { as: this.me });
  }

  openActivity() {
    this.closeThread();
    this.place = { kind: "activity" };
    this.pane("main");
    this.draw();
  }

  openThread(ts, channel) {
    this.thread = { ts, channel };
    this.pane("thread");
    this.draw();
    this.replies.toEnd();
    if (!matchMedia("(pointer: coarse)").matches) this.replyBox.focus();
  }

  closeThread() {
    if (!this.thread) return;
    this.thread = null;
    this.pane("main");
    this.draw();
  }

  async say(text, thread_ts) {
    const channel = thread_ts ? this.thread.channel : this.place.id;
    const result = await deed("say", {
      as: this.me,
      channel,
      text,
      ...(thread_ts && { thread_ts }),
    });
    if (result.ok) (thread_ts ? this.replies : this.list).toEnd();
    return result;
  }

  draw() {
    if (!this.state) return;
    const world = this.theWorld;
    drawSidebar($("sidebar"), this);
    const channel = this.place.kind === "channel" ? world.channel(this.place.id) : null;
    $("messages").hidden = this.place.kind !== "channel";
    $("home").hidden = this.place.kind === "channel";
    $("foot").hidden = this.place.kind !== "channel";
    $("rail-home").classList.toggle("on", this.place.kind === "channel" && channel?.kind !== "dm");
    $("rail-dms").classList.toggle("on", channel?.kind === "dm");
    $("rail-activity").classList.toggle("on", this.place.kind === "activity");
    channelHead($("head"), this, channel);
    if (this.place.kind === "app") appHome($("home"), this);
    if (this.place.kind === "activity") activity($("home"), this);
    if (channel) {
      const all = this.state.messages[channel.id] ?? [];
      const repliesOf = (ts) => all.filter((m) => m.thread_ts === ts && m.ts !== ts);
      this.list.draw(
        all.filter((m) => !m.thread_ts || m.thread_ts === m.ts),
        repliesOf,
        { intro: channelIntro(channel, world) },
      );
      this.foot(channel);
    }
    this.drawThread();
  }

  foot(channel) {
    const member = channel.kind === "dm" || channel.members.includes(this.me);
    if (channel.archived)
      fill($("foot"), h("p", { class: "foot-note" }, "This channel is archived."));
    else if (!member)
      fill(
        $("foot"),
        h(
          "div",
          { class: "foot-note" },
          h("strong", {}, `# ${channel.name}`),
          h(
            "button",
            {
              type: "button",
              class: "btn primary",
              onclick: () => deed("join", { as: this.me, channel: channel.id }),
            },
            "Join channel",
          ),
        ),
      );
    else if (!$("foot").contains(this.box.box)) fill($("foot"), this.box.box);
    this.box.label(
      `Message ${channel.kind === "dm" ? this.theWorld.title(channel) : `#${channel.name}`}`,
    );
  }

  drawThread() {
    $("thread").hidden = !this.thread;
    if (!this.thread) return;
    const all = this.state.messages[this.thread.channel] ?? [];
    threadHead($("thread-head"), this, this.theWorld.channel(this.thread.channel));
    this.replies.draw(
      all.filter((m) => m.ts === this.thread.ts || m.thread_ts === this.thread.ts),
      () => [],
      { divider: false },
    );
    if (!$("thread-foot").contains(this.replyBox.box)) fill($("thread-foot"), this.replyBox.box);
    this.replyBox.label("Reply…");
  }
}

new App().start().catch((error) => {
  fill(
    $("messages"),
    h(
      "p",
      { class: "empty" },
      `The sandbox does not answer: ${error.message}. Reload when it runs.`,
    ),
  );
});
