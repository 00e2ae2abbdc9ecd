/** Puts the page together. What things are and do stands in the modules; here stands who hears whom. */

import { DetailsCache } from "./clip/clip-details.js";
import { ClipList } from "./list/clip-list.js";
import { acceptFiles } from "./list/drop-zone.js";
import { tellWhatIsTaken } from "./list/first-visit.js";
import { toolbar } from "./list/toolbar.js";
import { AudioCache } from "./offline/audio-cache.js";
import { Changes } from "./offline/changes.js";
import { forgetCopies } from "./offline/copies.js";
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
import { Api, Problem } from "./shared/api.js";
import { Connection } from "./shared/connection.js";
import { Deletion } from "./shared/deletion.js";
import { part } from "./shared/element.js";
import { Feed } from "./shared/feed.js";
import { firstList } from "./shared/first-list.js";
import { firstLines } from "./shared/format.js";
import { late } from "./shared/late.js";
import { Library } from "./shared/library.js";
import { Places } from "./shared/places.js";
import { Polling } from "./shared/polling.js";
import { Router } from "./shared/router.js";
import { ServerFacts } from "./shared/server-facts.js";
import { SESSION_CHANNEL, Session } from "./shared/session.js";
import { SignInNotice } from "./shared/sign-in-notice.js";
import { Sync } from "./shared/sync.js";
import { Toast } from "./shared/toast.js";
import { sentenceOf, sentenceOfError } from "./shared/sentences.js";
import { words } from "./shared/words.js";

/** @template T @param {EventTarget} from @param {string} type @param {(detail: T) => void} work */
const on = (from, type, work) =>
  from.addEventListener(type, (event) => work(/** @type {CustomEvent<T>} */ (event).detail));

const channelOf = (/** @type {string} */ name) => (globalThis.BroadcastChannel ? new BroadcastChannel(name) : null);

/** Somebody who is here so long has come to stay. */
const STAYED_MS = 15_000;

/** What was recorded here by somebody who is not this browser's person any more is mostly sent within this. */
const SENDING_MS = 10_000;

const refusedChanges = late(() => import("./offline/refused-changes.js"));
const libraryImport = late(() => import("./settings/library-import.js"));
const pageAsApp = late(() => import("./offline/offers.js"));
const sharedFiles = late(() => import("./offline/shared-files.js"));

/** Begin the page. */
export function start() {
  const page = build(Journal.open());
  follow(page);
  watch(page);
  void page.outbox.scan();
  void page.changes.scan();
  void ownCopies(page).then(() => page.known.show());
  void page.sync.read();
  void page.places.begin();
}

/** What another person left on this device for when there is no network is not shown. @param {Page} page */
async function ownCopies({ session, memory, sounds }) {
  if (session.takeCopies()) await forgetCopies(memory, sounds);
}

/** @typedef {ReturnType<typeof build>} Page */

/** Everything that the page is made of. @param {Journal} journal */
function build(journal) {
  const api = new Api();
  const session = new Session(api, { channel: channelOf(SESSION_CHANNEL) });
  const library = new Library();
  const feed = new Feed({ base: location.href });
  const sync = new Sync(library, api, feed, firstList());
  const memory = new Memory();
  const sounds = new AudioCache(memory, api);
  const toast = new Toast(document.body);
  const changes = new Changes(memory, api, library, { channel: channelOf("dictaphone-changes"), session });
  // Where the browser keeps nothing, it is told at least.
  const keep = (/** @type {Parameters<Changes["refuse"]>} */ ...[change, reason]) =>
    changes.refuse(change, reason).catch(() => toast.say([words.offline.refused[change.kind](change.title, sentenceOf(reason)), change.kind === "notes" && change.value].filter(Boolean).join("\n"), { stays: true }));
  const outbox = new Outbox(journal, api, new Tus(), { channel: channelOf("dictaphone"), keep, session });
  const recorder = new Recorder();
  const parts = {
    ...{ api, session, library, feed, sync, memory, sounds, changes, outbox, recorder, journal, announce },
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
    const { show } = await refusedChanges();
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
  on(sync, "list", async (/** @type {import("./shared/problem.js").Reason|null} */ problem) => {
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

/**
 * Somebody signs in, or has to, here or in another tab.
 * @param {Page} page @param {{busy: () => boolean, wake: () => void}} watched
 */
function attend({ session, outbox, changes, connection, capture, places, sync }, { busy, wake }) {
  const notice = new SignInNotice(document.body, session, busy);
  on(outbox, "others", (/** @type {number} */ count) => notice.others(count));
  on(session, "change", () => {
    connection.signedOut(session.isOut);
    if (session.isOut) return;
    void outbox.scan();
    void changes.scan();
    void places.again();
    wake();
  });
  // It is another person's browser now; what is recorded here is first brought to its end.
  const reload = () => location.reload();
  on(session, "other", () => {
    if (!busy()) return reload();
    capture.addEventListener("end", () => setTimeout(reload, SENDING_MS), { once: true });
  });
  const ask = () => {
    if (!session.isLocal || session.isOut) void session.check();
  };
  on(sync, "list", (/** @type {import("./shared/problem.js").Reason|null} */ problem) => {
    if (!problem && session.isOut) ask();
  });
  sync.addEventListener("list", () => setTimeout(ask), { once: true });
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
    const refused = await intake.take([...files].filter((file) => !isLibrary(file)));
    const told = refused.map((reason) => sentenceOf(reason));
    for (const file of [...files].filter(isLibrary)) {
      toast.say(words.takeout.bringing(file.name), { stays: true });
      told.push(await (await libraryImport()).bring(file));
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
    page.toast.say(sentenceOfError(event.reason));
  });
  const blocked = obstacle({
    secure: isSecureContext,
    microphone: Boolean(navigator.mediaDevices?.getUserMedia),
    recorder: "MediaRecorder" in globalThis,
  });
  if (blocked) panel.disable(sentenceOf(blocked));

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
      page.session.look();
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
  attend(page, { busy, wake });
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
async function install({ capture, panel, places, intake, take, known, api }, busy) {
  const { Installation, Offers, launched, shared } = await pageAsApp();
  const kept = new Installation();
  const offers = new Offers(document.body, kept, { busy, flush: async () => places.flush() });
  for (const type of ["begin", "end"]) capture.addEventListener(type, () => setTimeout(() => offers.show()));
  if (launched(part(document, "record", HTMLElement))) panel.say(words.device.noRoomForShared);
  const waiting = await shared();
  if (waiting.length) {
    const { show } = await sharedFiles();
    show(part(document, "shared", HTMLElement), waiting, async (file) => {
      await take([file]);
      await intake.copied;
    });
  }
  // The page's files are read once more for it: after what somebody waits for.
  const begin = async () => {
    await kept.begin();
    // Where the page starts without a network, its clips are read without one. Whoever only looks in pays nothing for it.
    if (kept.isKept) setTimeout(() => void known.complete(api).catch(() => {}), STAYED_MS);
  };
  (globalThis.requestIdleCallback ?? setTimeout)(() => void begin());
}

