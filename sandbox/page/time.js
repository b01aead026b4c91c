// Times as Slack writes them, in the zone of the person looking.

const parts = (ms, zone, options) =>
  Object.fromEntries(
    new Intl.DateTimeFormat("en-US", { timeZone: zone, ...options })
      .formatToParts(ms)
      .map((p) => [p.type, p.value]),
  );

const zoned = (zone) => {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: zone });
    return zone;
  } catch {
    return undefined;
  }
};

export function dayKey(ms, zone) {
  const p = parts(ms, zoned(zone), { year: "numeric", month: "2-digit", day: "2-digit" });
  return `${p.year}-${p.month}-${p.day}`;
}

export function clock(ms, zone, seconds = false) {
  return new Intl.DateTimeFormat("en-US", {
    timeZone: zoned(zone),
    hour: "numeric",
    minute: "2-digit",
    ...(seconds && { second: "2-digit" }),
  })
    .format(ms)
    .replace(/\u202f/g, " ");
}

function ordinal(day) {
  const n = Number(day);
  const last = n % 10;
  if (n >= 11 && n <= 13) return `${n}th`;
  return `${n}${last === 1 ? "st" : last === 2 ? "nd" : last === 3 ? "rd" : "th"}`;
}

// "today" and its neighbours, or null.
function near(ms, zone, now) {
  for (const [word, shift] of [
    ["today", 0],
    ["yesterday", -1],
    ["tomorrow", 1],
  ])
    if (dayKey(ms, zone) === dayKey(now + shift * 86_400_000, zone)) return word;
  return null;
}

function ago(ms, now) {
  const seconds = Math.round((now - ms) / 1000);
  const size = Math.abs(seconds);
  const [count, unit] =
    size < 60
      ? [size, "second"]
      : size < 3600
        ? [Math.floor(size / 60), "minute"]
        : size < 86_400
          ? [Math.floor(size / 3600), "hour"]
          : [Math.floor(size / 86_400), "day"];
  const words = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return seconds >= 0 ? `${words} ago` : `in ${words}`;
}

// The tokens of <!date^…>. Source: docs.slack.dev, messaging/formatting-message-text, "Date formatting".
export function dateTokens(format, ms, zone, now = Date.now()) {
  const tz = zoned(zone);
  const p = parts(ms, tz, { weekday: "long", year: "numeric", month: "long", day: "numeric" });
  const short = parts(ms, tz, { month: "short" }).month;
  const num = dayKey(ms, tz);
  const [y, m, d] = num.split("-");
  const date = `${p.month} ${ordinal(p.day)}, ${p.year}`;
  const values = {
    date_num: num,
    date_slash: `${m}/${d}/${y}`,
    date,
    date_long: `${p.weekday}, ${date}`,
    date_long_full: `${p.weekday}, ${date}`,
    date_short: `${short} ${p.day}, ${p.year}`,
    time: clock(ms, tz),
    time_secs: clock(ms, tz, true),
    ago: ago(ms, now),
    day_divider_pretty: near(ms, tz, now) ?? `${p.weekday}, ${p.month} ${ordinal(p.day)}`,
  };
  for (const kind of ["date", "date_long", "date_short"])
    values[`${kind}_pretty`] = near(ms, tz, now) ?? values[kind];
  const text = format.replace(/\{([a-z_]+)\}/g, (whole, token) => values[token] ?? whole);
  return /^\{[a-z_]*pretty\}/.test(format) ? text[0].toUpperCase() + text.slice(1) : text;
}

export const dayLabel = (ms, zone) => dateTokens("{day_divider_pretty}", ms, zone);
// "today at 9:30 AM", "Nov 20, 2026 at 9:30 AM": small, for the middle of a sentence.
export const when = (ms, zone) =>
  dateTokens(" {date_short_pretty} at {time}", ms, zone).trimStart();
export const fullTime = (ms, zone) => dateTokens("{date_pretty} at {time_secs}", ms, zone);
export const tsMillis = (ts) => Number(ts) * 1000;

// "2026-11-22T09:30" on the wall of `zone` to seconds since 1970, and back.
export function toSeconds(local, zone) {
  const wanted = Date.parse(`${local}:00Z`);
  let at = wanted;
  for (let i = 0; i < 2; i++) at += wanted - Date.parse(`${toLocal(at / 1000, zone)}:00Z`);
  return at / 1000;
}

export function toLocal(seconds, zone) {
  const ms = seconds * 1000;
  const p = parts(ms, zoned(zone), { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return `${dayKey(ms, zone)}T${p.hour}:${p.minute}`;
}
