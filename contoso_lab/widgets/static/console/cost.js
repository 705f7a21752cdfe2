// What a response costs, by the `usage` of its `response.done`: the arithmetic of contoso_lab/relay/calls/prices.py.

const count = (from, key) => (Number.isInteger(from?.[key]) ? Math.max(0, from[key]) : 0);

// `price`: US dollars for a million tokens of each kind.
export function costUsd(price, usage) {
  if (!price || typeof usage !== "object" || usage === null) return 0;
  const given = usage.input_token_details ?? {};
  const made = usage.output_token_details ?? {};
  const cached = given.cached_tokens_details ?? {};
  const text = count(given, "text_tokens");
  const image = count(given, "image_tokens");
  let audio = count(given, "audio_tokens");
  // What a server leaves unexplained is taken for the dearest that it can be.
  audio += Math.max(0, count(usage, "input_tokens") - text - audio - image);
  const old = { text: count(cached, "text_tokens"), image: count(cached, "image_tokens"), audio: count(cached, "audio_tokens") };
  let rest = Math.max(0, count(given, "cached_tokens") - old.text - old.image - old.audio);
  for (const [kind, most] of [["text", text], ["image", image], ["audio", audio]]) {
    old[kind] = Math.min(old[kind], most);
    const more = Math.min(rest, most - old[kind]);
    old[kind] += more;
    rest -= more;
  }
  const textOut = count(made, "text_tokens");
  let audioOut = count(made, "audio_tokens");
  audioOut += Math.max(0, count(usage, "output_tokens") - textOut - audioOut);
  const millionths =
    (text - old.text) * price.text_in + old.text * price.cached_text_in +
    (audio - old.audio) * price.audio_in + old.audio * price.cached_audio_in +
    (image - old.image) * (price.image_in ?? 0) + old.image * (price.cached_image_in ?? 0) +
    textOut * price.text_out + audioOut * price.audio_out;
  return millionths / 1e6;
}

// A dated snapshot (`gpt-realtime-2025-08-28`) costs what its model costs; null when nobody knows.
export function priceOf(prices, model) {
  for (const name of [model, String(model).replace(/-\d{4}-\d{2}-\d{2}$/, "")]) if (prices?.[name]) return prices[name];
  return null;
}

export function money(usd) {
  if (usd === 0) return "$0.00";
  return usd < 0.1 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`;
}
