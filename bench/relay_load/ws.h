// Just enough of WebSocket (RFC 6455) for a load client and an echo server on the loopback interface.
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <vector>

enum Opcode { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

inline double now_s() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

inline void make_quick(int fd) {
    int on = 1;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

inline sockaddr_in loopback(int port) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return where;
}

inline void xor_mask(uint8_t *data, size_t size, const uint8_t mask[4]) {
    uint32_t half;
    memcpy(&half, mask, 4);
    uint64_t whole = ((uint64_t)half << 32) | half, eight;
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        memcpy(&eight, data + i, 8);
        eight ^= whole;
        memcpy(data + i, &eight, 8);
    }
    for (; i < size; i++) data[i] ^= mask[i & 3];
}

inline std::string make_frame(int opcode, const std::string &payload, bool masked) {
    const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    size_t size = payload.size();
    std::string frame(1, (char)(0x80 | opcode));
    char bit = masked ? (char)0x80 : 0;
    if (size < 126) {
        frame += (char)(bit | size);
    } else if (size < 65536) {
        frame += (char)(bit | 126);
        frame += (char)(size >> 8);
        frame += (char)size;
    } else {
        frame += (char)(bit | 127);
        for (int shift = 56; shift >= 0; shift -= 8) frame += (char)(size >> shift);
    }
    if (masked) frame.append((const char *)mask, 4);
    size_t start = frame.size();
    frame += payload;
    if (masked) xor_mask((uint8_t *)&frame[start], size, mask);
    return frame;
}

struct Head {
    int opcode;
    bool masked;
    uint8_t mask[4];
    uint64_t size;    // of the payload
    size_t head_size;  // of what stands before it
};

// Whether a whole head stands at `data`.
inline bool read_head(const uint8_t *data, size_t have, Head &head) {
    if (have < 2) return false;
    head.opcode = data[0] & 15;
    head.masked = data[1] & 0x80;
    uint64_t size = data[1] & 127;
    size_t at = 2, more = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (have < at + more + (head.masked ? 4 : 0)) return false;
    if (more) {
        size = 0;
        for (size_t i = 0; i < more; i++) size = size << 8 | data[at + i];
        at += more;
    }
    if (head.masked) {
        memcpy(head.mask, data + at, 4);
        at += 4;
    }
    head.size = size;
    head.head_size = at;
    return true;
}

// Text that looks like base64, always the same.
inline std::string noise(size_t size) {
    static const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve(size);
    uint32_t state = 12345;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525u + 1013904223u;
        text += letters[(state >> 20) & 63];
    }
    return text;
}

inline bool holds(const uint8_t *data, size_t size, size_t look_at, const char *word) {
    return memmem(data, size < look_at ? size : look_at, word, strlen(word)) != nullptr;
}
