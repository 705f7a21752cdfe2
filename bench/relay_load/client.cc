// A load client: many calls in one thread. A line of JSON says when they are open, and another what was measured.
//
//     client --port 9101 --paths FILE --calls 64 --mode window --window 1 --size 1280 --secs 1 --pids 17,18
//
// Modes:  window  each call keeps `window` messages in flight; as many as the relay can carry
//         paced   each call sends `rate` messages a second, evenly spread over the calls
//         idle    the calls are opened and held for `secs`
//         stall   one call asks for a flood and never reads again; it is held for `secs`
#include <dirent.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <deque>
#include <fstream>

#include "ws.h"

enum State { HANDSHAKE, GREETING, READY, DEAD };  // a call is ready when the server's greeting came

struct Call {
    int fd;
    State state = HANDSHAKE;
    bool wants_write = false;
    std::string in, out;
    size_t sent = 0;              // of `out`
    std::deque<double> asked_at;  // of the messages in flight
};

static int poller;
static std::vector<Call *> calls;
static std::string message, request_head, request_tail;  // message: a frame, ready to be sent
static std::vector<std::string> paths;
static bool measuring = false;
static uint64_t received = 0, sent = 0, carried = 0, errors = 0, late = 0;  // carried: answers with those of the warm-up
static std::vector<float> trip_us;

static void watch(Call *c, bool write) {
    if (c->wants_write == write) return;
    c->wants_write = write;
    epoll_event event{};
    event.events = EPOLLIN | (write ? EPOLLOUT : 0);
    event.data.ptr = c;
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

static void drop(Call *c, const char *why) {
    if (c->state == DEAD) return;
    if (errors++ < 2) fprintf(stderr, "%s\n", why);
    c->state = DEAD;
    epoll_ctl(poller, EPOLL_CTL_DEL, c->fd, nullptr);
    close(c->fd);
}

static void push(Call *c, const char *data, size_t size) {
    size_t took = 0;
    if (c->out.empty()) {
        ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) return drop(c, strerror(errno));
        took = n < 0 ? 0 : n;
    }
    if (took == size) return;
    c->out.append(data + took, size - took);
    watch(c, true);
}

static void push_rest(Call *c) {
    ssize_t n = send(c->fd, c->out.data() + c->sent, c->out.size() - c->sent, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN ? void() : drop(c, strerror(errno));
    c->sent += n;
    if (c->sent < c->out.size()) return;
    c->out.clear();
    c->sent = 0;
    watch(c, false);
}

static void ask(Call *c, int times) {
    double now = now_s();
    for (; times > 0 && c->state == READY; times--) {
        c->asked_at.push_back(now);
        if (measuring) sent++;
        push(c, message.data(), message.size());
    }
}

static void open_call(const sockaddr_in &where) {
    Call *c = new Call;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    const std::string &path = paths[calls.size() % paths.size()];
    calls.push_back(c);
    if (connect(c->fd, (const sockaddr *)&where, sizeof where)) return drop(c, "cannot connect");
    make_quick(c->fd);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = c;
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
    std::string request = request_head + path + request_tail;
    push(c, request.data(), request.size());
}

// Takes what came; returns how many answers were in it.
static int take(Call *c) {
    static uint8_t buffer[1 << 20];
    ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got <= 0) return drop(c, "the other side is gone"), 0;
    const uint8_t *data = buffer;
    size_t have = got, at = 0;
    std::string kept;
    if (!c->in.empty()) {
        c->in.append((char *)buffer, got);
        kept.swap(c->in);
        data = (const uint8_t *)kept.data();
        have = kept.size();
    }
    if (c->state == HANDSHAKE) {
        std::string text((const char *)data, have);
        size_t end = text.find("\r\n\r\n");
        if (end == std::string::npos) return c->in = text, 0;
        if (text.compare(0, 12, "HTTP/1.1 101")) return drop(c, text.substr(0, 300).c_str()), 0;
        c->state = GREETING;
        at = end + 4;
    }
    int answers = 0;
    Head head;
    while (read_head(data + at, have - at, head) && have - at >= head.head_size + head.size) {
        const uint8_t *payload = data + at + head.head_size;
        at += head.head_size + head.size;
        if (head.opcode == TEXT || head.opcode == BINARY) {
            if (c->state == GREETING)
                c->state = READY;
            else if (head.size > 100 && holds(payload, head.size, 48, "response.output_audio"))
                answers++;
        } else if (head.opcode == PING) {
            std::string pong = make_frame(PONG, std::string((const char *)payload, head.size), true);
            push(c, pong.data(), pong.size());
        } else if (head.opcode == CLOSE) {
            int code = head.size >= 2 ? payload[0] << 8 | payload[1] : 1005;
            std::string why = "closed with " + std::to_string(code) + " ";
            if (head.size > 2) why.append((const char *)payload + 2, head.size - 2);
            return drop(c, why.c_str()), 0;
        }
    }
    if (at < have) c->in.assign((const char *)data + at, have - at);
    if (answers) {
        double now = now_s();
        for (int i = 0; i < answers && !c->asked_at.empty(); i++) {
            if (measuring) trip_us.push_back((now - c->asked_at.front()) * 1e6);
            c->asked_at.pop_front();
        }
        carried += answers;
        if (measuring) received += answers;
    }
    return answers;
}

// Processor time of all threads of some processes, in ns.
static double cpu_ns(const std::vector<int> &pids) {
    double sum = 0;
    for (int pid : pids) {
        std::string tasks = "/proc/" + std::to_string(pid) + "/task";
        DIR *folder = opendir(tasks.c_str());
        if (!folder) continue;
        while (dirent *entry = readdir(folder)) {
            if (entry->d_name[0] == '.') continue;
            double ns;
            std::ifstream file(tasks + "/" + entry->d_name + "/schedstat");
            if (file >> ns) sum += ns;
        }
        closedir(folder);
    }
    return sum;
}

static double own_cpu_s() {
    rusage use;
    getrusage(RUSAGE_SELF, &use);
    return use.ru_utime.tv_sec + use.ru_stime.tv_sec + 1e-6 * (use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static float quantile(double part) {
    if (trip_us.empty()) return -1;
    size_t at = std::min(trip_us.size() - 1, (size_t)(part * trip_us.size()));
    std::nth_element(trip_us.begin(), trip_us.begin() + at, trip_us.end());
    return trip_us[at];
}

int main(int count, char **words) {
    int port = 9000, wanted = 1, window = 1, size = 2560;
    double rate = 25, warm_s = 0.3, secs = 1;
    std::string mode = "window", header;
    std::vector<int> pids;
    for (int i = 1; i + 1 < count; i += 2) {
        std::string name = words[i], value = words[i + 1];
        if (name == "--port") port = std::stoi(value);
        if (name == "--calls") wanted = std::stoi(value);
        if (name == "--window") window = std::stoi(value);
        if (name == "--size") size = std::stoi(value);
        if (name == "--rate") rate = std::stod(value);
        if (name == "--warm") warm_s = std::stod(value);
        if (name == "--secs") secs = std::stod(value);
        if (name == "--mode") mode = value;
        if (name == "--header") header += value + "\r\n";
        if (name == "--paths") {
            std::ifstream file(value);
            for (std::string line; std::getline(file, line);) paths.push_back(line);
        }
        if (name == "--pids")
            for (size_t at = 0; at < value.size(); at = value.find(',', at) + 1) {
                pids.push_back(std::stoi(value.substr(at)));
                if (value.find(',', at) == std::string::npos) break;
            }
    }
    if (paths.empty()) paths.push_back("/v1/realtime");
    prctl(PR_SET_TIMERSLACK, 1);
    std::string sound = mode == "stall" ? "bench/flood" + noise(389) : noise(size);
    message = make_frame(TEXT, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"" + sound + "\"}", true);
    request_head = "GET ";
    request_tail = " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                   "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
                   "\r\nSec-WebSocket-Version: 13\r\n" + header + "\r\n";
    trip_us.reserve(1 << 20);
    poller = epoll_create1(0);
    sockaddr_in where = loopback(port);
    std::vector<epoll_event> events(4096);

    // Opens the calls, sixteen at a time.
    double began = now_s();
    int ready = 0;
    auto round = [&](int count, bool answer) {
        for (int i = 0; i < count; i++) {
            Call *c = (Call *)events[i].data.ptr;
            if (c->state != DEAD && events[i].events & EPOLLOUT) push_rest(c);
            if (c->state != DEAD && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                int answers = take(c);
                if (answer) ask(c, answers);
            }
        }
    };
    while (now_s() - began < 60) {
        int busy = 0;
        ready = 0;
        for (Call *c : calls) ready += c->state == READY, busy += c->state < READY;
        if (ready + (int)errors >= wanted) break;
        for (; (int)calls.size() < wanted && busy < 16; busy++) open_call(where);
        round(epoll_wait(poller, events.data(), events.size(), 100), false);
    }
    double opened_s = now_s() - began;

    printf("{\"ready\": %d, \"errors\": %lu, \"opened_s\": %.3f}\n", ready, errors, opened_s);
    fflush(stdout);
    if (mode == "idle" || mode == "stall") {
        if (mode == "stall" && ready) {
            ask(calls[0], 1);
            usleep(secs * 1e6);
            return 0;
        }
        for (double until = now_s() + secs; now_s() < until;)
            round(epoll_wait(poller, events.data(), events.size(), 100), false);
        return 0;
    }

    std::vector<Call *> live;
    for (Call *c : calls)
        if (c->state == READY) live.push_back(c);
    double start = now_s() + 0.02, measure_at = start + warm_s, end = measure_at + secs, gap = 1 / (rate * wanted);
    double measured_at = 0, relay_ns = 0, own_s = 0, latest = 0;
    uint64_t number = 0;
    if (mode == "window")
        for (Call *c : live) ask(c, window);
    for (;;) {
        double now = now_s();
        if (!measuring && now >= measure_at) {
            measuring = true;
            measured_at = now;
            relay_ns = cpu_ns(pids);
            own_s = own_cpu_s();
        }
        if (now >= end || live.empty()) break;
        timespec wait{0, 50000000};
        if (mode == "paced") {
            // At most 32 at once, so that answers are taken while we are behind.
            for (int burst = 0; burst < 32 && start + number * gap <= now; burst++, number++) {
                double behind = now - (start + number * gap);
                if (measuring) latest = std::max(latest, behind), late += behind > 0.002;
                ask(live[number % live.size()], 1);
            }
            double until = std::max(0.0, start + number * gap - now_s());
            wait.tv_sec = (time_t)until;
            wait.tv_nsec = (long)((until - wait.tv_sec) * 1e9);
        }
        round(epoll_pwait2(poller, events.data(), events.size(), &wait, nullptr), mode == "window");
    }
    double elapsed = now_s() - measured_at;
    relay_ns = cpu_ns(pids) - relay_ns;
    own_s = own_cpu_s() - own_s;
    printf("{\"ready\": %d, \"errors\": %lu, \"opened_s\": %.3f, \"secs\": %.3f, \"sent\": %lu, \"received\": %lu, "
           "\"carried\": %lu, \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"relay_cpu\": %.3f, \"client_cpu\": %.3f, "
           "\"late\": %lu, \"latest_ms\": %.2f, \"cpu_us\": %.3f}\n",
           ready, errors, opened_s, elapsed, sent, received, carried, quantile(.5), quantile(.9), quantile(.99),
           relay_ns * 1e-9 / elapsed, own_s / elapsed, late, latest * 1e3,
           received ? relay_ns * 1e-3 / (2.0 * received) : -1.0);
}
