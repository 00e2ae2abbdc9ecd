/** Puts the page together. What things are and do stands in the modules; here stands who hears whom. */

import { DetailsCache } from "./clip/clip-details.js";
import { ClipList } from "./list/clip-list.js";
import { acceptFiles } from "./list/drop-zone.js";
import { tellWhatIsTaken } from "./list/first-visit.js";
import { toolbar } from "./list/toolbar.js";
import { AudioCache } from "./offline/audio-cache.js";
import { Changes } from "./offline/changes.js";
import { Intake } from "./offline/intake.js";
import { Journal } from "./offline/journal.js";
import { Memory } from "./offline/memory.js";
import { OfflineLibrary } from "./offline/offline-library.js";
import { Outbox } from "./offline/outbox.js";
import { Tus } from "./offline/tus.js";
import { PlayerBar } from "./player/player-bar.js";
import { Capture } from "./recording/capture.js";
import { RecorderPanel } from "./recording/recorder-panel.js";
import { Recorder } from "./recording/recorder.js";
import { obstacle } from "./recording/refusals.js";
import { Actions } from "./shared/actions.js";
import { Api, needed, Problem } from "./shared/api.js";
import { Connection } from "./shared/connection.js";
import { Deletion } from "./shared/deletion.js";
import { part } from "./shared/element.js";
import { Feed } from "./shared/feed.js";
import { firstLines } from "./shared/format.js";
import { Library } from "./shared/library.js";
import { Places } from "./shared/places.js";
import { Polling } from "./shared/polling.js";
import { Router } from "./shared/router.js";
import { ServerFacts } from "./shared/server-facts.js";
import { Sync } from "./shared/sync.js";
import { Toast } from "./shared/toast.js";
import { words } from "./shared/words.js";

/** @template T @param {EventTarget} from @param {string} type @param {(detail: T) => void} work */
const on = (from, type, work) =>
  from.addEventListener(type, (event) => work(/** @type {CustomEvent<T>} */ (event).detail));

const channelOf = (/** @type {string} */ name) => (globalThis.BroadcastChannel ? new BroadcastChannel(name) : null);

/** Begin the page. */
export async function start() {
  const journal = await Journal.open();
  const page = build(journal);
  follow(page);
  watch(page);
  void page.outbox.scan();
  void page.changes.scan();
  void page.known.show();
  void page.sync.read();
  void page.places.begin();
}

/** @typedef {ReturnType<typeof build>} Page */

/** Everything that the page is made of. @param {Journal} journal */
function build(journal) {
  const api = new Api();
  const library = new Library();
  const feed = new Feed({ base: location.href });
  const sync = new Sync(library, api, feed);
  const memory = new Memory();
  const sounds = new AudioCache(memory, api);
  const toast = new Toast(document.body);
  const changes = new Changes(memory, api, library, { channel: channelOf("dictaphone-changes") });
  // Where the browser keeps nothing, it is told at least.
  const keep = (/** @type {Parameters<Changes["refuse"]>} */ ...[change, problem]) =>
    changes.refuse(change, problem).catch(() => toast.say([words.offline.refused[change.kind](change.title, problem), change.kind === "notes" && change.value].filter(Boolean).join("\n"), { stays: true }));
  const outbox = new Outbox(journal, api, new Tus(), { channel: channelOf("dictaphone"), keep });
  const recorder = new Recorder();
  const parts = {
    ...{ api, library, feed, sync, memory, sounds, changes, outbox, recorder, journal, announce },
    known: new OfflineLibrary(memory, library),
    capture: new Capture(recorder, journal, outbox),
    intake: new Intake(journal, outbox),
    actions: new Actions(library, api, outbox, changes, sounds),
    details: new DetailsCache(api, library),
    router: new Router(),
    toast,
    connection: new Connection(document.body),
    facts: new ServerFacts(api),
    choose: () => part(document, "files", HTMLInputElement).click(),
  };
  const deletion = new Deletion(parts);
  const take = receiver(parts.intake, parts.toast);
  acceptFiles(document.body, take);
  const player = new PlayerBar(part(document, "player", HTMLElement), parts);
  const panel = new RecorderPanel(document.body, parts.capture, announce);
  const list = new ClipList(part(document, "library", HTMLElement), { ...parts, deletion, player });
  toolbar(list.element, { ...parts, list });
  tellWhatIsTaken(document, parts.facts);
  const places = new Places(document.body, { ...parts, deletion, player, list, panel });
  return { ...parts, deletion, player, panel, list, places, take };
}

/** Tell screen readers something; the same words once more are news, too. @param {string} words */
function announce(words) {
  const live = part(document, "live", HTMLElement);
  live.textContent = "";
  setTimeout(() => (live.textContent = words), 50);
}

/** Who hears whom, of what this device and the server say. @param {Page} page */
function follow(page) {
  const { library, outbox, sounds, known, journal, capture, panel, list, changes, sync, feed, intake, connection, facts } = page;
  on(changes, "refused", async (/** @type {import("./shared/types.js").Change[]} */ refused) => {
    const { show } = await needed(import("./offline/refused-changes.js"));
    show(part(document, "refused", HTMLElement), changes, refused);
  });
  on(outbox, "change", (/** @type {import("./shared/types.js").Local} */ local) => library.keep(local));
  on(outbox, "sent", (/** @type {import("./shared/types.js").Clip} */ clip) => {
    library.apply(clip);
    sounds.own(clip.id);
  });
  on(outbox, "gone", (/** @type {string} */ id) => library.release(id));
  on(known, "other", () => void sounds.clear());
  // A recording says so itself.
  on(journal, "unsafe", () => {
    if (!capture.id) panel.say(words.device.noRoomForFile);
  });
  on(capture, "begin", (/** @type {{id: string}} */ { id }) => list.hide(id));
  on(capture, "end", () => list.hide(null));
  on(document.body, "continue", (/** @type {string} */ id) => void panel.continue(id));
  on(library, "change", (/** @type {{id: string, before: import("./shared/types.js").Entry|null}} */ { id, before }) => {
    const entry = library.get(id);
    if (entry && id === capture.id) panel.hear(entry);
    const clip = entry?.clip;
    if (clip) void outbox.told(clip);
    if (clip) void sounds.heard(clip);
    const arrived = before?.clip && before.clip.status !== "done" && clip?.status === "done";
    if (arrived) announce(words.list.arrived(clip.name, firstLines(clip.text ?? clip.excerpt ?? "")));
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
  on(sync, "limits", (/** @type {{upload_bytes: number, bin_days?: number}} */ limits) => {
    intake.limit_bytes = limits.upload_bytes;
    facts.take(limits);
  });
  listen(page, feed);
}

/** The server's events, and what is done while none come. @param {Page} page @param {Feed} feed */
function listen({ sync, connection, library, outbox, changes, list }, feed) {
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
}

/** Take files that come in, and say what became of them. @param {Intake} intake @param {Toast} toast */
function receiver(intake, toast) {
  return async (/** @type {Iterable<File>} */ files) => {
    const isLibrary = (/** @type {File} */ { name }) => /\.zip$/i.test(name);
    const told = await intake.take([...files].filter((file) => !isLibrary(file)));
    for (const file of [...files].filter(isLibrary)) {
      toast.say(words.takeout.bringing(file.name), { stays: true });
      told.push(await (await needed(import("./settings/library-import.js"))).bring(file));
    }
    if (told.length) toast.say(told.join("\n"), { stays: true });
  };
}

/** What the browser says: it sees the page or not, has a network or not, and may close it. @param {Page} page */
function watch(page) {
  const { feed, sync, outbox, changes, capture, panel, list, places, recorder, intake, journal } = page;
  // A part that did not come, and nobody else says so.
  addEventListener("unhandledrejection", (event) => {
    if (!(event.reason instanceof Problem)) return;
    event.preventDefault();
    page.toast.say(event.reason.message);
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
      places.flush();
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
  // A network that went away before the page was kept comes back.
  const tryInstall = () =>
    install(page, busy).catch(() => feed.addEventListener("open", () => void install(page, busy).catch(() => {}), { once: true }));
  // It takes turns with nothing that somebody waits for.
  sync.addEventListener("list", () => setTimeout(tryInstall), { once: true });
}

/** Nothing of this is needed to see the clips or to record. @param {Page} page @param {() => boolean} busy */
async function install({ capture, panel, places, intake, take }, busy) {
  const [{ Offers }, { Installation, launched, shared }] = await Promise.all([import("./offline/offers.js"), import("./offline/install.js")]);
  const installation = new Installation();
  const offers = new Offers(document.body, installation, { busy, flush: async () => places.flush() });
  for (const type of ["begin", "end"]) capture.addEventListener(type, () => setTimeout(() => offers.show()));
  if (launched(part(document, "record", HTMLElement))) panel.say(words.device.noRoomForShared);
  const waiting = await shared();
  if (waiting.length) {
    const { show } = await import("./offline/shared-files.js");
    show(part(document, "shared", HTMLElement), waiting, async (file) => {
      await take([file]);
      await intake.copied;
    });
  }
  // The page's files are read once more for it: after what somebody waits for.
  (globalThis.requestIdleCallback ?? setTimeout)(() => void installation.begin());
}

