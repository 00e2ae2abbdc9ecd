// The least that a fan-out without batching can do: reads the stream, and calls send() for each event and each socket.
// No replay, no limits, no deadlines; a socket whose buffer is full is closed. floor PORT REDIS_PORT STREAM
#define _GNU_SOURCE // accept4
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_FILES = 65536, BATCH = 200, REQUEST_BYTES = 8192, REPLY_BYTES = 1 << 20, FRAME_BYTES = 70000 };

static int poller, listener, store;
static int open_sockets[MOST_FILES], count, place_of[MOST_FILES]; // place_of: 1 + the place in open_sockets; 0: not open

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
}

static void forget(int fd) {
    if (place_of[fd]) {
        int last = open_sockets[--count];
        open_sockets[place_of[fd] - 1] = last;
        place_of[last] = place_of[fd];
        place_of[fd] = 0;
    }
    close(fd);
}

// -- the handshake (RFC 6455, 4.2.2; SHA-1 is RFC 3174) ---------------------------------------------------------------

static uint32_t turned(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }

static void sha1(const uint8_t *text, size_t length, uint8_t digest[20]) {
    uint8_t padded[128] = {0}; // a key and its GUID are 60 bytes: two blocks
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    memcpy(padded, text, length);
    padded[length] = 0x80;
    padded[126] = length * 8 >> 8;
    padded[127] = length * 8;
    for (int block = 0; block < 2; block++) {
        uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
        for (int i = 0; i < 16; i++) {
            memcpy(&w[i], padded + block * 64 + i * 4, 4);
            w[i] = ntohl(w[i]);
        }
        for (int i = 16; i < 80; i++) w[i] = turned(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        for (int i = 0; i < 80; i++) {
            uint32_t f = i < 20 ? ((b & c) | (~b & d)) + 0x5a827999
                : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                : (b ^ c ^ d) + 0xca62c1d6;
            uint32_t next = turned(a, 5) + f + e + w[i];
            e = d, d = c, c = turned(b, 30), b = a, a = next;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
    }
    for (int i = 0; i < 20; i++) digest[i] = state[i / 4] >> (24 - i % 4 * 8);
}

static void accept_key(const char *key, char answer[29]) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t text[60], digest[21] = {0};
    memcpy(text, key, 24);
    memcpy(text + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    sha1(text, 60, digest);
    for (int i = 0; i < 7; i++) {
        uint32_t three = digest[i * 3] << 16 | digest[i * 3 + 1] << 8 | digest[i * 3 + 2];
        for (int j = 0; j < 4; j++) answer[i * 4 + j] = digits[three >> (18 - j * 6) & 63];
    }
    answer[27] = '=';
    answer[28] = 0;
}

static void greet(int fd, char *request, ssize_t size) {
    char answer[256], accepted[29];
    request[size] = 0;
    char *key = strstr(request, "Sec-WebSocket-Key: ");
    if (!key || strlen(key) < 43) {
        static const char ready[] = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        send(fd, ready, sizeof ready - 1, MSG_NOSIGNAL);
        forget(fd);
        return;
    }
    accept_key(key + 19, accepted);
    int length = snprintf(answer, sizeof answer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
        accepted);
    send(fd, answer, length, MSG_NOSIGNAL);
    open_sockets[count++] = fd;
    place_of[fd] = count;
}

static void hear(int fd) {
    static char said[REQUEST_BYTES + 1];
    ssize_t size = recv(fd, said, REQUEST_BYTES, 0);
    if (size <= 0) {
        if (size == 0 || errno != EAGAIN) forget(fd);
    } else if (!place_of[fd]) {
        greet(fd, said, size); // the generator sends a request in one piece
    }
}

static void welcome(void) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(fd);
    }
}

// -- the stream -------------------------------------------------------------------------------------------------------

static char reply[REPLY_BYTES], last[64] = "0-0";
static size_t held;

static void ask(const char *stream) {
    char command[512];
    int length = snprintf(command, sizeof command, "XREAD COUNT %d BLOCK 0 STREAMS %s %s\r\n", BATCH, stream, last);
    if (send(store, command, length, MSG_NOSIGNAL) != length) fail("Redis");
}

// Steps over one RESP2 value; NULL if it is not whole yet. A string is given out as well.
static char *value(char *at, char **text, long *size) {
    char *line = memchr(at, '\n', reply + held - at);
    if (!line) return NULL;
    long number = strtol(at + 1, NULL, 10);
    char *next = line + 1;
    if (*at == '$') {
        if (next + number + 2 > reply + held) return NULL;
        *text = next;
        *size = number;
        next += number + 2;
    } else if (*at != '*') {
        fprintf(stderr, "Redis: %.*s", (int)(next - at), at);
        exit(1);
    }
    return next;
}

static void deliver(const char *id, long id_size, const char *data, long size) {
    static uint8_t frame[FRAME_BYTES];
    long length = size + id_size + 8; // {"id":"…",
    if (length + 4 > FRAME_BYTES || length < 126) return;
    frame[0] = 0x81, frame[1] = 126, frame[2] = length >> 8, frame[3] = length;
    int head = sprintf((char *)frame + 4, "{\"id\":\"%.*s\",", (int)id_size, id);
    memcpy(frame + 4 + head, data + 1, size - 1);
    length = 4 + head + size - 1;
    frame[2] = (length - 4) >> 8, frame[3] = length - 4;
    for (int i = count - 1; i >= 0; i--)
        if (send(open_sockets[i], frame, length, MSG_NOSIGNAL) != length) forget(open_sockets[i]);
}

static void read_stream(const char *stream) {
    ssize_t size = recv(store, reply + held, sizeof reply - held, 0);
    if (size <= 0) fail("Redis is away");
    held += size;
    // *1 *2 $stream *entries, and of each: *2 $id *2 $field $data. First all of it must be there.
    for (int whole = 0; whole < 2; whole++) {
        char *at = reply, *id, *data, *text;
        long id_size, data_size, length;
        if (!(at = value(at, &text, &length)) || !(at = value(at, &text, &length)) || !(at = value(at, &text, &length)))
            return;
        if (!memchr(at, '\n', reply + held - at)) return;
        long entries = strtol(at + 1, NULL, 10);
        at = value(at, &text, &length);
        for (long i = 0; i < entries; i++) {
            if (!(at = value(at, &text, &length)) || !(at = value(at, &id, &id_size)) || !(at = value(at, &text, &length))
                || !(at = value(at, &text, &length)) || !(at = value(at, &data, &data_size)))
                return;
            if (whole) {
                deliver(id, id_size, data, data_size);
                snprintf(last, sizeof last, "%.*s", (int)id_size, id);
            }
        }
    }
    held = 0;
    ask(stream);
}

int main(int words, char **word) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event ready[512];
    int one = 1;
    if (words != 4) return 2;
    poller = epoll_create1(0);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    store = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(store, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    address.sin_port = htons(atoi(word[2]));
    if (connect(store, (void *)&address, sizeof address)) fail("Redis");
    address.sin_port = htons(atoi(word[1]));
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) fail("listen");
    watch(listener);
    watch(store);
    ask(word[3]);
    for (;;) {
        int some = epoll_wait(poller, ready, 512, -1);
        if (some < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < some; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener) welcome();
            else if (fd == store) read_stream(word[3]);
            else hear(fd);
        }
    }
}
