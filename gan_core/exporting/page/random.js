// Normal random numbers as PyTorch draws them on a CPU: Mersenne Twister, then Box-Muller in blocks of 16.

/** Unsigned 32-bit numbers (Matsumoto and Nishimura 1998), seeded as `torch.Generator().manual_seed(seed)`. */
export function twister(seed) {
  const state = new Uint32Array(624);
  state[0] = seed >>> 0;
  for (let place = 1; place < 624; place++) {
    const last = state[place - 1] ^ (state[place - 1] >>> 30);
    state[place] = Math.imul(1812433253, last) + place;
  }
  let next = 624;
  return () => {
    if (next === 624) {
      for (let place = 0; place < 624; place++) {
        const joined = (state[place] & 0x80000000) | (state[(place + 1) % 624] & 0x7fffffff);
        state[place] = state[(place + 397) % 624] ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
      }
      next = 0;
    }
    let number = state[next++];
    number ^= number >>> 11;
    number ^= (number << 7) & 0x9d2c5680;
    number ^= (number << 15) & 0xefc60000;
    return (number ^ (number >>> 18)) >>> 0;
  };
}

/** The first row of `torch.randn(16, size, generator=...)`, which is the latent of a seed in GANscope. */
export function latent(seed, size) {
  const random = twister(seed);
  const numbers = new Float32Array(Math.ceil(size / 16) * 16);
  for (let place = 0; place < numbers.length; place++) numbers[place] = (random() & 0xffffff) / 2 ** 24;
  for (let start = 0; start < numbers.length; start += 16) {
    for (let place = start; place < start + 8; place++) {
      const radius = Math.sqrt(-2 * Math.log(1 - numbers[place]));
      const angle = 2 * Math.PI * numbers[place + 8];
      numbers[place] = radius * Math.cos(angle);
      numbers[place + 8] = radius * Math.sin(angle);
    }
  }
  return numbers.slice(0, size);
}
