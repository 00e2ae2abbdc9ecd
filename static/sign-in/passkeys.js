/** Passkeys (WebAuthn): a ceremony's options as the server sends them, and its answer as the server reads it, in JSON. */

/** Whether this browser can have passkeys here: not without a secure context, and not at an address without a name. */
export const hasPasskeys = () =>
  isSecureContext && "PublicKeyCredential" in globalThis && Boolean(navigator.credentials) && !/^[\d.]+$|:/.test(location.hostname);

/** @param {any} options PublicKeyCredentialCreationOptionsJSON */
export async function makePasskey(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: described(options.excludeCredentials),
  };
  const made = /** @type {any} */ (await navigator.credentials.create({ publicKey }));
  const { clientDataJSON, attestationObject } = made.response;
  return {
    ...answer(made),
    response: {
      ...{ clientDataJSON: text(clientDataJSON), attestationObject: text(attestationObject) },
      transports: made.response.getTransports?.() ?? [],
    },
  };
}

/** @param {any} options PublicKeyCredentialRequestOptionsJSON */
export async function usePasskey(options) {
  const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: described(options.allowCredentials) };
  const used = /** @type {any} */ (await navigator.credentials.get({ publicKey }));
  const { clientDataJSON, authenticatorData, signature, userHandle } = used.response;
  return {
    ...answer(used),
    response: {
      ...{ clientDataJSON: text(clientDataJSON), authenticatorData: text(authenticatorData), signature: text(signature) },
      ...(userHandle ? { userHandle: text(userHandle) } : {}),
    },
  };
}

/** Whether a person closed the browser's question, or let it pass. @param {unknown} error */
export const isDeclined = (error) => error instanceof DOMException && ["NotAllowedError", "AbortError"].includes(error.name);

/** @param {any} credential */
function answer(credential) {
  const { id, rawId, type, authenticatorAttachment } = credential;
  return {
    ...{ id, rawId: text(rawId), type, clientExtensionResults: credential.getClientExtensionResults() },
    ...(authenticatorAttachment ? { authenticatorAttachment } : {}),
  };
}

/** @param {any[]} [credentials] */
const described = (credentials = []) => credentials.map((each) => ({ ...each, id: bytes(each.id) }));

/** @param {string} base64url */
export function bytes(base64url) {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** @param {ArrayBuffer} buffer */
export function text(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
