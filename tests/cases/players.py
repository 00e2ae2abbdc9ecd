"""An `<audio>` element in a browser: what it says it can play, and the sound that it really gives after a seek.

The sound is caught behind the element, so what is measured is what a person hears and not what `currentTime` claims.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tests.cases.case import Case
from tests.cases.places import Row, loudest_channel, position_in_speech
from tests.cases.source import FIRST_WORDS_S, LAST_WORDS_S

MAX_SEEK_ERROR_S = 0.1

CAUGHT_S = 1.6
"""Sound that is caught after a seek."""

COMPARED_S = 1.2
MIN_CAUGHT_S = 0.3

SILENCE = 0.003
"""Of the loudest sample: what is less, before the element plays, is silence and what an encoder makes of it."""

MIN_LIKENESS = 0.5

CAN_PLAY = "(mime) => new Audio().canPlayType(mime)"

PLAY = """async (url, from, seconds) => {
  const late = new Promise((_, fail) => setTimeout(() => fail(new Error("it got stuck")), 30000));
  return await Promise.race([play(), late]);

  async function play() {
    const audio = document.createElement("audio");
    const event = (name, ms) => new Promise((done, fail) => {
      audio.addEventListener(name, done, { once: true });
      audio.addEventListener("error", () => fail(new Error(`error ${audio.error?.code}: ${audio.error?.message}`)));
      setTimeout(() => fail(new Error(`no ${name} within ${ms} ms`)), ms);
    });
    const catchSound = audio.mozCaptureStream ? () => catchByRecorder(audio) : await catchByContext(audio);
    const loaded = event("canplay", 15000);
    audio.preload = "auto";
    audio.src = url;
    await loaded;
    const sought = event("seeked", 10000);
    audio.currentTime = from;
    await sought;
    const soughtTo = audio.currentTime;
    const stop = await catchSound();
    const caughtFrom = audio.currentTime;
    await audio.play();
    await new Promise((done) => setTimeout(done, 1000 * seconds));
    const playedTo = audio.currentTime;
    audio.pause();
    const caught = await stop();
    const duration = audio.duration;
    const ended = event("ended", 5000);
    ended.catch(() => {});
    audio.currentTime = Math.max(0, duration - 0.3);
    let hasEnded = true;
    try {
      await audio.play();
      await ended;
    } catch {
      hasEnded = audio.ended;
    }
    audio.removeAttribute("src");
    audio.load();
    return { duration, soughtTo, caughtFrom, playedTo, hasEnded, ...caught };
  }

  function toText(bytes) {
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    return btoa(text);
  }

  // Firefox runs no AudioContext on a machine without a sound card.
  async function catchByRecorder(audio) {
    const stream = audio.mozCaptureStream();
    if (!stream.active) await audio.play();
    const recorder = new MediaRecorder(stream);
    const blobs = [];
    // A short sound ends, and its recorder stops by itself.
    const stopped = new Promise((done) => (recorder.onstop = done));
    recorder.ondataavailable = ({ data }) => blobs.push(data);
    recorder.start();
    return async () => {
      if (recorder.state !== "inactive") recorder.stop();
      await stopped;
      return { file: toText(new Uint8Array(await new Blob(blobs).arrayBuffer())) };
    };
  }

  // WebKit loses the first second of an element that becomes a source when it has loaded already.
  async function catchByContext(audio) {
    const context = (globalThis.caught ??= new AudioContext());
    await context.resume();
    const source = context.createMediaElementSource(audio);
    const tap = context.createScriptProcessor(4096, 2, 1);
    source.connect(tap);
    tap.connect(context.destination);
    return () => {
      const blocks = [];
      tap.onaudioprocess = ({ inputBuffer }) => {
        const right = inputBuffer.getChannelData(1);
        blocks.push(inputBuffer.getChannelData(0).map((left, at) => (left + right[at]) / 2));
      };
      return async () => {
        tap.onaudioprocess = null;
        const samples = new Float32Array(blocks.length * 4096);
        blocks.forEach((block, number) => samples.set(block, number * 4096));
        return { samples: toText(new Uint8Array(samples.buffer)), rate: context.sampleRate };
      };
    };
  }
}"""
"""Load, seek, play for some seconds and catch the sound, then play the end."""


class BrowserPage(Protocol):
    """A page that runs functions of its language."""

    async def evaluate(self, function: str, *arguments: Any) -> Any: ...


@dataclass(frozen=True)
class Playback:
    """How an element played a case."""

    sought_s: float
    played_s: float
    """How far `currentTime` went."""
    duration_s: float | None
    has_ended: bool
    error_s: float | None
    """How far the sound after the seek is from its place; None: no sound was caught."""
    likeness: float = 0.0

    @property
    def is_right(self) -> bool:
        has_moved = self.played_s > self.sought_s + 0.3 or self.has_ended
        return has_moved and self.has_ended and self.error_s is not None and abs(self.error_s) <= MAX_SEEK_ERROR_S


async def can_play(page: BrowserPage, mime: str) -> bool:
    return bool(await page.evaluate(CAN_PLAY, mime))


async def play(page: BrowserPage, url: str, case: Case) -> Playback:
    """Play from a moment within the case's last words on, and see where the sound comes from.

    Raises what the page fails with.
    """
    copy = case.copies[-1]
    spoken_s = _seek_place(copy.from_s, copy.to_s)
    sought_s = copy.at_s + spoken_s - copy.from_s
    heard = await page.evaluate(PLAY, url, sought_s, min(CAUGHT_S, copy.to_s - spoken_s + 0.5))
    samples, rate = _caught(heard)
    sounding = np.flatnonzero(np.abs(samples) > SILENCE * np.abs(samples).max(initial=0))
    error_s, likeness = None, 0.0
    if len(sounding) and len(samples) - sounding[0] > MIN_CAUGHT_S * rate:
        caught = samples[sounding[0] : sounding[-1] + 1]
        place_s, likeness = position_in_speech(caught[: round(COMPARED_S * rate)], rate)
        error_s = place_s - spoken_s - (heard["caughtFrom"] - sought_s) if likeness >= MIN_LIKENESS else None
    return Playback(heard["soughtTo"], heard["playedTo"], heard["duration"], heard["hasEnded"], error_s, likeness)


def _caught(heard: Mapping[str, Any]) -> tuple[Row, int]:
    """The caught sound, of one channel or mixed, and its rate."""
    if "samples" in heard:
        return np.frombuffer(base64.b64decode(heard["samples"]), np.float32), round(heard["rate"])
    return loudest_channel(base64.b64decode(heard["file"]))


def _seek_place(from_s: float, to_s: float) -> float:
    """A place in the speech within words, and, if there is that much of it, not near its beginning."""
    last_s = LAST_WORDS_S[0] if to_s > LAST_WORDS_S[1] else 5.3
    return last_s if from_s <= last_s and last_s + 1 < to_s else max(from_s, min(FIRST_WORDS_S[0], to_s))
