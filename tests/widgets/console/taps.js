// Runs before the page: keeps what a test wants to know afterwards. Nothing of the console is changed by it.
window.sinks = []; // { node, context } of everything that goes to the loudspeaker
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...more) {
  if (to instanceof AudioDestinationNode) window.sinks.push({ node: this, context: this.context });
  return connect.call(this, to, ...more);
};
window.workerSaid = [];
window.workers = [];
// As if the relay had sent this.
window.tell = (event) => workers.at(-1).dispatchEvent(new MessageEvent("message", { data: { kind: "event", event, atMs: 0 } }));
const NativeWorker = window.Worker;
window.Worker = class extends NativeWorker {
  constructor(...given) {
    super(...given);
    window.workers.push(this);
    this.addEventListener("message", ({ data }) => window.workerSaid.push({ ...data, atMs: performance.now() }));
  }
};
// What left the loudspeaker's end, sample by sample, from now on: `heard()` gives the number of the first one, and all of
// them as 32-bit floats in base64.
window.tap = async () => {
  const { node, context } = window.sinks[0];
  const source = `class Tap extends AudioWorkletProcessor {
    constructor() { super(); this.kept = []; this.port.onmessage = () => this.port.postMessage(this.kept); }
    process([[samples]]) { if (samples) this.kept.push([currentFrame, samples.slice()]); return true; }
  }
  registerProcessor("tap", Tap);`;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0 });
  connect.call(node, tap);
  window.heard = () =>
    new Promise((resolve) => {
      tap.port.onmessage = ({ data }) => {
        const reader = new FileReader();
        reader.onload = () => resolve({ first: data[0]?.[0] ?? 0, samples: reader.result.split(",")[1] });
        reader.readAsDataURL(new Blob(data.map(([, samples]) => samples)));
      };
      tap.port.postMessage(null);
    });
};
