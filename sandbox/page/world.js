// Who and what a message may speak of, as the person acting sees it.

export function makeWorld(state) {
  const people = new Map(state.people.map((p) => [p.id, p]));
  const known = people.get(state.bot.user_id);
  const bot = {
    real_name: state.bot.name,
    color: "#1264a3",
    ...known,
    ...state.bot,
    id: state.bot.user_id,
    is_bot: true,
  };
  people.set(bot.id, bot);
  const channels = new Map(state.channels.map((c) => [c.id, c]));
  const world = {
    me: state.me,
    bot,
    people: state.people,
    channels: state.channels,
    groups: new Map((state.usergroups ?? []).map((g) => [g.id, g.handle])),
    person: (id) => people.get(id),
    channel: (id) => channels.get(id),
    other: (c) => people.get(c.members.find((m) => m !== state.me.id)) ?? state.me,
    title: (c) => (c.kind === "dm" ? world.other(c).real_name || world.other(c).name : c.name),
    isBotDm: (c) => c.kind === "dm" && c.members.includes(bot.id),
    botDm: () => state.channels.find((c) => world.isBotDm(c)),
  };
  return world;
}
