/** Whether this device has room for what is being said, as a code. Pure. */

/** So little room is soon gone: a browser's own cache may take it. */
const LOW_BYTES = 200 * 1000 ** 2;

/** A warning that comes later than this leaves no time to do anything. */
const LOW_MS = 60 * 60_000;

/** A recording of so little says nothing about its size by the hour. */
const TELLING_MS = 30_000;

/**
 * A reason, or null when there is room enough.
 * @param {boolean} safe whether the device keeps it at all @param {StorageEstimate|null|undefined} estimate
 * @param {number} bytes of the recording so far @param {number} ms of the recording so far
 */
export function shortage(safe, estimate, bytes, ms) {
  if (!safe) return { code: "device.noRoom" };
  if (!estimate?.quota) return null;
  const free = Math.max(0, estimate.quota - (estimate.usage ?? 0));
  const left_ms = ms >= TELLING_MS && bytes ? (free * ms) / bytes : Infinity;
  if (free >= LOW_BYTES && left_ms >= LOW_MS) return null;
  return { code: "device.room", values: [Number.isFinite(left_ms) ? Math.floor(left_ms / 60_000) : null] };
}
