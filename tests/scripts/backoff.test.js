import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../../static/shared/backoff.js";

test("waits grow to the cap, between half and whole", () => {
  const least = new Backoff({ first_ms: 100, max_ms: 500, random: () => 0 });
  const most = new Backoff({ first_ms: 100, max_ms: 500, random: () => 1 });
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => least.next()),
    [50, 100, 200, 250, 250],
  );
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => most.next()),
    [100, 200, 400, 500, 500],
  );
});

test("after thousands of attempts the wait is still a number", () => {
  const backoff = new Backoff({ first_ms: 100, max_ms: 500 });
  for (let i = 0; i < 5_000; i += 1) assert.ok(backoff.next() <= 500);
});

test("a server that says when to come back is not asked before", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let over = false;
  void new Backoff({ first_ms: 10, max_ms: 10 }).wait(5_000).then(() => (over = true));
  t.mock.timers.tick(4_999);
  await Promise.resolve();
  assert.equal(over, false);
  t.mock.timers.tick(1);
  await Promise.resolve();
  assert.equal(over, true);
});

test("wake ends every wait and begins with short ones again", { timeout: 1_000 }, async () => {
  const backoff = new Backoff({ first_ms: 60_000, max_ms: 3_600_000, random: () => 1 });
  const waits = [backoff.wait(), backoff.wait()];
  backoff.wake();
  await Promise.all(waits);
  assert.equal(backoff.next(), 60_000);
});
