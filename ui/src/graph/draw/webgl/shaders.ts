import { bendStep, loopGrowth, loopSize, pieces } from "../geometry";

/** Rows of the textures that hold one texel per twin or relationship. */
export const rowBits = 10;
export const rowLength = 1 << rowBits;

const head = `#version 300 es
precision highp float;
precision highp int;
// Without this a texture's numbers may come as halves: at 5,000 units they are 4 apart.
precision highp sampler2D;
precision highp isampler2D;
precision highp usampler2D;
`;

/**
 * The camera, and what each twin is. `places`: x, y, scale of the shape, shape. What is drawn is a
 * list of numbers, and a vertex finds its item in it: a software renderer takes as long for an
 * instance as for a draw.
 */
const world = `
uniform vec2 view;      // the drawing buffer, device pixels
uniform vec3 eye;       // drawing point in the middle, device pixels per drawing unit
uniform vec2 halves[3]; // half the size of each shape, drawing units
uniform float least;    // half the size of the smallest mark
uniform sampler2D places;
uniform isampler2D list;

struct Twin { vec2 at; vec2 half_; int shape; };

ivec2 texel(int index) { return ivec2(index & ${rowLength - 1}, index >> ${rowBits}); }
vec2 screen(vec2 point) { return (point - eye.xy) * eye.z + view * 0.5; }
vec4 clip(vec2 pixel) { return vec4(pixel / view * vec2(2, -2) + vec2(-1, 1), 0, 1); }

Twin twin(int index) {
  vec4 place = texelFetch(places, texel(index), 0);
  int shape = int(place.w);
  vec2 half_ = max(halves[shape] * place.z * eye.z, vec2(least));
  vec2 at = screen(place.xy);
  // Large boxes stand on whole pixels, so that their edges are sharp.
  if (shape == 1 && half_.y > 4.0) {
    vec2 low = floor(at - half_ + 0.5), high = floor(at + half_ + 0.5);
    at = (low + high) * 0.5;
    half_ = (high - low) * 0.5;
  }
  return Twin(at, half_, shape);
}

int item(int place) { return texelFetch(list, texel(place), 0).r; }

float away(int shape, vec2 p, vec2 half_, float radius) {
  vec2 a = abs(p);
  if (shape == 2) return length(p) - half_.x;
  if (shape == 0) {
    float slant = sqrt(half_.y * half_.y + half_.x * half_.x / 4.0);
    return max(a.y - half_.y, ((a.x - half_.x) * half_.y + a.y * half_.x / 2.0) / slant);
  }
  vec2 q = a - half_ + radius;
  return (q.x > 0.0 && q.y > 0.0 ? length(q) : max(q.x, q.y)) - radius;
}
`;

export const twinVertex = `${head}${world}
uniform usampler2D paints;
uniform sampler2D table;
out vec2 offset;
flat out vec2 half_;
flat out int shape;
flat out vec4 fill;
void main() {
  int index = item(gl_VertexID >> 2);
  vec2 corner = vec2(gl_VertexID & 1, (gl_VertexID >> 1) & 1) * 2.0 - 1.0;
  Twin t = twin(index);
  half_ = t.half_;
  shape = t.shape;
  uint paint = texelFetch(paints, texel(index), 0).r;
  fill = texelFetch(table, ivec2(int(paint), 0), 0);
  offset = corner * (t.half_ + 1.0);
  gl_Position = clip(t.at + offset);
}`;

export const twinFragment = `${head}${world}
uniform vec4 line;
uniform float outlined;
uniform float lineWidth;
uniform float radius;
uniform float alpha;
in vec2 offset;
flat in vec2 half_;
flat in int shape;
flat in vec4 fill;
out vec4 colour;
void main() {
  if (half_.x < 2.0) {
    // Too small for a shape: how much of the pixel the box covers.
    vec2 covered = clamp(min(offset + 0.5, half_) - max(offset - 0.5, -half_), 0.0, 1.0);
    colour = vec4(fill.rgb, covered.x * covered.y * alpha);
    return;
  }
  float d = away(shape, offset, half_, radius);
  float inside = clamp(0.5 - d, 0.0, 1.0);
  float edge = outlined * clamp(0.5 + d + lineWidth, 0.0, 1.0);
  colour = vec4(mix(fill.rgb, line.rgb, edge), inside * alpha);
}`;

export const frameVertex = `${head}${world}
in vec2 corner;
in vec4 box;    // left, top, right, bottom in device pixels
in vec4 ground; // not filled where its alpha is 0
out vec2 offset;
flat out vec2 half_;
flat out vec4 fill;
void main() {
  half_ = (box.zw - box.xy) * 0.5;
  fill = ground;
  offset = corner * (half_ + 1.0);
  gl_Position = clip((box.xy + box.zw) * 0.5 + offset);
}`;

export const frameFragment = `${head}${world}
uniform vec4 line;
uniform float lineWidth;
uniform float radius;
in vec2 offset;
flat in vec2 half_;
flat in vec4 fill;
out vec4 colour;
void main() {
  float d = away(1, offset, half_, min(radius, min(half_.x, half_.y)));
  float inside = clamp(0.5 - d, 0.0, 1.0);
  float edge = clamp(0.5 + d + lineWidth, 0.0, 1.0);
  vec3 ground = fill.a > 0.0 ? fill.rgb : line.rgb;
  colour = vec4(mix(ground, line.rgb, edge), inside * max(edge, fill.a));
}`;

/** The way of a relationship, as `Route` goes it. `links`: source, target, twice the bend. */
const route = `
uniform isampler2D links;
uniform float gap;
struct Way { vec2 from; vec2 middle; vec2 to; float radius; bool seen; };

float reach(Twin t, vec2 way) {
  if (t.shape == 2) return t.half_.x;
  vec2 a = abs(way);
  if (t.shape == 0) return min(t.half_.y / a.y, t.half_.x / (a.x + a.y * t.half_.x / (2.0 * t.half_.y)));
  return min(t.half_.x / a.x, t.half_.y / a.y);
}

vec2 leave(Twin t, vec2 towards, float off) {
  vec2 way = towards - t.at;
  way /= max(length(way), 1e-6);
  return t.at + way * (reach(t, way) + off);
}

Way way(int index) {
  ivec3 link = texelFetch(links, texel(index), 0).xyz;
  Twin a = twin(link.x), b = twin(link.y);
  float bend = float(link.z) * 0.5;
  if (link.x == link.y) {
    float corner = a.shape == 2 ? 0.7 : a.shape == 0 ? 0.75 : 1.0;
    float radius = (${loopSize.toFixed(1)} + ${loopGrowth.toFixed(1)} * (bend - 1.0)) * eye.z;
    return Way(a.at, a.at + a.half_ * vec2(corner, -corner), a.at, radius, true);
  }
  vec2 along = b.at - a.at;
  float span = length(along);
  if (span < 1.0) return Way(a.at, a.at, a.at, 0.0, false);
  float bow = 2.0 * bend * ${bendStep.toFixed(1)} * eye.z / span;
  vec2 middle = (a.at + b.at) * 0.5 + vec2(-along.y, along.x) * bow;
  vec2 from = leave(a, middle, 0.0), to = leave(b, middle, gap);
  // What runs straight up or across is sharp on the middle of pixels.
  if (bend == 0.0 && abs(from.x - to.x) < 0.05) from.x = to.x = floor(from.x) + 0.5;
  if (bend == 0.0 && abs(from.y - to.y) < 0.05) from.y = to.y = floor(from.y) + 0.5;
  return Way(from, middle, to, 0.0, dot(to - from, along) > 0.0);
}

vec2 point(Way w, float t) {
  if (w.radius > 0.0) {
    float angle = 3.14159265 * (1.0 + 1.5 * t);
    return w.middle + vec2(cos(angle), sin(angle)) * w.radius;
  }
  return mix(mix(w.from, w.middle, t), mix(w.middle, w.to, t), t);
}
`;

export const edgeVertex = `${head}${world}${route}
uniform float width;
uniform int parts; // straight pieces of each way
out float side;
void main() {
  int corners = 2 * (parts + 1);
  int corner = gl_VertexID % corners;
  Way w = way(item(gl_VertexID / corners));
  float t = float(corner >> 1) / float(parts);
  vec2 at = point(w, t);
  vec2 along = point(w, min(t + 0.02, 1.0)) - point(w, max(t - 0.02, 0.0));
  vec2 off = vec2(-along.y, along.x) / max(length(along), 1e-6);
  side = (float(corner & 1) * 2.0 - 1.0) * (width * 0.5 + 1.0);
  gl_Position = w.seen ? clip(at + off * side) : vec4(2, 2, 2, 1);
}`;

export const edgeFragment = `${head}
uniform vec4 ink;
uniform float width;
in float side;
out vec4 colour;
void main() {
  float covered = clamp(width * 0.5 + 0.5 - abs(side), 0.0, 1.0);
  colour = vec4(ink.rgb, ink.a * covered);
}`;

export const headVertex = `${head}${world}${route}
uniform float size;
out vec2 place;
flat out float length_;
void main() {
  Way w = way(item(gl_VertexID / 3));
  int turn = gl_VertexID % 3;
  vec2 corner = vec2(turn > 0 ? 1.0 : 0.0, float(turn == 2) - float(turn == 1));
  vec2 tip = point(w, 1.0);
  vec2 along = tip - point(w, ${(1 - 1 / pieces).toFixed(6)});
  along /= max(length(along), 1e-6);
  float span = w.radius > 0.0 ? w.radius * 3.0 : distance(w.from, w.to);
  length_ = min(size, span * 0.5);
  // A pixel of room all around, for smooth edges.
  place = vec2(corner.x * (length_ + 2.0) - 1.0, corner.y * (length_ * 0.45 + 2.0));
  gl_Position = w.seen
    ? clip(tip - along * place.x + vec2(-along.y, along.x) * place.y)
    : vec4(2, 2, 2, 1);
}`;

export const headFragment = `${head}
uniform vec4 ink;
in vec2 place;
flat in float length_;
out vec4 colour;
void main() {
  // Inside of the head: behind the tip, before its end, between its sides.
  float slant = (abs(place.y) - 0.45 * place.x) / sqrt(1.0 + 0.45 * 0.45);
  float d = max(slant, place.x - length_);
  colour = vec4(ink.rgb, ink.a * clamp(0.5 - d, 0.0, 1.0));
}`;
