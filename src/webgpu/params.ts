/** The uniform parameters of one dispatch, written in the order of the shader's `Params`. */
export class Params {
  readonly words = new Uint32Array(24);
  readonly #floats = new Float32Array(this.words.buffer);
  #count = 0;

  u32(...values: number[]): this {
    for (const value of values) this.words[this.#count++] = value;
    return this;
  }

  f32(...values: number[]): this {
    for (const value of values) this.#floats[this.#count++] = value;
    return this;
  }
}
