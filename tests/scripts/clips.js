/** Clips and kept recordings to test with. */

const AT = "2026-11-22T10:00:00.000Z";

export const clip = (id, more = {}) => ({
  ...{ id, name: id, mime: "audio/webm", bytes: 10, duration_ms: 4_000, status: "pending", text: null, language: null },
  ...{ language_set: null },
  ...{ tags: [], edited: false },
  ...{ recognizer: null, error: null, version: 1, created_at: AT, updated_at: AT, deleted_at: null },
  ...more,
});

export const kept = (id, more = {}) => ({
  ...{ id, name: id, mime: "audio/webm", bytes: 0, duration_ms: null, created_at: AT },
  ...{ state: "recording", problem: null, deleted_at: null },
  ...more,
});

export const local = (id, more = {}) => kept(id, { state: "ready", sending: "waiting", progress: 0, ...more });

/** How long a condition may take that nothing slow stands behind. */
const PATIENCE_MS = 2_000;

/** Resolve when `met` holds. @param {() => unknown} met */
export async function until(met) {
  const end = Date.now() + PATIENCE_MS;
  while (!(await met())) {
    if (Date.now() > end) throw new Error(`Waited in vain for ${met}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
