// A resampler for browsers whose sound does not run at 24 kHz: a windowed sinc, kept going from one block to the next, so
// that no block begins with a click. Ratios are exact (44100 to 24000 is 80/147), so nothing drifts in an hour.

const HALF_TAPS = 16; // zero crossings on each side, at the lower of the two rates

function greatestCommon(a, b) {
  return b === 0 ? a : greatestCommon(b, a % b);
}

export class Resampler {
  // One filter for each of the `up` phases of the output between two inputs.
  constructor(fromHz, toHz) {
    const common = greatestCommon(fromHz, toHz);
    this.up = toHz / common;
    this.down = fromHz / common;
    const cutoff = Math.min(1, toHz / fromHz) * 0.95;
    const half = Math.ceil(HALF_TAPS / Math.min(1, toHz / fromHz));
    this.taps = 2 * half;
    this.filters = Array.from({ length: this.up }, (_, phase) => {
      const filter = Float32Array.from({ length: this.taps }, (__, tap) => {
        const x = tap - half + 1 - phase / this.up;
        const sinc = x === 0 ? cutoff : Math.sin(Math.PI * cutoff * x) / (Math.PI * x);
        return sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / (half + 1)));
      });
      const sum = filter.reduce((total, each) => total + each, 0);
      return filter.map((each) => each / sum);
    });
    this.kept = new Float32Array(half - 1); // half a filter of silence: the first output is the first input
    this.phase = 0; // of the next output, in steps of 1/up of an input
  }

  process(input) {
    if (this.up === this.down) return input;
    const all = new Float32Array(this.kept.length + input.length);
    all.set(this.kept);
    all.set(input, this.kept.length);
    const made = [];
    let at = Math.floor(this.phase / this.up);
    while (at + this.taps <= all.length) {
      const filter = this.filters[this.phase % this.up];
      let sum = 0;
      for (let tap = 0; tap < this.taps; tap += 1) sum += filter[tap] * all[at + tap];
      made.push(sum);
      this.phase += this.down;
      at = Math.floor(this.phase / this.up);
    }
    const drop = Math.min(at, all.length);
    this.kept = all.slice(drop);
    this.phase -= drop * this.up;
    return Float32Array.from(made);
  }
}
