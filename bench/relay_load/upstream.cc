// A Realtime server that answers each `input_audio_buffer.append` with one `response.output_audio.delta` of the same
// length, at once. An append whose sound begins with "bench/flood" is answered with deltas without end; on SIGUSR1 one
// line on the standard output says how many bytes of the last flood were taken.
//
//     upstream --port 9000
#include <signal.h>

#include <unordered_map>

#include "ws.h"

static const size_t HIGH_WATER = 4 << 20;  // we stop reading from who does not read our answers
static const size_t FLOOD_SIZE = 6400;

struct Connection {
    int fd;
    bool up = false, dead = false, flooding = false, wants_write = false;
    std::string in, out;
    size_t sent = 0;           // of `out`
};

static int poller;
static uint64_t flood_bytes = 0;  // taken by the relay, its kernel buffers and ours
static volatile sig_atomic_t asked = 0;

static std::string accept_key(const std::string &key);

static const std::string &delta_of(size_t size) {
    static std::unordered_map<size_t, std::string> made;
    std::string &frame = made[size];
    if (frame.empty()) {
        std::string head =
            "{\"type\":\"response.output_audio.delta\",\"event_id\":\"event_Bx3kq9\",\"response_id\":\"resp_1\","
            "\"item_id\":\"item_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"";
        size_t rest = head.size() + 2;
        frame = make_frame(TEXT, head + noise(size > rest ? (size - rest) : 4) + "\"}", false);
    }
    return frame;
}

static void watch(Connection *c, bool write) {
    if (c->wants_write == write) return;
    c->wants_write = write;
    epoll_event event{};
    event.events = EPOLLIN | (write ? EPOLLOUT : 0);
    event.data.ptr = c;
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

static void flush(Connection *c) {
    for (;;) {
        while (c->sent < c->out.size()) {
            ssize_t took = send(c->fd, c->out.data() + c->sent, c->out.size() - c->sent, MSG_NOSIGNAL);
            if (took < 0) {
                if (errno == EAGAIN) return watch(c, true);
                c->dead = true;
                return;
            }
            c->sent += took;
            if (c->flooding) flood_bytes += took;
        }
        if (c->out.capacity() > 1 << 20)
            std::string().swap(c->out);
        else
            c->out.clear();
        c->sent = 0;
        if (!c->flooding) return watch(c, false);
        for (int i = 0; i < 8; i++) c->out += delta_of(FLOOD_SIZE);
    }
}

// The handshake; what follows it stays in `c->in`.
static void greet(Connection *c) {
    size_t end = c->in.find("\r\n\r\n");
    if (end == std::string::npos) return;
    std::string low = c->in.substr(0, end + 2);
    for (char &letter : low) letter = tolower(letter);
    auto field = [&](const char *name) -> std::string {
        size_t at = low.find(std::string("\r\n") + name + ":");
        if (at == std::string::npos) return "";
        at = low.find_first_not_of(" ", at + strlen(name) + 3);
        return c->in.substr(at, c->in.find("\r\n", at) - at);
    };
    std::string key = field("sec-websocket-key"), protocol = field("sec-websocket-protocol");
    c->in.erase(0, end + 4);
    if (key.empty()) {  // somebody asks whether we are there
        c->out = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        flush(c);
        c->dead = true;
        return;
    }
    if (!protocol.empty()) protocol = "Sec-WebSocket-Protocol: " + protocol.substr(0, protocol.find(',')) + "\r\n";
    c->out += "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + protocol +
              "Sec-WebSocket-Accept: " + accept_key(key) + "\r\n\r\n" +
              make_frame(TEXT,
                         "{\"type\":\"session.created\",\"event_id\":\"event_0\",\"session\":{\"type\":\"realtime\","
                         "\"id\":\"sess_1\",\"object\":\"realtime.session\",\"model\":\"gpt-realtime\","
                         "\"instructions\":\"\",\"tools\":[],\"voice\":\"alloy\"}}",
                         false);
    c->up = true;
}

static void answer(Connection *c, const Head &head, const uint8_t *payload) {
    if (head.opcode == PING || head.opcode == CLOSE) {
        std::string echo((const char *)payload, head.size);
        if (head.masked) xor_mask((uint8_t *)&echo[0], head.size, head.mask);
        c->out += make_frame(head.opcode == PING ? (int)PONG : (int)CLOSE, echo, false);
        if (head.opcode == CLOSE) {
            flush(c);
            c->dead = true;
        }
        return;
    }
    if (head.opcode > BINARY) return;
    uint8_t look[64];
    size_t size = head.size < sizeof look ? head.size : sizeof look;
    memcpy(look, payload, size);
    if (head.masked) xor_mask(look, size, head.mask);
    if (holds(look, size, 28, "session.up"))
        c->out += make_frame(TEXT,
                             "{\"type\":\"session.updated\",\"event_id\":\"event_1\",\"session\":{\"type\":"
                             "\"realtime\",\"id\":\"sess_1\",\"object\":\"realtime.session\",\"model\":\"gpt-realtime\"}}",
                             false);
    else if (holds(look, size, 64, "bench/flood"))
        c->flooding = true, flood_bytes = 0;
    else if (holds(look, size, 28, "input_audio") && head.size > 100)
        c->out += delta_of(head.size);
}

static void take(Connection *c) {
    static uint8_t buffer[1 << 20];
    ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        c->dead = true;
        return;
    }
    const uint8_t *data = buffer;
    size_t have = got, at = 0;
    std::string kept;
    if (!c->up || !c->in.empty()) {
        c->in.append((char *)buffer, got);
        if (!c->up) greet(c);
        if (!c->up) return;
        kept.swap(c->in);
        data = (const uint8_t *)kept.data();
        have = kept.size();
    }
    Head head;
    while (!c->dead && read_head(data + at, have - at, head) && have - at >= head.head_size + head.size) {
        answer(c, head, data + at + head.head_size);
        at += head.head_size + head.size;
    }
    if (at < have)
        c->in.assign((const char *)data + at, have - at);
    else
        std::string().swap(c->in);
    if (!c->wants_write && !c->dead) flush(c);
}

int main(int count, char **words) {
    int port = 9000;
    for (int i = 1; i + 1 < count; i += 2)
        if (!strcmp(words[i], "--port")) port = atoi(words[i + 1]);
    int door = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in where = loopback(port);
    if (bind(door, (sockaddr *)&where, sizeof where) || listen(door, 4096)) return perror("upstream"), 1;
    make_quick(door);
    signal(SIGUSR1, [](int) { asked = 1; });
    poller = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = nullptr;
    epoll_ctl(poller, EPOLL_CTL_ADD, door, &event);
    std::vector<epoll_event> events(1024);
    std::vector<Connection *> over;
    for (;;) {
        int count = epoll_wait(poller, events.data(), events.size(), -1);
        if (asked) {
            asked = 0;
            printf("%lu\n", flood_bytes);
            fflush(stdout);
        }
        for (int i = 0; i < count; i++) {
            Connection *c = (Connection *)events[i].data.ptr;
            if (!c) {
                for (int fd; (fd = accept(door, nullptr, nullptr)) >= 0;) {
                    make_quick(fd);
                    c = new Connection;
                    c->fd = fd;
                    event.events = EPOLLIN;
                    event.data.ptr = c;
                    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
                }
                continue;
            }
            if (!c->dead && events[i].events & EPOLLOUT) flush(c);
            if (!c->dead && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) && c->out.size() - c->sent < HIGH_WATER)
                take(c);
            if (c->dead) {
                epoll_ctl(poller, EPOLL_CTL_DEL, c->fd, nullptr);
                close(c->fd);
                over.push_back(c);
            }
        }
        for (Connection *c : over) delete c;
        over.clear();
    }
}

static uint32_t turn(uint32_t x, int by) { return x << by | x >> (32 - by); }

static std::string sha1(std::string text) {
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0}, w[80];
    uint64_t bits = text.size() * 8;
    text += (char)0x80;
    while (text.size() % 64 != 56) text += (char)0;
    for (int shift = 56; shift >= 0; shift -= 8) text += (char)(bits >> shift);
    for (size_t at = 0; at < text.size(); at += 64) {
        const uint8_t *block = (const uint8_t *)text.data() + at;
        for (int i = 0; i < 16; i++)
            w[i] = block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
        for (int i = 16; i < 80; i++) w[i] = turn(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (int i = 0; i < 80; i++) {
            uint32_t f = i < 20   ? (b & c) | (~b & d)
                         : i < 40 ? b ^ c ^ d
                         : i < 60 ? (b & c) | (b & d) | (c & d)
                                  : b ^ c ^ d;
            uint32_t k = i < 20 ? 0x5A827999 : i < 40 ? 0x6ED9EBA1 : i < 60 ? 0x8F1BBCDC : 0xCA62C1D6;
            uint32_t next = turn(a, 5) + f + e + k + w[i];
            e = d, d = c, c = turn(b, 30), b = a, a = next;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    }
    std::string digest;
    for (uint32_t part : h)
        for (int shift = 24; shift >= 0; shift -= 8) digest += (char)(part >> shift);
    return digest;
}

static std::string accept_key(const std::string &key) {
    static const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string digest = sha1(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"), text;
    digest += (char)0;  // 20 bytes and one make seven threes
    for (size_t i = 0; i < 21; i += 3) {
        uint32_t three = (uint8_t)digest[i] << 16 | (uint8_t)digest[i + 1] << 8 | (uint8_t)digest[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6) text += letters[three >> shift & 63];
    }
    text[27] = '=';
    return text;
}
