// `@openai/agents-realtime`: a greeting, one spoken turn that calls a tool, and an interruption. Prints what it saw as
// one JSON object. With `--conditions=browser --experimental-websocket` it runs as it does in a browser.
//
//   node agents.mjs <ws address of the engine> <key> <file of PCM16 at 24 kHz>

import { readFileSync } from 'node:fs';
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { z } from 'zod';
// Not exported, but it is what decides whether the client understands an event or passes it over.
import { parseRealtimeEvent } from './node_modules/@openai/agents-realtime/dist/openaiRealtimeEvents.mjs';

const [address, key, soundFile] = process.argv.slice(2);
const shown = [];
const show = tool({
  name: 'show',
  description: 'Shows a product.',
  parameters: z.object({ sku: z.string() }),
  execute: async ({ sku }) => {
    shown.push(sku);
    return 'shown';
  },
});
const agent = new RealtimeAgent({ name: 'Robin', instructions: 'Be kind.', tools: [show] });
const transport = new OpenAIRealtimeWebSocket({ url: address });
const session = new RealtimeSession(agent, {
  transport,
  model: 'mine',
  config: { audio: { input: { turnDetection: { type: 'server_vad', interruptResponse: true } } } },
});

const types = new Set();
const strange = new Set();
const errors = [];
let soundBytes = 0;
let interrupted = 0;
let waiting = [];
const tell = () => waiting.splice(0).forEach((waiter) => waiter());
let done = 0;
transport.on('*', (event) => {
  types.add(event.type);
  if (parseRealtimeEvent({ data: JSON.stringify(event) }).isGeneric) strange.add(event.type);
  if (event.type === 'response.done') done += 1;
  tell();
});
session.on('audio', (event) => (soundBytes += event.data.byteLength));
session.on('audio_interrupted', () => ((interrupted += 1), tell()));
session.on('error', (error) => errors.push(JSON.stringify(error)));

async function until(ready) {
  while (!ready()) await new Promise((more) => waiting.push(more));
}

await session.connect({ apiKey: key });
await until(() => types.has('session.updated'));
session.sendMessage('Hello');
await until(() => done === 1);

const sound = readFileSync(soundFile);
const speak = () => {
  for (let at = 0; at < sound.length; at += 960) {
    session.sendAudio(new Uint8Array(sound.subarray(at, at + 960)).buffer);
  }
};
speak(); // calls the tool; the client sends the result and asks for the answer by itself
await until(() => done === 3);

session.sendMessage('Tell me a long story');
const before = soundBytes;
await until(() => soundBytes > before);
speak(); // barge-in
await until(() => interrupted > 0 && done === 5);
const history = session.history.map((item) => [
  item.role ?? item.type,
  item.status,
  item.content?.map((part) => part.text ?? part.transcript ?? '').join(' ') ?? item.output ?? '',
]);
session.close();
console.log(
  JSON.stringify({ types: [...types], strange: [...strange], errors, soundBytes, interrupted, shown, history }),
);
