// The `openai` package's Realtime client: one spoken turn, one tool, one text. Prints what it saw as one JSON object.
//
//   node openai_ws.mjs <http address of the engine> <key> <file of PCM16 at 24 kHz> <ga | beta | azure>

import { readFileSync } from 'node:fs';
import net from 'node:net';
import OpenAI, { AzureOpenAI } from 'openai';

const [address, key, soundFile, flavour] = process.argv.slice(2);
const beta = flavour === 'beta';
const { OpenAIRealtimeWS } = beta ? await import('openai/beta/realtime/ws') : await import('openai/realtime/ws');

// The client insists on wss; the engine under test stands behind no TLS, so the connection is opened plainly.
const plain = ({ host, port }) => net.connect({ host, port, noDelay: true });
const options = { createConnection: plain };
const rt =
  flavour === 'azure'
    ? await OpenAIRealtimeWS.azure(
        new AzureOpenAI({ endpoint: address, apiKey: key, apiVersion: '2025-04-01-preview', deployment: 'mine' }),
        { options },
      )
    : new OpenAIRealtimeWS({ model: 'mine', options }, new OpenAI({ apiKey: key, baseURL: `${address}/v1` }));

const seen = [];
const waiting = [];
let soundBytes = 0;
const audioDelta = beta ? 'response.audio.delta' : 'response.output_audio.delta';
rt.on('event', (event) => {
  if (event.type === audioDelta) soundBytes += Buffer.from(event.delta, 'base64').length;
  seen.push(event);
  for (const waiter of waiting.splice(0)) waiter();
});
rt.on('error', (error) => {
  console.error(error.message);
  process.exit(3);
});

let read = 0;
async function until(type) {
  for (;;) {
    while (read < seen.length) {
      const event = seen[read++];
      if (event.type === type) return event;
    }
    await new Promise((done) => waiting.push(done));
  }
}

const tool = { type: 'function', name: 'show', parameters: { type: 'object', properties: { sku: { type: 'string' } } } };
const ask = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Show it' }] };
const created = await until('session.created');
rt.send({
  type: 'session.update',
  session: beta
    ? { instructions: 'Be kind.', input_audio_transcription: { model: 'whisper-1' }, tools: [tool], temperature: 0.8 }
    : {
        type: 'realtime',
        instructions: 'Be kind.',
        audio: { input: { transcription: { model: 'whisper-1' } } },
        tools: [tool],
      },
});
await until('session.updated');

const sound = readFileSync(soundFile);
for (let at = 0; at < sound.length; at += 960) {
  rt.send({ type: 'input_audio_buffer.append', audio: sound.subarray(at, at + 960).toString('base64') });
}
const spoken = await until('response.done');

rt.send({ type: 'conversation.item.create', item: ask });
rt.send({ type: 'response.create' });
const called = (await until('response.done')).response.output[0];
const result = { type: 'function_call_output', call_id: called.call_id, output: 'shown' };
rt.send({ type: 'conversation.item.create', item: result });
rt.send({ type: 'response.create', response: beta ? { modalities: ['text'] } : { output_modalities: ['text'] } });
const written = await until('response.done');

rt.socket.on('close', (code) => {
  const heard = seen.find((event) => event.type === 'conversation.item.input_audio_transcription.completed');
  const summary = {
    path: rt.url.pathname,
    model: created.session.model,
    types: [...new Set(seen.map((event) => event.type))],
    heard: heard?.transcript,
    said: spoken.response.output[0].content[0].transcript,
    soundBytes,
    called: [called.name, called.arguments],
    wrote: written.response.output[0].content[0].text,
    closed: code,
  };
  console.log(JSON.stringify(summary));
});
rt.close();
