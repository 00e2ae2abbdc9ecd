/** What the sign-in page says. It is small, and comes without the words of the page (static/words/). */

import { recall } from "../shared/preferences.js";

const en = {
  signIn: "Sign in",
  lead: "Your clips are on this server. What you recorded on this device is kept, and sent when you are in.",
  name: "Name",
  password: "Password",
  newPassword: "A new password",
  passwordHint: "At least 12 characters. A sentence is good.",
  usePasskey: "Sign in with a passkey",
  makePasskey: "Make a passkey",
  or: "or",
  claimByPassword: "Use a password",
  claim: "This server is yours",
  claimLead: "Say how you want to be called, and choose what opens it from now on: a passkey of this device, or a password.",
  comeBack: (/** @type {string} */ name) => `Welcome back, ${name}`,
  comeBackLead: "Choose what lets you in from now on: a passkey of this device, or a password.",
  device: "Sign in on this device",
  deviceLead: "The link comes from another device of yours. It counts once.",
  unclaimed: "Nobody owns this server yet",
  unclaimedLead: "Its log shows a link. Whoever opens that link within an hour owns it. To get another one, run: python -m services.api.claim",
  isIn: "You are signed in",
  closeTab: "You can close this tab. The other one goes on by itself.",
  offline: "Sign in when you are back",
  away: "The server cannot be reached. What you recorded is kept on this device.",
  again: "Try again",
  declined: "The passkey was not used. Try again, or use a password.",
  failed: "That did not work. Try again.",
  /** @type {Record<string, string>} */
  refusals: {
    "wrong-credentials": "The server knows nobody with that.",
    "wrong-code": "This link does not count any more.",
    claimed: "This server has an owner. Sign in.",
    "name-taken": "Somebody here has this name. Choose another one.",
    "insecure-page": "Nobody signs in over http: open the page by https.",
    "no-passkeys": "There are no passkeys at this address. Use a password.",
    "too-many": "There were too many tries. Wait some minutes.",
  },
};

/** @type {typeof en} */
const de = {
  signIn: "Anmelden",
  lead: "Deine Clips liegen auf diesem Server. Was du auf diesem Gerät aufgenommen hast, bleibt und wird danach gesendet.",
  name: "Name",
  password: "Passwort",
  newPassword: "Ein neues Passwort",
  passwordHint: "Mindestens 12 Zeichen. Ein Satz ist gut.",
  usePasskey: "Mit einem Passkey anmelden",
  makePasskey: "Einen Passkey anlegen",
  or: "oder",
  claimByPassword: "Ein Passwort verwenden",
  claim: "Dieser Server gehört dir",
  claimLead: "Sag, wie du heißen möchtest, und wähle, was ihn von jetzt an öffnet: ein Passkey dieses Geräts oder ein Passwort.",
  comeBack: (name) => `Willkommen zurück, ${name}`,
  comeBackLead: "Wähle, was dich von jetzt an einlässt: ein Passkey dieses Geräts oder ein Passwort.",
  device: "Auf diesem Gerät anmelden",
  deviceLead: "Der Link kommt von einem anderen Gerät von dir. Er gilt einmal.",
  unclaimed: "Dieser Server gehört noch niemandem",
  unclaimedLead: "In seinem Protokoll steht ein Link. Wer ihn innerhalb einer Stunde öffnet, dem gehört der Server. Einen neuen gibt: python -m services.api.claim",
  isIn: "Du bist angemeldet",
  closeTab: "Du kannst diesen Tab schließen. Der andere macht von selbst weiter.",
  offline: "Melde dich an, wenn du zurück bist",
  away: "Der Server ist nicht erreichbar. Was du aufgenommen hast, liegt auf diesem Gerät.",
  again: "Noch einmal versuchen",
  declined: "Der Passkey wurde nicht verwendet. Versuch es noch einmal, oder nimm ein Passwort.",
  failed: "Das hat nicht geklappt. Versuch es noch einmal.",
  refusals: {
    "wrong-credentials": "Damit kennt der Server niemanden.",
    "wrong-code": "Dieser Link gilt nicht mehr.",
    claimed: "Dieser Server hat schon jemanden. Melde dich an.",
    "name-taken": "Jemand hier heißt schon so. Wähle einen anderen Namen.",
    "insecure-page": "Über http meldet sich niemand an: Öffne die Seite mit https.",
    "no-passkeys": "Unter dieser Adresse gibt es keine Passkeys. Nimm ein Passwort.",
    "too-many": "Das waren zu viele Versuche. Warte einige Minuten.",
  },
};

/** @type {typeof en} */
const ar = {
  signIn: "تسجيل الدخول",
  lead: "مقاطعك على هذا الخادم. ما سجّلته على هذا الجهاز محفوظ، ويُرسل بعد دخولك.",
  name: "الاسم",
  password: "كلمة المرور",
  newPassword: "كلمة مرور جديدة",
  passwordHint: "12 حرفًا على الأقل. الجملة خيار جيد.",
  usePasskey: "الدخول بمفتاح مرور",
  makePasskey: "إنشاء مفتاح مرور",
  or: "أو",
  claimByPassword: "استخدام كلمة مرور",
  claim: "هذا الخادم لك",
  claimLead: "اختر اسمك، واختر ما يفتح الخادم من الآن: مفتاح مرور على هذا الجهاز، أو كلمة مرور.",
  comeBack: (name) => `أهلًا بعودتك، ${name}`,
  comeBackLead: "اختر ما يدخلك من الآن: مفتاح مرور على هذا الجهاز، أو كلمة مرور.",
  device: "الدخول على هذا الجهاز",
  deviceLead: "الرابط من جهاز آخر لك، وهو صالح مرة واحدة.",
  unclaimed: "لا مالك لهذا الخادم بعد",
  unclaimedLead: "في سجلّه رابط. من يفتحه خلال ساعة يملك الخادم. لرابط جديد شغّل: python -m services.api.claim",
  isIn: "تم الدخول",
  closeTab: "يمكنك إغلاق هذه النافذة. الأخرى تتابع وحدها.",
  offline: "سجّل الدخول عند عودتك",
  away: "تعذّر الوصول إلى الخادم. ما سجّلته محفوظ على هذا الجهاز.",
  again: "حاول مرة أخرى",
  declined: "لم يُستخدم مفتاح المرور. حاول مرة أخرى، أو استخدم كلمة مرور.",
  failed: "لم ينجح ذلك. حاول مرة أخرى.",
  refusals: {
    "wrong-credentials": "لا يعرف الخادم أحدًا بهذه البيانات.",
    "wrong-code": "لم يعد هذا الرابط صالحًا.",
    claimed: "لهذا الخادم مالك. سجّل الدخول.",
    "name-taken": "هذا الاسم مستخدم هنا. اختر اسمًا آخر.",
    "insecure-page": "لا دخول عبر http: افتح الصفحة عبر https.",
    "no-passkeys": "لا مفاتيح مرور على هذا العنوان. استخدم كلمة مرور.",
    "too-many": "محاولات كثيرة. انتظر بضع دقائق.",
  },
};

export const WORDS = { en, de, ar };

/** The words of the language that was chosen on this device, or that the browser prefers. @param {Document} document */
export function speak(document, wanted = navigator.languages) {
  const tags = [String(recall("language", "")), ...wanted, "en"].map((tag) => tag.split("-")[0].toLowerCase());
  const code = /** @type {keyof typeof WORDS} */ (tags.find((tag) => tag in WORDS));
  document.documentElement.lang = code;
  document.documentElement.dir = code === "ar" ? "rtl" : "ltr";
  return WORDS[code];
}
