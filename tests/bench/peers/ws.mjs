// A fan-out as one writes it with npm's `ws`: reads the stream, encodes each event once, sends it to each client.
import { createServer } from "node:http";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";

const { PORT, REDIS_URL, STREAM } = process.env;
const KEPT = 1000; // events that can be replayed
const redis = new Redis(REDIS_URL);
const server = createServer((_request, response) => response.end("ready"));
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
const TEXT = { binary: false };

/** @type {{ id: string, frame: Buffer }[]} */
const ring = [];

sockets.on("connection", (socket, request) => {
    socket.on("error", () => socket.terminate());
    const since = new URL(request.url, "http://host").searchParams.get("since");
    if (since === null) return;
    const place = ring.findIndex(({ id }) => id === since);
    if (place < 0) socket.send('{"type":"resync"}');
    else for (const { frame } of ring.slice(place + 1)) socket.send(frame, TEXT);
});

async function read() {
    let last = "0-0";
    for (;;) {
        const [[, entries]] = await redis.xread("COUNT", 200, "BLOCK", 0, "STREAMS", STREAM, last);
        for (const [id, [, data]] of entries) {
            const frame = Buffer.from(`{"id":"${id}",${data.slice(1)}`);
            ring.push({ id, frame });
            if (ring.length > KEPT) ring.shift();
            for (const socket of sockets.clients) socket.send(frame, TEXT);
            last = id;
        }
    }
}

redis.once("ready", () => {
    read();
    server.listen({ port: Number(PORT), host: "127.0.0.1", backlog: 4096 });
});
