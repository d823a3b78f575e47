/**
 * Goes through a message of columns (session/src/wire/columns.rs says its form). The numbers are
 * arrays on the message itself: nothing is copied.
 */
export class ColumnReader {
  private at = 0;
  private readonly numbers: DataView;

  constructor(private readonly message: ArrayBuffer) {
    this.numbers = new DataView(message);
  }

  json(): unknown {
    return JSON.parse(new TextDecoder().decode(this.u8()));
  }

  u8(): Uint8Array {
    const { at, length } = this.next(1);
    return new Uint8Array(this.message, at, length);
  }

  u16(): Uint16Array {
    const { at, length } = this.next(2);
    return new Uint16Array(this.message, at, length);
  }

  u32(): Uint32Array {
    const { at, length } = this.next(4);
    return new Uint32Array(this.message, at, length);
  }

  f32(): Float32Array {
    const { at, length } = this.next(4);
    return new Float32Array(this.message, at, length);
  }

  f64(): Float64Array {
    const { at, length } = this.next(8);
    return new Float64Array(this.message, at, length);
  }

  texts(): string[] {
    const ends = this.u32();
    const all = new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.u8());
    const texts = new Array<string>(ends.length);
    let start = 0;
    for (let index = 0; index < ends.length; index++) {
      const end = ends[index] ?? start;
      texts[index] = all.slice(start, end);
      start = end;
    }
    return texts;
  }

  private next(size: number): { at: number; length: number } {
    const length = this.numbers.getUint32(this.at, true);
    const at = this.at + 8;
    this.at = at + Math.ceil((length * size) / 8) * 8;
    return { at, length };
  }
}
