// PCM16, little endian, as the wire carries it, and base64 around it.

export const WIRE_HZ = 24000;

export function toPcm16(samples, into = new Int16Array(samples.length)) {
  for (let at = 0; at < samples.length; at += 1) {
    const sample = Math.max(-1, Math.min(1, samples[at]));
    into[at] = Math.min(32767, Math.round(sample * 32768));
  }
  return into;
}

export function fromPcm16(words) {
  const samples = new Float32Array(words.length);
  for (let at = 0; at < words.length; at += 1) samples[at] = words[at] / 32768;
  return samples;
}

// Newer engines do it natively; the others in pieces that fit the stack.
export function toBase64(bytes) {
  if (bytes.toBase64) return bytes.toBase64();
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

export function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at += 1) bytes[at] = raw.charCodeAt(at);
  return bytes;
}
