import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Problem } from "../../static/shared/api.js";
import { rest, stage } from "./browser.js";
import { until } from "./clips.js";

let journal, server, tab, speak, empty;

beforeEach(() => {
  ({ journal, server, tab, speak, empty } = stage());
});

/** A pseudo-random number from 0 to 1 (mulberry32): a run that fails can be run again. */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const PASSING = ["lose", 1, new Problem("away"), new Problem("odd", 500), new Problem("changed", 460)];

for (let seed = 1; seed <= 60; seed += 1) {
  test(`tabs die, answers are lost, names change: the server has it all in the end (${seed})`, async () => {
    const draw = random(seed);
    const any = (of) => of[Math.floor(draw() * of.length)];
    const get = journal.get.bind(journal);
    journal.get = async (id) => {
      const row = await get(id);
      if (draw() < 0.2) await rest(draw() * 2); // A disk's answer is old when it comes.
      return row;
    };
    server.delay = () => (draw() < 0.3 ? rest(draw() * 3) : undefined);
    for (let i = 0; i < 12; i += 1) server.faults.push([any([/^send/, /^create/, /^head/, /./]), any(PASSING)]);
    let here = tab();
    const recording = await speak(here);
    const said = [""];
    let name = "a";
    for (let i = 0; i < 15; i += 1) {
      const what = draw();
      if (what < 0.5) {
        const opens = said.at(-1) && draw() < 0.3 ? "audio/webm" : null;
        if (opens) said.push("");
        said[said.length - 1] += `${i}.`;
        await recording.say(`${i}.`, opens);
      } else if (what < 0.6) await here.outbox.rename("a", (name = `name ${i}`));
      else if (what < 0.65) {
        const other = tab();
        await (draw() < 0.5 ? other.outbox.finish("a") : other.outbox.discard("a", new Date().toISOString()));
        other.die();
      } else if (what < 0.75) {
        here.die();
        recording.here = here = tab();
        await here.outbox.scan();
        await until(async () => ((await journal.get("a"))?.state ?? "left") === "left");
        if (!(await recording.continue())) return assert.equal(said.join(""), "", "only silence is dropped");
        if (said.at(-1)) said.push("");
        said[said.length - 1] += `${i},`;
        await recording.say(`${i},`, "audio/webm");
      } else await rest(draw() * 6);
    }
    await recording.stop();
    await until(empty);
    assert.equal(server.early, 0);
    if (said.join("")) {
      assert.deepEqual(server.sound("a"), said);
      assert.deepEqual([server.clips.get("a").name, server.clips.get("a").status], [name, "pending"]);
      assert.equal(server.clips.get("a").deleted_at, null, "what another tab shows is old, and ends nothing");
    }
  });
}
