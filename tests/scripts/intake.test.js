import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { beforeEach, test } from "node:test";
import { Intake } from "../../static/offline/intake.js";
import german from "../../static/words/de.js";
import { sentenceOf } from "../../static/shared/sentences.js";

const REFUSAL = "This is a picture: there is no sound in it.";

let kept, asked, answer, intake;

beforeEach(() => {
  // A browser that knows no file's duration.
  globalThis.Audio = class {
    set src(_) {
      this.onerror();
    }
    removeAttribute() {}
  };
  [kept, asked] = [[], []];
  answer = () => Response.json({ mime: "audio/x-caf" });
  globalThis.fetch = async (url, { body }) => {
    assert.equal(url, "/api/media-type");
    asked.push(body.size);
    return answer(body);
  };
  intake = new Intake({}, { begin: async (row) => void kept.push(row) });
});

const refusal = (detail, status = 415) =>
  Response.json({ type: "urn:dictaphone:problem:not-audio", detail }, { status });

const file = (name, type = "", bytes = 200_000) => new File([new Uint8Array(bytes)], name, { type, lastModified: 1e12 });

test("the server says what a file is, whatever the browser calls it, and its date goes with it", async () => {
  assert.deepEqual(await intake.take([file("Audio Message.caf"), file("camera.ts", "text/vnd.trolltech.linguist")]), []);
  assert.deepEqual(asked, [65_536, 65_536]);
  assert.deepEqual(
    kept.map(({ name, mime, modified_at, is_file }) => [name, mime, modified_at, is_file]),
    [
      ["Audio Message", "audio/x-caf", "2001-09-09T01:46:40.000Z", true],
      ["camera", "audio/x-caf", "2001-09-09T01:46:40.000Z", true],
    ],
  );
});

test("a file whose date no calendar has is kept, and so are those behind it", async () => {
  const dates = [8.64e15 + 1, 253_402_300_800_000, -8.64e15].map((lastModified) => new File(["a"], "a", { lastModified }));
  const before = new Date().toISOString();
  await intake.take([...dates, file("b")]);
  assert.deepEqual(kept.map(({ name }) => name), ["a", "a", "a", "b"]);
  const years = kept.slice(0, 3).map(({ modified_at }) => modified_at >= before || modified_at.slice(0, 4));
  assert.deepEqual(years, [true, true, "1970"]);
});

test("each file that is refused has its own sentence, and the others are taken", async () => {
  answer = (head) => (head.size < 1_000 ? refusal(REFUSAL) : Response.json({ mime: "audio/mpeg" }));
  intake.limit_bytes = 300_000;
  const told = await intake.take([
    file("a.png", "image/png", 500),
    file("b", "", 2_000),
    file("c.wav", "audio/wav", 0),
    file("d.wav", "audio/wav", 400_000),
  ]);
  assert.equal(told.length, 3);
  assert.equal(sentenceOf(told[0]), `“a.png” was not taken: ${REFUSAL}`);
  assert.deepEqual(kept.map(({ name }) => name), ["b"]);
});

test("without an answer every file is taken, and the server is asked once", async () => {
  const notOurs = () => Response.json({ detail: "A proxy says no." }, { status: 415 });
  const away = () => Promise.reject(new TypeError("no network"));
  for (const none of [away, () => refusal("?", 404), notOurs, () => new Response("a page to sign in")]) {
    [kept, asked] = [[], []];
    answer = none;
    assert.deepEqual(await intake.take([file("memo.QTA"), file("odd"), file("talk.mp3", "audio/mpeg")]), []);
    assert.deepEqual(kept.map(({ mime }) => mime), ["audio/mp4", "application/octet-stream", "audio/mpeg"]);
    assert.equal(asked.length, 1);
  }
});

test("the server's refusals are known in the reader's language, word for word", () => {
  const python = ["services/api/audio_formats/refusals.py", "shared/isobmff.py"]
    .map((path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"))
    .join("")
    .replace(/"\n\s+"/g, "");
  for (const sentence of Object.keys(german.refusals)) assert.ok(python.includes(`"${sentence}"`), sentence);
  assert.equal(Object.keys(german.refusals).length, 15);
});
