// The sandbox's control API: questions, deeds, and the live stream that reconnects by itself.

import { toast } from "./dialogs.js";

const SLOW_START_MS = 250;
const SLOWEST_MS = 4000;

export async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

// Never throws: {ok: false, error} when the sandbox refuses or is gone.
export async function post(path, body) {
  try {
    const response = await fetch(`/sandbox/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return await response.json();
  } catch {
    return { ok: false, error: "The sandbox does not answer. Is it still running?" };
  }
}

// A deed whose refusal the person must see. An unanswered click is told by the stream's own toast.
export async function deed(path, body) {
  const result = await post(path, body);
  if (!result.ok) toast(result.error ?? "That did not work.");
  return result;
}

// on(event) for each change; fresh() after every connection, because some may have been missed before it.
export function live(as, on, fresh, status) {
  let socket = null;
  let wait = SLOW_START_MS;
  let stopped = false;
  const open = () => {
    socket = new WebSocket(
      `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/sandbox/events?as=${encodeURIComponent(as)}`,
    );
    socket.onopen = () => {
      wait = SLOW_START_MS;
      status(true);
      fresh();
    };
    socket.onmessage = (e) => on(JSON.parse(e.data));
    socket.onclose = () => {
      if (stopped) return;
      status(false);
      setTimeout(() => {
        if (!stopped) open();
      }, wait);
      wait = Math.min(wait * 2, SLOWEST_MS);
    };
  };
  open();
  return () => {
    stopped = true;
    socket.close();
  };
}
