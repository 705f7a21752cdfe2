// Does what tests ask of the console's pure modules: a job as a line of JSON on stdin, its result as one on stdout.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [, , folder] = process.argv;
const load = (name) => import(pathToFileURL(`${folder}/${name}.js`));

const jobs = {
  async fold({ events }) {
    const { Conversation } = await load("fold");
    const talk = new Conversation();
    for (const { event, atMs, direction } of events) talk.apply(event, atMs, direction);
    return { turns: talk.turns, speaking: talk.speaking, active: talk.activeResponseId };
  },
  async order({ steps }) {
    const { ItemOrder } = await load("order");
    const order = new ItemOrder();
    for (const [id, after] of steps) order.place(id, after);
    return order.ids;
  },
  async latency({ agent }) {
    const { latencyMs } = await load("reports");
    const asked = [];
    const context = new Proxy({ outputLatency: 0.05, baseLatency: 0.01 }, { get: (it, name) => (asked.push(name), it[name]) });
    return { ms: latencyMs(context, agent), asked };
  },
  async speaker({ steps, block, rate }) {
    const { Speaker } = await load("speaker");
    const told = [];
    const speaker = new Speaker(rate, (report) => told.push(report));
    let frame = 0;
    let out = [];
    for (const step of steps) {
      if (step.push) speaker.push(step.push, `of_${step.push}`, Float32Array.from({ length: step.samples }, () => step.value));
      else if (step.finish) speaker.finish((reply) => reply.item === step.finish);
      else if (step.flush) speaker.flush(frame, step.flush);
      else {
        for (let n = 0; n < step.blocks; n += 1) {
          const samples = new Float32Array(block);
          speaker.pull(samples, frame);
          if (step.keep) out = out.concat([...samples]);
          frame += block;
        }
      }
    }
    return { told, out };
  },
  async resample({ from, to, blocks }) {
    const { Resampler } = await load("resample");
    const resampler = new Resampler(from, to);
    return blocks.flatMap((block) => [...resampler.process(Float32Array.from(block))]);
  },
  async pcm({ samples }) {
    const { toPcm16, fromPcm16, toBase64, fromBase64 } = await load("pcm");
    const words = toPcm16(Float32Array.from(samples));
    const text = toBase64(new Uint8Array(words.buffer));
    const back = new Int16Array(fromBase64(text).slice().buffer);
    return { words: [...words], text, back: [...fromPcm16(back)] };
  },
  async books({ steps, most }) {
    const { Books } = await load("books");
    const books = new Books(most);
    return steps.map(([what, value]) => {
      if (what === "token") books.token = value;
      else return books[what](value) ?? null;
      return null;
    });
  },
  async cost({ cases }) {
    const { costUsd } = await load("cost");
    return cases.map(({ price, usage }) => costUsd(price, usage));
  },
  async phases({ steps }) {
    const { next, START } = await load("phase");
    let state = START;
    return steps.map((step) => (state = next(state, step)).phase);
  },
  async waits({ steps }) {
    const { Waits } = await load("waits");
    const waits = new Waits();
    for (const [what, ...values] of steps) waits[what](...values);
    return { turns: waits.turns, median: waits.medianMs };
  },
  async corrections({ flushed }) {
    const { corrections } = await load("reports");
    return corrections(flushed);
  },
  async clock({ notes, asked }) {
    const { SoundClock } = await load("reports");
    const clock = new SoundClock();
    for (const [atS, nowMs] of notes) clock.note(atS, nowMs);
    return asked.map((atS) => clock.ms(atS));
  },
  async detection({ cases }) {
    const { detection } = await load("detection");
    return cases.map((each) => detection(...each));
  },
  async failures({ closes }) {
    const { ofClose } = await load("failures");
    return closes.map((close) => ofClose(close, { began: close.began ?? true, place: "127.0.0.1:8901" }));
  },
  async log({ events }) {
    const { ActivityLog } = await load("log");
    const log = new ActivityLog();
    for (const event of events) log.event(event, "in");
    return { lines: log.lines, found: log.matching("item_7 delta").length, text: log.text() };
  },
  async stream({ chunks }) {
    const { serverEvents } = await load("pages");
    const body = new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
        controller.close();
      },
    });
    const found = [];
    for await (const event of serverEvents(body)) found.push(event);
    return found;
  },
  // A line to a relay that the job plays: what it says, when it breaks, how it takes us back.
  async line({ steps, windowMs }) {
    const { Line } = await load("line");
    const told = [];
    const sockets = [];
    const timers = [];
    let now = 0;
    const line = new Line(
      {
        event: (event) => told.push(["event", event.type]),
        down: ({ tries }) => told.push(["down", tries]),
        back: () => told.push(["back"]),
        closed: (close) => told.push(["closed", close.code, close.reason, close.refused?.code ?? null]),
      },
      {
        makeSocket: (url) => {
          const socket = { url, readyState: 0, sent: [], send: (text) => socket.sent.push(text), close: (code) => (socket.closed = code) };
          sockets.push(socket);
          return socket;
        },
        later: (work, ms) => timers.push({ work, at: now + ms }),
        now: () => now,
      },
    );
    for (const [what, value] of steps) {
      const socket = sockets.at(-1);
      if (what === "open") line.open("ws://relay/door", "secret");
      else if (what === "opens") {
        socket.readyState = 1;
        socket.onopen();
      } else if (what === "says") socket.onmessage({ data: JSON.stringify(value) });
      else if (what === "raw") socket.onmessage({ data: value });
      else if (what === "closes") {
        socket.readyState = 3;
        socket.onclose?.(value);
      } else if (what === "send") line.send(value);
      else if (what === "close") line.close();
      else if (what === "passes") {
        const until = now + value;
        while (true) {
          timers.sort((a, b) => a.at - b.at);
          if (!timers.length || timers[0].at > until) break;
          const timer = timers.shift();
          now = timer.at;
          timer.work();
        }
        now = until;
      }
    }
    return { told, sockets: sockets.map(({ url, sent, closed }) => ({ url, sent, closed: closed ?? null })) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { job, ...asked } = JSON.parse(line);
  const told = await jobs[job](asked).then((result) => ({ result: result ?? null }), (error) => ({ error: error.stack }));
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
