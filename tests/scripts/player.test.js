import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

/** An audio element, as far as a player looks at it. What it cannot play it says when it is to play. */
class FakeAudio extends EventTarget {
  /** @type {FakeAudio} */
  static last;
  /** Sources that cannot be played. */
  static broken = new Set();
  static blocks = false;
  paused = true;
  ended = false;
  seeking = false;
  currentTime = 0;
  duration = NaN;
  readyState = 0;
  playbackRate = 1;
  /** @type {{code: number}|null} */
  error = null;
  #src = "";

  constructor() {
    super();
    FakeAudio.last = this;
  }

  get src() {
    return this.#src;
  }

  set src(address) {
    this.#src = address;
    this.load();
  }

  getAttribute() {
    return this.#src || null;
  }

  removeAttribute() {
    this.#src = "";
  }

  load() {
    [this.error, this.paused, this.currentTime] = [null, true, 0];
  }

  async play() {
    if (FakeAudio.blocks) throw new DOMException("no", "NotAllowedError");
    this.paused = false;
    this.dispatchEvent(new Event("play"));
    if (FakeAudio.broken.has(this.#src)) {
      this.error = { code: 4 };
      queueMicrotask(() => this.dispatchEvent(new Event("error")));
      throw new DOMException("no", "NotSupportedError");
    }
    this.dispatchEvent(new Event("playing"));
  }

  pause() {
    if (this.paused) return;
    this.paused = true;
    this.dispatchEvent(new Event("pause"));
  }
}

Object.assign(globalThis, {
  Audio: FakeAudio,
  HTMLMediaElement: { HAVE_NOTHING: 0 },
  requestAnimationFrame: () => {},
});
const { Player } = await import("../../static/player/player.js");

const rest = () => new Promise((resolve) => setTimeout(resolve));

/** A player, what it asked for, what was said, and whether it says that it waits. */
function stage() {
  const part = () => Object.assign(new EventTarget(), { dataset: {}, style: { setProperty: () => {} } });
  const parts = /** @type {any} */ ({ play: part(), bar: part(), seek: part(), time: part() });
  const here = { asked: /** @type {string[]} */ ([]), said: "", waits: false, isMade: true, parts, make: /** @type {() => void} */ (() => {}) };
  const player = new Player(parts, {
    source: async (segment, { universal, waits, signal }) => {
      here.asked.push(universal ? "any" : "own");
      if (!universal && here.isMade) return `own-${segment}`;
      waits?.();
      await new Promise((resolve, reject) => {
        here.make = () => resolve(null);
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
      return "any";
    },
    failed: (sentence) => (here.said = sentence ?? ""),
    waits: (waits) => (here.waits = waits),
  });
  player.duration_ms = 10_000;
  return { player, ...{ here, state: () => parts.play.dataset.state } };
}

beforeEach(() => {
  FakeAudio.broken.clear();
  FakeAudio.blocks = false;
});

test("what the device cannot play is played in the form for any device, from the same place, as soon as it is made", async () => {
  FakeAudio.broken.add("own-0");
  const { player, here, state } = stage();
  await player.seek(4_000);
  await player.toggle();
  await rest();
  assert.deepEqual([here.asked, here.waits, player.waiting, state()], [["own", "any"], true, true, "waiting"]);
  assert.equal(here.parts.play.ariaLabel, "Pause");
  here.make();
  await rest();
  assert.deepEqual([FakeAudio.last.src, player.playing, here.waits, here.said, state()], ["any", true, false, "", "playing"]);
  FakeAudio.last.duration = 10;
  FakeAudio.last.dispatchEvent(new Event("loadedmetadata"));
  assert.equal(FakeAudio.last.currentTime, 4);
  player.close();
});

test("a press gives up what is being made, and the next one begins again", async () => {
  FakeAudio.broken.add("own-0");
  const { player, here, state } = stage();
  await player.toggle();
  await rest();
  await player.toggle();
  await rest();
  assert.deepEqual([player.waiting, player.playing, here.said, state()], [false, false, "", "paused"]);
  await player.toggle();
  await rest();
  here.make();
  await rest();
  assert.deepEqual([here.asked, player.playing], [["own", "any", "own", "any"], true]);
  player.close();
});

test("to play from a moment while the sound is made is no pause: it begins there", async () => {
  const { player, here } = stage();
  here.isMade = false;
  void player.playFrom(2_000);
  await rest();
  await player.playFrom(6_000);
  assert.ok(player.waiting);
  here.make();
  await rest();
  FakeAudio.last.duration = 10;
  FakeAudio.last.dispatchEvent(new Event("loadedmetadata"));
  assert.deepEqual([player.playing, FakeAudio.last.currentTime], [true, 6]);
  player.close();
});

test("another player that begins, or a recording, gives it up, too", async () => {
  FakeAudio.broken.add("own-0");
  const one = stage();
  await one.player.toggle();
  await rest();
  FakeAudio.broken.clear();
  const other = stage();
  await other.player.toggle();
  await rest();
  assert.deepEqual([one.player.waiting, other.player.playing], [false, true]);
  other.player.close();
  one.player.close();
});

test("the form for any device is tried once, and what it cannot play is said", async () => {
  for (const source of ["own-0", "any"]) FakeAudio.broken.add(source);
  const { player, here } = stage();
  await player.toggle();
  await rest();
  here.make();
  await rest();
  assert.deepEqual(here.asked, ["own", "any"]);
  assert.match(here.said, /cannot play its format/);
  player.close();
});

test("where a browser wants another click after the waiting, the page says so", async () => {
  FakeAudio.broken.add("own-0");
  const { player, here } = stage();
  await player.toggle();
  await rest();
  FakeAudio.blocks = true;
  here.make();
  await rest();
  assert.equal(here.said, "The sound is ready. Press Play again.");
  FakeAudio.blocks = false;
  await player.toggle();
  assert.deepEqual([here.asked, player.playing, here.said], [["own", "any"], true, ""]);
  player.close();
});

test("a network that breaks is no fault of the sound", async () => {
  const { player, here } = stage();
  await player.toggle();
  FakeAudio.last.error = { code: 2 };
  FakeAudio.last.dispatchEvent(new Event("error"));
  assert.deepEqual([here.asked, here.said], [["own"], "The server cannot be reached."]);
  player.close();
});

test("another sound of the same clip is asked for at the next play, which goes on from there", async () => {
  const { player, here } = stage();
  await player.toggle();
  FakeAudio.last.currentTime = 3;
  player.pause();
  player.renew();
  assert.equal(FakeAudio.last.src, "");
  assert.equal(player.at_ms, 3_000);
  await player.toggle();
  assert.deepEqual([here.asked, FakeAudio.last.src, player.playing], [["own", "own"], "own-0", true]);
  player.close();
});
