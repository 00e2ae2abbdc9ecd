/**
 * npm's ws, which holds a server to RFC 6455, for test_clients.py: one connection to `url` with `options`.
 *
 * Each line of the output is JSON: `open` with what was agreed on, `heard` with a text's sum and length, `pinged`,
 * `ponged` with the words that came back, `closed` with code and reason, `error`. A line of the input is what to do:
 * `send` a text, `ping` with words, `close` with a code.
 */
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";

const { url, options } = JSON.parse(process.argv[2]);
const say = (told) => console.log(JSON.stringify(told));
const socket = new WebSocket(url, options);

socket.on("open", () => say({ open: { extensions: socket.extensions, protocol: socket.protocol } }));
socket.on("message", (data, isBinary) => {
  const sum = createHash("sha256").update(data).digest("hex");
  say({ heard: sum, bytes: data.length, isBinary });
});
socket.on("ping", () => say({ pinged: true }));
socket.on("pong", (data) => say({ ponged: data.toString() }));
socket.on("error", (error) => say({ error: error.message }));
socket.on("close", (code, reason) => {
  say({ closed: code, reason: reason.toString() });
  process.exit();
});

createInterface({ input: process.stdin }).on("line", (line) => {
  const { send, ping, close } = JSON.parse(line);
  if (send !== undefined) socket.send(send);
  if (ping !== undefined) socket.ping(ping);
  if (close !== undefined) socket.close(close);
});
