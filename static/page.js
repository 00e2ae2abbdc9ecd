/** Puts the page together. What things are and do stands in the modules; here stands who hears whom. */

import { Actions } from "./shared/actions.js";
import { Api, needed, Problem } from "./shared/api.js";
import { Capture } from "./recording/capture.js";
import { Changes } from "./offline/changes.js";
import { Feed } from "./shared/feed.js";
import { firstLines } from "./shared/format.js";
import { Intake } from "./offline/intake.js";
import { Journal } from "./offline/journal.js";
import { OfflineLibrary } from "./offline/offline-library.js";
import { Library } from "./shared/library.js";
import { Memory } from "./offline/memory.js";
import { Outbox } from "./offline/outbox.js";
import { Polling } from "./shared/polling.js";
import { Recorder } from "./recording/recorder.js";
import { obstacle } from "./recording/refusals.js";
import { AudioCache } from "./offline/audio-cache.js";
import { Sync } from "./shared/sync.js";
import { Tus } from "./offline/tus.js";
import { ClipList } from "./list/clip-list.js";
import { Connection } from "./shared/connection.js";
import { acceptFiles } from "./list/drop-zone.js";
import { Opened } from "./clip/opened.js";
import { part } from "./shared/element.js";
import { RecorderPanel } from "./recording/recorder-panel.js";
import { toolbar } from "./list/toolbar.js";
import { words } from "./shared/words.js";

/** @template T @param {EventTarget} from @param {string} type @param {(detail: T) => void} work */
const on = (from, type, work) =>
  from.addEventListener(type, (event) => work(/** @type {CustomEvent<T>} */ (event).detail));

export async function start() {
  const api = new Api();
  const library = new Library();
  const feed = new Feed({ base: location.href });
  const sync = new Sync(library, api, feed);
  const memory = new Memory();
  const known = new OfflineLibrary(memory, library);
  const sounds = new AudioCache(memory, api);
  const journal = await Journal.open();
  const channelOf = (/** @type {string} */ name) => (globalThis.BroadcastChannel ? new BroadcastChannel(name) : null);
  const channel = channelOf("dictaphone");
  const changes = new Changes(memory, api, library, { channel: channelOf("dictaphone-changes") });
  const outbox = new Outbox(journal, api, new Tus(), { channel });
  const recorder = new Recorder();
  const capture = new Capture(recorder, journal, outbox);
  const intake = new Intake(journal, outbox);

  const live = part(document, "live", HTMLElement);
  const announce = (/** @type {string} */ words) => {
    // The same words once more are news, too.
    live.textContent = "";
    setTimeout(() => (live.textContent = words), 50);
  };
  const actions = new Actions(library, api, outbox, changes, sounds);
  const list = new ClipList(part(document, "library", HTMLElement), library, sync, actions, announce);
  const panel = new RecorderPanel(part(document, "recorder", HTMLElement), capture, announce);
  const connection = new Connection(document.body);
  const opened = new Opened(list, library, api, part(document, "link-problem", HTMLElement));
  toolbar(list.element, { api, library, feed, list, actions, announce });

  /** The bin has its page once somebody looks into it. @type {import("./list/bin-view.js").BinView|undefined} */
  let bin;
  const lookIntoBin = async (/** @type {Event} */ event) => {
    if (bin || location.hash !== "#bin") return;
    const { BinView } = await needed(import("./list/bin-view.js"));
    bin ??= new BinView(document.body, library, actions, sync, announce);
    if (event.type === "hashchange") bin.title.focus();
  };
  addEventListener("hashchange", lookIntoBin);
  void lookIntoBin(new Event("load"));
  on(changes, "refused", async (/** @type {import("./shared/types.js").Change[]} */ refused) => {
    const { show } = await needed(import("./offline/refused-changes.js"));
    show(part(document, "refused", HTMLElement), changes, refused);
  });

  on(outbox, "change", (/** @type {import("./shared/types.js").Local} */ local) => library.keep(local));
  on(outbox, "sent", (/** @type {import("./shared/types.js").Clip} */ clip) => {
    library.apply(clip);
    sounds.own(clip.id);
  });
  on(known, "other", () => void sounds.clear());
  on(outbox, "gone", (/** @type {string} */ id) => library.release(id));
  // A recording says so itself.
  on(journal, "unsafe", () => {
    if (!capture.id) panel.say(words.device.noRoomForFile);
  });

  on(capture, "begin", (/** @type {{id: string}} */ { id }) => list.hide(id));
  on(capture, "end", () => list.hide(null));
  on(list.element, "continue", (/** @type {string} */ id) => void panel.continue(id));

  on(library, "change", (/** @type {{id: string, before: import("./shared/types.js").Entry|null}} */ { id, before }) => {
    const entry = library.get(id);
    if (entry && id === capture.id) panel.hear(entry);
    const clip = entry?.clip;
    if (clip) void outbox.told(clip);
    if (clip) void sounds.heard(clip);
    const arrived = before?.clip && before.clip.status !== "done" && clip?.status === "done";
    if (arrived) announce(words.list.arrived(clip.name, firstLines(clip.text ?? "")));
  });

  on(sync, "list", async (/** @type {string|null} */ problem) => {
    if (problem && connection.isPolled) {
      connection.down();
      library.cut(true);
    }
    if (problem) await known.unread();
    else {
      void known.read();
      changes.wake();
    }
    const isKnown = library.recalled_since !== null;
    connection.list(problem, isKnown);
    if (!problem || isKnown) list.ready();
  });
  // What the address names is opened when the list around it is there, or is known not to come.
  sync.addEventListener("list", () => void opened.follow(), { once: true });
  on(sync, "limits", (/** @type {{upload_bytes: number}} */ limits) => (intake.limit_bytes = limits.upload_bytes));
  // Where no events come although the server answers, the list is asked for, and the page says so instead of "offline".
  const polling = new Polling({
    read: () => sync.read(),
    retry: () => feed.wake(),
    answered: () => {
      connection.showPolling();
      library.cut(false);
      outbox.wake();
      changes.wake();
    },
    isVisible: () => document.visibilityState === "visible",
  });
  on(feed, "open", () => {
    polling.stop();
    connection.up();
    library.cut(false);
    outbox.wake();
    changes.wake();
    list.resend();
  });
  on(feed, "close", () => {
    polling.start();
    if (connection.isPolled) return; // the next attempt has failed too, and the list is read all the same
    connection.down();
    library.cut(true);
  });
  on(feed, "looking", (/** @type {number} */ pages) => connection.others(pages));

  const takeFiles = async (/** @type {Iterable<File>} */ files) => {
    const isLibrary = (/** @type {File} */ { name }) => /\.zip$/i.test(name);
    const told = await intake.take([...files].filter((file) => !isLibrary(file)));
    for (const file of [...files].filter(isLibrary)) {
      panel.say(words.takeout.bringing(file.name));
      told.push(await (await needed(import("./settings/library-import.js"))).bring(file));
    }
    panel.say(told.join("\n") || null);
  };
  acceptFiles(document.body, takeFiles);

  // A part that did not come, and nobody else says so.
  addEventListener("unhandledrejection", (event) => {
    if (!(event.reason instanceof Problem)) return;
    event.preventDefault();
    panel.say(event.reason.message);
  });

  const blocked = obstacle({
    secure: isSecureContext,
    microphone: Boolean(navigator.mediaDevices?.getUserMedia),
    recorder: "MediaRecorder" in globalThis,
  });
  if (blocked) panel.disable(blocked);

  /** Everything that waits, waits no longer. @param {number} [unseen_ms] */
  const wake = (unseen_ms) => {
    feed.wake(unseen_ms);
    sync.wake();
    outbox.wake();
    changes.wake();
  };
  let hidden_at = 0;
  addEventListener("online", () => wake());
  addEventListener("offline", () => feed.drop());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") {
      hidden_at = Date.now();
      capture.flush();
      panel.flush();
      list.flush();
    } else {
      wake(Date.now() - hidden_at);
      void capture.stayAwake();
      void outbox.scan();
      void changes.scan();
      list.relabel();
    }
  });
  document.addEventListener("freeze", () => capture.flush());
  /** Whether something is being made here that must not be cut off. */
  const busy = () => recorder.recording || intake.busy || !journal.safe;
  addEventListener("beforeunload", (event) => {
    if (busy()) event.preventDefault();
  });

  void outbox.scan();
  void changes.scan();
  void known.show();
  void sync.read();

  /** Nothing of this is needed to see the clips or to record. */
  const install = async () => {
    const [{ Offers }, { Installation, launched, shared }] = await Promise.all([import("./offline/offers.js"), import("./offline/install.js")]);
    const installation = new Installation();
    const offers = new Offers(document.body, installation, { busy, flush: async () => list.flush() });
    for (const type of ["begin", "end"]) capture.addEventListener(type, () => setTimeout(() => offers.show()));
    if (launched(part(document, "record", HTMLElement))) panel.say(words.device.noRoomForShared);
    const waiting = await shared();
    if (waiting.length) {
      const { show } = await import("./offline/shared-files.js");
      show(part(document, "shared", HTMLElement), waiting, async (file) => {
        await takeFiles([file]);
        await intake.copied;
      });
    }
    // The page's files are read once more for it: after what somebody waits for.
    (globalThis.requestIdleCallback ?? setTimeout)(() => void installation.begin());
  };
  // A network that went away before the page was kept comes back.
  const tryInstall = () => install().catch(() => feed.addEventListener("open", () => void install().catch(() => {}), { once: true }));
  // It takes turns with nothing that somebody waits for.
  sync.addEventListener("list", () => setTimeout(tryInstall), { once: true });
}
