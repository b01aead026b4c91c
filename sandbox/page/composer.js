// The message box: commands and names complete as they are typed, Enter sends, Shift+Enter breaks the line.

import { avatar, h, icon, popup } from "./dom.js";

const MARKS = [
  ["bold", "*", "Bold"],
  ["italic", "_", "Italic"],
  ["strike", "~", "Strikethrough"],
  ["code", "`", "Code"],
  ["codeblock", "```", "Code block"],
  ["quote", "> ", "Quote"],
];

export class Composer {
  // app: {world(), commands(), shortcuts(), startShortcut(shortcut), send(text) -> Promise<{ok}>, slash: bool}
  constructor(node, app, name) {
    this.app = app;
    this.open = null;
    this.active = 0;
    this.choices = [];
    this.last = [];
    const id = `complete-${name}`;
    this.list = h("div", { role: "listbox", id, class: "options", "aria-label": "Suggestions" });
    this.area = h("textarea", {
      rows: 1,
      class: "compose-area",
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": id,
      autocomplete: "off",
    });
    this.hint = h("div", { class: "compose-hint", "aria-live": "polite" });
    this.sendButton = h(
      "button",
      {
        type: "button",
        class: "send",
        "aria-label": "Send now",
        title: "Send now",
        onclick: () => this.send(),
      },
      icon("send", 17),
    );
    this.box = h(
      "div",
      { class: "compose" },
      h(
        "div",
        { class: "compose-format", role: "toolbar", "aria-label": "Formatting" },
        MARKS.map(([kind, mark, label]) =>
          h(
            "button",
            {
              type: "button",
              class: "icon-button",
              "aria-label": label,
              title: label,
              onclick: () => this.wrap(mark),
            },
            icon(kind, 16),
          ),
        ),
      ),
      this.area,
      h(
        "div",
        { class: "compose-foot" },
        h(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": "Mention someone",
            title: "Mention someone",
            onclick: () => this.insert("@"),
          },
          icon("at"),
        ),
        h(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": "Commands and shortcuts",
            title: "Commands and shortcuts",
            onclick: () => this.insert("/"),
          },
          icon("slash"),
        ),
        this.hint,
        this.sendButton,
      ),
    );
    node.replaceChildren(this.box);
    this.area.addEventListener("input", () => this.typed());
    this.area.addEventListener("keydown", (e) => this.key(e));
    this.area.addEventListener("blur", () => setTimeout(() => this.hide(), 120));
  }

  get text() {
    return this.area.value;
  }

  set text(value) {
    this.area.value = value;
    this.typed({ quiet: true });
  }

  label(words) {
    this.area.placeholder = words;
    this.area.setAttribute("aria-label", words);
  }

  focus() {
    this.area.focus();
  }

  insert(text) {
    this.area.focus();
    if (text === "/" && this.text) this.area.value = "";
    const at = this.area.selectionStart;
    const gap = text === "@" && at > 0 && !/\s$/.test(this.text.slice(0, at)) ? " " : "";
    this.area.setRangeText(gap + text, at, this.area.selectionEnd, "end");
    this.typed();
  }

  wrap(mark) {
    const { selectionStart: from, selectionEnd: to, value } = this.area;
    const fenced = mark === "```" ? ["```\n", "\n```"] : mark === "> " ? ["> ", ""] : [mark, mark];
    this.area.setRangeText(fenced[0] + value.slice(from, to) + fenced[1], from, to, "end");
    if (from === to) this.area.selectionStart = this.area.selectionEnd = from + fenced[0].length;
    this.area.focus();
    this.typed();
  }

  grow() {
    this.area.style.height = "auto";
    this.area.style.height = `${Math.min(this.area.scrollHeight, 220)}px`;
    this.sendButton.classList.toggle("ready", Boolean(this.text.trim()));
  }

  usage() {
    const word = this.text.split(/\s/)[0];
    const command =
      this.text.startsWith("/") &&
      this.text.length > word.length &&
      this.app.commands().find((c) => c.command === word);
    this.hint.textContent = command ? `${command.command} ${command.usage_hint ?? ""}` : "";
  }

  typed({ quiet = false } = {}) {
    this.grow();
    this.usage();
    const before = this.text.slice(0, this.area.selectionStart);
    const word = /(^|\s)([@#])([\p{L}\p{N}._-]*)$/u.exec(before);
    if (quiet) this.hide();
    else if (/^\/\S*$/.test(this.text)) this.suggest(this.slashes(this.text));
    else if (word) this.suggest(word[2] === "@" ? this.people(word[3]) : this.rooms(word[3]));
    else this.hide();
  }

  slashes(text) {
    const bot = this.app.world().bot;
    const fits = (name) => name.toLowerCase().includes(text.slice(1).toLowerCase());
    return [
      ...this.app
        .commands()
        .filter((c) => c.command.startsWith(text) || fits(c.command))
        .map((c) => ({
          face: avatar(bot, 24),
          label: c.command,
          detail: [c.usage_hint, c.description].filter(Boolean).join(" · "),
          hint: bot.name,
          run: () => {
            this.area.value = `${c.command} `;
            this.typed();
          },
        })),
      ...this.app
        .shortcuts()
        .filter((s) => s.type === "global" && fits(s.name))
        .map((s) => ({
          face: avatar(bot, 24),
          label: s.name,
          detail: "Shortcut",
          hint: bot.name,
          run: () => {
            this.text = "";
            this.app.startShortcut(s);
          },
        })),
    ];
  }

  complete(mark, shown) {
    const at = this.area.selectionStart;
    const from = this.text.slice(0, at).lastIndexOf(mark);
    this.area.setRangeText(`${mark}${shown} `, from, at, "end");
    this.typed();
  }

  people(part) {
    const wanted = part.toLowerCase();
    return this.app
      .world()
      .people.filter(
        (p) => p.id !== "USLACKBOT" && `${p.name} ${p.real_name}`.toLowerCase().includes(wanted),
      )
      .slice(0, 8)
      .map((p) => ({
        face: avatar(p, 24),
        label: p.real_name || p.name,
        detail: p.title,
        hint: `@${p.name}`,
        run: () => this.complete("@", p.name),
      }));
  }

  rooms(part) {
    return this.app
      .world()
      .channels.filter((c) => c.kind !== "dm" && c.name.includes(part.toLowerCase()))
      .slice(0, 8)
      .map((c) => ({
        face: icon(c.kind === "private" ? "lock" : "hash"),
        label: c.name,
        detail: c.purpose,
        run: () => this.complete("#", c.name),
      }));
  }

  suggest(choices) {
    this.choices = choices;
    if (!choices.length) {
      this.hide();
      return;
    }
    this.list.replaceChildren(
      ...choices.map((c, i) => {
        const node = h(
          "div",
          {
            role: "option",
            id: `${this.list.id}-${i}`,
            class: "option",
            pointerdown: (e) => e.preventDefault(),
            click: () => this.pick(i),
          },
          c.face,
          h(
            "span",
            { class: "option-text" },
            h("strong", {}, c.label),
            c.detail && h("span", { class: "option-hint" }, c.detail),
          ),
          c.hint && h("span", { class: "dim" }, c.hint),
        );
        node.addEventListener("pointermove", () => this.mark(i));
        return node;
      }),
    );
    this.open ??= popup(this.box, this.list, {
      matchWidth: true,
      className: "options-popup complete",
      onclose: () => {
        this.open = null;
        this.area.setAttribute("aria-expanded", "false");
      },
    });
    this.area.setAttribute("aria-expanded", "true");
    this.mark(0);
    this.open.place();
  }

  mark(index) {
    this.active = index;
    [...this.list.children].forEach((node, i) => {
      node.classList.toggle("active", i === index);
      node.setAttribute("aria-selected", i === index);
    });
    this.area.setAttribute("aria-activedescendant", this.list.children[index]?.id ?? "");
  }

  pick(index) {
    const choice = this.choices[index];
    this.hide();
    this.area.focus();
    choice?.run();
  }

  hide() {
    this.open?.close();
  }

  key(e) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (this.open) {
      const exact = this.app.commands().some((c) => c.command === this.text);
      if (step) {
        e.preventDefault();
        this.mark((this.active + step + this.choices.length) % this.choices.length);
        return;
      }
      if (e.key === "Tab" || (e.key === "Enter" && !e.shiftKey && !exact)) {
        e.preventDefault();
        this.pick(this.active);
        return;
      }
    }
    if (e.key === "ArrowUp" && !this.text && this.last.length) {
      e.preventDefault();
      this.text = this.last.at(-1);
    } else if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
      e.preventDefault();
      this.send();
    }
  }

  async send() {
    const text = this.text.trim();
    if (!text) return;
    this.hide();
    this.last.push(text);
    // Slack's own client escapes a message; a command's words travel as they were typed.
    const sent = text.startsWith("/")
      ? text
      : text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
    this.text = "";
    const result = await this.app.send(sent);
    if (!result.ok && !this.text) this.text = text;
  }
}
