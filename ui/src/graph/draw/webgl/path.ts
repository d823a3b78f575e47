import { type Packed, parseColour } from "../../colour";
import { faintEdge } from "../../lit";
import { halfSizes, type Scene } from "../../scene";
import { frameBox, framePaint } from "../frames";
import { pieces } from "../geometry";
import { headSize, headStrength, outlineStrength } from "../level";
import { least, type Picture } from "../picture";
import { strengthOf, strengthOfOne } from "../seen";
import { Bands, NoWebgl, Program, Stream } from "./program";
import {
  edgeFragment,
  edgeVertex,
  frameFragment,
  frameVertex,
  headFragment,
  headVertex,
  twinFragment,
  twinVertex,
} from "./shaders";
import { Texels } from "./texels";

/** Texture units. */
const units = { places: 1, paints: 2, table: 3, links: 4, list: 5 } as const;
const quad = new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]);

/** The drawing without text by WebGL 2. Twins and relationships lie in textures; a frame names them. */
export class WebglPath {
  private readonly twins: Program;
  private readonly frames: Program;
  private readonly edges: Program;
  private readonly heads: Program;
  private readonly quad: WebGLBuffer;
  private readonly stream: Stream;
  private readonly straight: Bands;
  private readonly bent: Bands;
  private readonly list: Texels<Int32Array>;
  private readonly places: Texels<Float32Array>;
  private readonly paints: Texels<Uint8Array>;
  private readonly links: Texels<Int32Array>;
  private readonly table: WebGLTexture;
  private scene: Scene | null = null;
  private placeValues = new Float32Array(0);
  private stale = true;
  /** How many rows of textures went to the GPU; for tests. */
  rowsSent = 0;

  /** @throws {NoWebgl} where the web view has no WebGL 2. */
  constructor(readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false });
    if (!gl) throw new NoWebgl("This web view has no WebGL 2.");
    this.gl = gl;
    this.twins = new Program(gl, twinVertex, twinFragment);
    this.frames = new Program(gl, frameVertex, frameFragment);
    this.edges = new Program(gl, edgeVertex, edgeFragment);
    this.heads = new Program(gl, headVertex, headFragment);
    this.quad = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.quad);
    gl.bufferData(gl.ARRAY_BUFFER, quad, gl.STATIC_DRAW);
    this.stream = new Stream(gl);
    this.straight = new Bands(gl, 1);
    this.bent = new Bands(gl, pieces);
    const [float, byte, int] = [gl.FLOAT, gl.UNSIGNED_BYTE, gl.INT];
    this.places = new Texels(
      gl,
      { internal: gl.RGBA32F, format: gl.RGBA, type: float, width: 4 },
      (length) => new Float32Array(length),
    );
    this.paints = new Texels(
      gl,
      { internal: gl.R8UI, format: gl.RED_INTEGER, type: byte, width: 1 },
      (length) => new Uint8Array(length),
    );
    this.list = new Texels(
      gl,
      { internal: gl.R32I, format: gl.RED_INTEGER, type: int, width: 1 },
      (length) => new Int32Array(length),
    );
    this.links = new Texels(
      gl,
      { internal: gl.RGBA32I, format: gl.RGBA_INTEGER, type: int, width: 4 },
      (length) => new Int32Array(length),
    );
    this.table = gl.createTexture();
  }

  private readonly gl: WebGL2RenderingContext;

  /** Places, shapes or colours of the scene changed. */
  changed(): void {
    this.stale = true;
  }

  /** Waits until the GPU has drawn: for measuring. */
  finish(): void {
    const { gl } = this;
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  }

  /** Gives the memory back. */
  close(): void {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  draw(picture: Picture): void {
    const { gl } = this;
    const { palette, seen, density } = picture;
    this.take(picture);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    const ground = parts(parseColour(palette.canvas));
    gl.clearColor(ground[0], ground[1], ground[2], 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    this.drawFrames(picture);
    const strength = seen.edgeStrength * (seen.lit ? faintEdge : 1);
    this.drawEdges(picture, seen.edges, palette.edge, density, strength);
    const [hovered, selected] = [seen.ofHovered, seen.ofSelected];
    const wide = 1.5 * density;
    this.drawEdges(picture, seen.ofLit, palette.text2, wide, strengthOfOne(seen.ofLit));
    this.drawEdges(picture, hovered, palette.text2, wide, strengthOfOne(hovered));
    this.drawEdges(picture, selected, palette.accent, wide, strengthOfOne(selected));
    this.drawTwins(picture);
  }

  /** Brings what changed to the GPU. */
  private take(picture: Picture): void {
    const { scene } = picture;
    const { gl } = this;
    this.sendTable(picture.table.fill);
    if (scene !== this.scene) {
      this.scene = scene;
      this.stale = true;
      this.placeValues = new Float32Array(4 * scene.ids.length);
      this.rowsSent += this.links.send(linkValues(scene));
    }
    if (this.stale) {
      fillPlaces(this.placeValues, scene);
      this.rowsSent += this.places.send(this.placeValues) + this.paints.send(scene.paint);
      this.stale = false;
    }
    this.places.bind(units.places);
    this.paints.bind(units.paints);
    this.links.bind(units.links);
    this.list.bind(units.list);
    gl.activeTexture(gl.TEXTURE0 + units.table);
    gl.bindTexture(gl.TEXTURE_2D, this.table);
  }

  private sendTable(fill: Uint32Array): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + units.table);
    gl.bindTexture(gl.TEXTURE_2D, this.table);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    const bytes = new Uint8Array(fill.buffer, fill.byteOffset, fill.byteLength);
    const [width, format] = [fill.length, gl.RGBA];
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, width, 1, 0, format, gl.UNSIGNED_BYTE, bytes);
  }

  private aim(program: Program, { camera, density }: Picture): void {
    const { gl, canvas } = this;
    program.use();
    gl.uniform2f(program.at("view"), canvas.width, canvas.height);
    gl.uniform3f(program.at("eye"), camera.x, camera.y, camera.zoom * density);
    gl.uniform2fv(program.at("halves"), halfSizes);
    gl.uniform1f(program.at("least"), least * density);
    gl.uniform1i(program.at("places"), units.places);
    gl.uniform1i(program.at("paints"), units.paints);
    gl.uniform1i(program.at("table"), units.table);
    gl.uniform1i(program.at("links"), units.links);
    gl.uniform1i(program.at("list"), units.list);
  }

  /** Which twins or relationships are drawn next. */
  private name(numbers: Int32Array): void {
    this.list.send(numbers);
    this.list.bind(units.list);
  }

  private drawFrames(picture: Picture): void {
    const { seen, palette, density } = picture;
    const { gl, frames: program } = this;
    if (seen.frames.length === 0) return;
    const perFrame = 8;
    const data = new Float32Array(perFrame * seen.frames.length);
    let radius = 0;
    seen.frames.forEach((at, place) => {
      const box = frameBox(picture, at);
      const fill = framePaint(picture, at);
      radius = Math.max(radius, box.radius);
      const [red, green, blue] = parts(fill ?? 0);
      const values = [
        box.left,
        box.top,
        box.right,
        box.bottom,
        red,
        green,
        blue,
        fill === null ? 0 : 1,
      ];
      data.set(values, perFrame * place);
    });
    this.aim(program, picture);
    gl.uniform4f(program.at("line"), ...parts(parseColour(palette["cont-line"])), 1);
    gl.uniform1f(program.at("lineWidth"), Math.max(1, Math.round(density)));
    gl.uniform1f(program.at("radius"), radius);
    const corner = program.attribute("corner");
    gl.bindBuffer(gl.ARRAY_BUFFER, this.quad);
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
    gl.vertexAttribDivisor(corner, 0);
    this.stream.write(data);
    for (const [name, offset] of [
      ["box", 0],
      ["ground", 16],
    ] as const) {
      const at = program.attribute(name);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, 4, gl.FLOAT, false, 4 * perFrame, offset);
      gl.vertexAttribDivisor(at, 1);
    }
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, seen.frames.length);
    for (const name of ["corner", "box", "ground"]) {
      gl.disableVertexAttribArray(program.attribute(name));
    }
  }

  private drawEdges(
    picture: Picture,
    edges: Int32Array,
    ink: string,
    width: number,
    strength: number,
  ): void {
    if (edges.length === 0) return;
    const { gl } = this;
    const { bend } = picture.scene.links;
    const isBent = (edge: number) => bend[edge] !== 0;
    const straight = edges.filter((edge) => !isBent(edge));
    const bent = straight.length === edges.length ? straight.subarray(0, 0) : edges.filter(isBent);
    const colour = parts(parseColour(ink));
    const ready = (program: Program) => {
      this.aim(program, picture);
      gl.uniform4f(program.at("ink"), ...colour, strength);
      gl.uniform1f(program.at("gap"), picture.density);
    };
    ready(this.edges);
    gl.uniform1f(this.edges.at("width"), width);
    for (const [numbers, bands] of [
      [straight, this.straight],
      [bent, this.bent],
    ] as const) {
      if (numbers.length === 0) continue;
      this.name(numbers);
      gl.uniform1i(this.edges.at("parts"), bands.parts);
      bands.draw(numbers.length);
    }
    if (headStrength(picture.camera.zoom) === 0 || strength < 1) return;
    ready(this.heads);
    gl.uniform1f(this.heads.at("size"), headSize * picture.density);
    this.name(edges);
    gl.drawArrays(gl.TRIANGLES, 0, 3 * edges.length);
  }

  /** Those that are drawn equally strongly at once. */
  private drawTwins(picture: Picture): void {
    const { seen, scene } = picture;
    const { twins, far, cloud, lit } = seen;
    if (lit === null && (far === 0 || far === 1) && (cloud === 0 || cloud === 1)) {
      this.drawSome(picture, twins, 1);
      return;
    }
    const strengths = Float32Array.from(twins, (at) => strengthOf(seen, scene, at));
    // The faintest first, so that what stands out lies above.
    for (const strength of [...new Set(strengths)].sort((a, b) => a - b)) {
      const some = twins.filter((_, place) => strengths[place] === strength);
      this.drawSome(picture, some, strength);
    }
  }

  private drawSome(picture: Picture, twins: Int32Array, alpha: number): void {
    if (twins.length === 0) return;
    const { gl, twins: program } = this;
    const { camera, density, palette } = picture;
    this.aim(program, picture);
    gl.uniform4f(program.at("line"), ...parts(parseColour(palette.edge)), 1);
    gl.uniform1f(program.at("outlined"), outlineStrength(camera.zoom));
    gl.uniform1f(program.at("lineWidth"), Math.max(1, Math.round(density)));
    gl.uniform1f(program.at("radius"), 4 * Math.min(1, camera.zoom) * density);
    gl.uniform1f(program.at("alpha"), alpha);
    this.name(twins);
    this.straight.draw(twins.length);
  }
}

const parts = (colour: Packed): [number, number, number] => [
  (colour & 255) / 255,
  ((colour >> 8) & 255) / 255,
  ((colour >> 16) & 255) / 255,
];

function fillPlaces(values: Float32Array, { x, y, scale, shape }: Scene): void {
  for (let at = 0; at < x.length; at++) {
    values[4 * at] = x[at] as number;
    values[4 * at + 1] = y[at] as number;
    values[4 * at + 2] = scale[at] as number;
    values[4 * at + 3] = shape[at] as number;
  }
}

function linkValues({ source, target, links }: Scene): Int32Array {
  const values = new Int32Array(4 * source.length);
  for (let edge = 0; edge < source.length; edge++) {
    values[4 * edge] = source[edge] as number;
    values[4 * edge + 1] = target[edge] as number;
    values[4 * edge + 2] = Math.round(2 * (links.bend[edge] as number)) || 0;
  }
  return values;
}
