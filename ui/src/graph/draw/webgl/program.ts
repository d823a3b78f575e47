/** What the web view's WebGL said; the canvas path is taken then. */
export class NoWebgl extends Error {}

/** A linked program with its uniforms and attributes by name. */
export class Program {
  private readonly program: WebGLProgram;
  private readonly uniforms = new Map<string, WebGLUniformLocation | null>();

  constructor(
    readonly gl: WebGL2RenderingContext,
    vertex: string,
    fragment: string,
  ) {
    this.program = gl.createProgram();
    for (const [kind, source] of [
      [gl.VERTEX_SHADER, vertex],
      [gl.FRAGMENT_SHADER, fragment],
    ] as const) {
      const shader = gl.createShader(kind);
      if (!shader) throw new NoWebgl("no shader");
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
      gl.deleteShader(shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS) && !gl.isContextLost()) {
      const [shader] = gl.getAttachedShaders(this.program) ?? [];
      const why = gl.getProgramInfoLog(this.program) || (shader && gl.getShaderInfoLog(shader));
      throw new NoWebgl(why || "a shader does not compile");
    }
  }

  use(): void {
    // biome-ignore lint/correctness/useHookAtTopLevel: a call of WebGL
    this.gl.useProgram(this.program);
  }

  attribute(name: string): number {
    return this.gl.getAttribLocation(this.program, name);
  }

  at(name: string): WebGLUniformLocation | null {
    const known = this.uniforms.get(name);
    if (known !== undefined) return known;
    const found = this.gl.getUniformLocation(this.program, name);
    this.uniforms.set(name, found);
    return found;
  }
}

/** Numbers on the GPU, that are written anew for each frame. */
export class Stream {
  private readonly buffer: WebGLBuffer;
  private room = 0;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.buffer = gl.createBuffer();
  }

  write(data: Int32Array | Float32Array): void {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    if (data.byteLength > this.room) {
      this.room = Math.max(4096, 2 ** Math.ceil(Math.log2(data.byteLength)));
      gl.bufferData(gl.ARRAY_BUFFER, this.room, gl.DYNAMIC_DRAW);
    }
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, data);
  }

  bind(): void {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.buffer);
  }
}

/** Many bands of so many quadrangles each, whose corners the shader finds by their number. */
export class Bands {
  private readonly buffer: WebGLBuffer;
  private room = 0;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    readonly parts: number,
  ) {
    this.buffer = gl.createBuffer();
  }

  draw(count: number): void {
    const { gl, parts } = this;
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffer);
    if (count > this.room) {
      this.room = Math.max(256, 2 ** Math.ceil(Math.log2(count)));
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, corners(this.room, parts), gl.STATIC_DRAW);
    }
    gl.drawElements(gl.TRIANGLES, 6 * parts * count, gl.UNSIGNED_INT, 0);
  }
}

/** Two triangles for each quadrangle; corners stand in pairs along a band. */
function corners(bands: number, parts: number): Uint32Array {
  const numbers = new Uint32Array(6 * parts * bands);
  let at = 0;
  for (let band = 0; band < bands; band++) {
    for (let part = 0; part < parts; part++) {
      const first = 2 * (band * (parts + 1) + part);
      for (const corner of [0, 1, 2, 2, 1, 3]) numbers[at++] = first + corner;
    }
  }
  return numbers;
}
