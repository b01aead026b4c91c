// The sandbox's control API: questions, deeds, and the live stream that reconnects by itself.

import { toast } from "./dialogs.js";

const SLOW_START_MS = 250;
const SLOWEST_MS = 4000;
const UNANSWERED = "The app did not answer within 3 seconds, or answered with an error. Try again.";
let toastedAt = -Infinity;

export function serverToast(text) {
  toastedAt = performance.now();
  toast(text);
}

export async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

// Never throws: {ok: false, error} when the sandbox refuses or is gone.
export async function post(path, body) {
  try {
    const response = await fetch(`/sandbox/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    return await response.json();
  } catch {
    return { ok: false, error: "The sandbox does not answer. Is it still running?" };
  }
}

// A deed whose failure the person must see. An unanswered click is told once, in the server's words if it has any.
export async function deed(path, body, { quiet = false } = {}) {
  const asked = performance.now();
  const result = await post(path, body);
  if (!result.ok) toast(result.error ?? "That did not work.");
  else if (result.acked === false && !quiet) setTimeout(() => { if (toastedAt < asked) toast(UNANSWERED); }, 150);
  return result;
}

// on(event) for each change; fresh() after every connection, because some may have been missed before it.
export function live(as, on, fresh, status) {
  let socket = null;
  let wait = SLOW_START_MS;
  let stopped = false;
  const open = () => {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/sandbox/events?as=${encodeURIComponent(as)}`);
    socket.onopen = () => { wait = SLOW_START_MS; status(true); fresh(); };
    socket.onmessage = (e) => on(JSON.parse(e.data));
    socket.onclose = () => {
      if (stopped) return;
      status(false);
      setTimeout(() => { if (!stopped) open(); }, wait);
      wait = Math.min(wait * 2, SLOWEST_MS);
    };
  };
  open();
  return () => { stopped = true; socket.close(); };
}
