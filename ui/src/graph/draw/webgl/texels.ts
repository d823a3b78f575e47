import { rowLength } from "./shaders";

type Values = Float32Array | Uint8Array | Int32Array;

export interface TexelFormat {
  internal: number;
  format: number;
  type: number;
  /** Numbers in a texel. */
  width: number;
}

/** One texel for each twin or relationship. Only rows that changed are sent again. */
export class Texels<T extends Values> {
  private readonly texture: WebGLTexture;
  private sent: T;
  private rows = 0;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly layout: TexelFormat,
    private readonly make: (length: number) => T,
  ) {
    this.texture = gl.createTexture();
    this.sent = make(0);
  }

  bind(unit: number): void {
    this.gl.activeTexture(this.gl.TEXTURE0 + unit);
    this.gl.bindTexture(this.gl.TEXTURE_2D, this.texture);
  }

  /** Sends what is different; answers how many rows that were. */
  send(values: T): number {
    const perRow = rowLength * this.layout.width;
    const rows = Math.max(1, Math.ceil(values.length / perRow));
    this.bind(0);
    const anew = rows > this.rows;
    if (anew) this.grow(rows);
    let [sentRows, first] = [0, -1];
    for (let row = 0; row <= rows; row++) {
      const differs =
        row < rows && (anew || this.differs(values, row * perRow, (row + 1) * perRow));
      if (differs && first < 0) first = row;
      if (differs || first < 0) continue;
      this.sent.set(values.subarray(first * perRow, row * perRow), first * perRow);
      this.sendRows(first, row);
      sentRows += row - first;
      first = -1;
    }
    return sentRows;
  }

  private differs(values: T, from: number, to: number): boolean {
    const end = Math.min(to, values.length);
    for (let at = from; at < end; at++) if (values[at] !== this.sent[at]) return true;
    return false;
  }

  private grow(rows: number): void {
    const { gl, layout } = this;
    this.rows = rows;
    this.sent = this.make(rows * rowLength * layout.width);
    const { internal, format, type } = layout;
    gl.texImage2D(gl.TEXTURE_2D, 0, internal, rowLength, rows, 0, format, type, null);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  private sendRows(first: number, end: number): void {
    const { gl, layout, sent } = this;
    const perRow = rowLength * layout.width;
    const part = sent.subarray(first * perRow, end * perRow);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texSubImage2D(
      gl.TEXTURE_2D,
      0,
      0,
      first,
      rowLength,
      end - first,
      layout.format,
      layout.type,
      part,
    );
  }
}
