// One spoken turn with whatever stands behind the engine. Prints what was heard, what was said and how long it sounds.
//
//   node one_turn.mjs <openai | agents> <http address of the engine> <key> <file of PCM16 at 24 kHz> <instructions>

import { readFileSync } from 'node:fs';
import net from 'node:net';
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession } from '@openai/agents-realtime';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';

const [which, address, key, soundFile, instructions] = process.argv.slice(2);
const sound = readFileSync(soundFile);
const pieces = [];
for (let at = 0; at < sound.length; at += 4800) pieces.push(sound.subarray(at, at + 4800));
const transcription = { model: 'whisper-1' };

let heard = '';
let soundBytes = 0;
function finish(event, close) {
  if (event.type === 'conversation.item.input_audio_transcription.completed') heard = event.transcript;
  if (event.type === 'response.output_audio.delta') soundBytes += Buffer.from(event.delta, 'base64').length;
  if (event.type !== 'response.done') return;
  const said = event.response.output[0].content[0].transcript;
  console.log(JSON.stringify({ heard, said, soundBytes, status: event.response.status }));
  close();
}

if (which === 'openai') {
  // The client insists on wss; the engine under test stands behind no TLS, so the connection is opened plainly.
  const plain = ({ host, port }) => net.connect({ host, port, noDelay: true });
  const client = new OpenAI({ apiKey: key, baseURL: `${address}/v1` });
  const rt = new OpenAIRealtimeWS({ model: 'local', options: { createConnection: plain } }, client);
  rt.on('event', (event) => finish(event, () => rt.close()));
  rt.on('session.created', () =>
    rt.send({ type: 'session.update', session: { type: 'realtime', instructions, audio: { input: { transcription } } } }),
  );
  rt.on('session.updated', () => {
    for (const piece of pieces) rt.send({ type: 'input_audio_buffer.append', audio: piece.toString('base64') });
  });
} else {
  const transport = new OpenAIRealtimeWebSocket({ url: `${address.replace('http', 'ws')}/v1/realtime?model=local` });
  const session = new RealtimeSession(new RealtimeAgent({ name: 'Robin', instructions }), {
    transport,
    config: { audio: { input: { transcription, turnDetection: { type: 'server_vad' } } } },
  });
  let sent = false;
  transport.on('*', (event) => {
    finish(event, () => session.close());
    if (event.type === 'session.updated' && event.session.instructions.startsWith(instructions) && !sent) {
      sent = true;
      for (const piece of pieces) session.sendAudio(new Uint8Array(piece).buffer);
    }
  });
  await session.connect({ apiKey: key });
}
