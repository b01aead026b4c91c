// "Break something": what can go wrong in the small world beside the local Slack, and whether it was mended.

import { deed, get } from "./api.js";
import { dialog } from "./dialogs.js";
import { h, icon } from "./dom.js";

const WORDS = { well: "", broken: "broken", mended: "mended" };
const LOOK_AGAIN_MS = 2000;

// The button is there only where there is a world to break.
export async function showBreak(button) {
  try {
    button.hidden = (await get("/sandbox/scenarios")).length === 0;
  } catch {
    button.hidden = true;
  }
}

function entry(scenario, act) {
  const broken = scenario.state === "broken";
  return h(
    "section",
    { class: `scenario ${scenario.state}`, "data-key": scenario.key },
    h(
      "div",
      { class: "scenario-head" },
      h("strong", {}, scenario.title),
      h("span", { class: "scenario-state" }, WORDS[scenario.state]),
      !broken &&
        h(
          "button",
          {
            type: "button",
            class: "btn small",
            onclick: () => act("break", { scenario: scenario.key }),
          },
          scenario.state === "mended" ? "Break it again" : "Break it",
        ),
    ),
    h("p", { class: "dim" }, scenario.what),
    broken &&
      h(
        "p",
        { class: "dim" },
        "Try ",
        scenario.words.map((words, at) => [at ? ", then " : "", h("code", {}, `/ops ${words}`)]),
      ),
    broken &&
      scenario.by_hand.map((label) =>
        h(
          "button",
          {
            type: "button",
            class: "btn small",
            onclick: () => act("by-hand", { scenario: scenario.key, deed: label }),
          },
          label,
        ),
      ),
  );
}

export async function openScenarios() {
  const node = dialog("scenarios", "Break something");
  const list = h("div", { class: "dialog-body" });
  const look = async () => {
    try {
      const found = await get("/sandbox/scenarios");
      list.replaceChildren(...found.map((scenario) => entry(scenario, act)));
    } catch {
      list.replaceChildren("The sandbox does not answer. Is it still running?");
    }
  };
  const act = async (what, body) => {
    await deed(what, body);
    await look();
  };
  const looking = setInterval(look, LOOK_AGAIN_MS);
  node.addEventListener("close", () => clearInterval(looking));
  node.append(
    h(
      "header",
      { class: "dialog-head" },
      h("h2", {}, "Break something"),
      h(
        "button",
        {
          type: "button",
          class: "icon-button",
          "aria-label": "Close",
          onclick: () => node.close(),
        },
        icon("close"),
      ),
    ),
    list,
  );
  await look();
}
