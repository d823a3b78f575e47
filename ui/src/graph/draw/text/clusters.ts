import { count } from "../../../look/format";
import { toScreen } from "../../camera";
import type { Clusters } from "../../clusters";
import { faintTwin } from "../../lit";
import { type Picture, sans } from "../picture";
import { nameOf, smallestText } from "./labels";
import type { Occupied } from "./occupied";

/** Half the size of the smallest circle, pixels. */
const least = 5;
/** So many lines for each cluster at most: the strongest ones. */
const linesOfOne = 3;
const widestLine = 5;
const lineStrength = 0.45;
const proportional = 0.57;

/** Twins that lie too close to be told apart, as one circle for each cluster and lines between them. */
export function drawClusters(
  picture: Picture,
  context: CanvasRenderingContext2D,
  taken: Occupied,
): void {
  const { clusters } = picture.scene;
  const { seen } = picture;
  // What is matched stands out of its cluster.
  const cloud = seen.cloud * (seen.lit ? faintTwin : 1);
  if (!clusters || cloud === 0) return;
  context.globalAlpha = cloud * lineStrength;
  drawLines(picture, context, clusters);
  context.globalAlpha = cloud;
  for (let own = 0; own < clusters.count.length; own++) {
    drawCircle(picture, context, clusters, own, taken);
  }
  context.globalAlpha = 1;
}

const middleOf = ({ camera, size }: Picture, { x, y }: Clusters, own: number) =>
  toScreen(camera, size, { x: x[own] as number, y: y[own] as number });

function drawLines(picture: Picture, context: CanvasRenderingContext2D, clusters: Clusters): void {
  context.strokeStyle = picture.palette.edge;
  context.lineCap = "round";
  for (const [one, other, many] of strongest(clusters)) {
    const [from, to] = [middleOf(picture, clusters, one), middleOf(picture, clusters, other)];
    context.lineWidth = Math.min(widestLine, 0.75 + Math.log10(many) * 1.3);
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
  }
}

/** The strongest links of every cluster, weaker ones first. */
function strongest({ links, count }: Clusters): [one: number, other: number, many: number][] {
  const all: [number, number, number][] = [];
  for (let at = 0; at < links.length; at += 3) {
    all.push([links[at] as number, links[at + 1] as number, links[at + 2] as number]);
  }
  all.sort((a, b) => b[2] - a[2]);
  const lines = new Uint8Array(count.length);
  const kept = all.filter(([one, other]) => {
    const wanted = Math.min(lines[one] as number, lines[other] as number) < linesOfOne;
    lines[one] = Math.min(255, (lines[one] as number) + 1);
    lines[other] = Math.min(255, (lines[other] as number) + 1);
    return wanted;
  });
  return kept.reverse();
}

function drawCircle(
  picture: Picture,
  context: CanvasRenderingContext2D,
  clusters: Clusters,
  own: number,
  taken: Occupied,
): void {
  const { camera, palette, table, size } = picture;
  const { x, y } = middleOf(picture, clusters, own);
  const radius = Math.max(least, (clusters.radius[own] as number) * camera.zoom);
  if (x + radius < 0 || y + radius < 0 || x - radius > size.width || y - radius > size.height) {
    return;
  }
  const paint = clusters.paint[own] as number;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = table.css[paint] as string;
  context.fill();
  context.strokeStyle = palette.edge;
  context.lineWidth = 1;
  context.stroke();
  context.fillStyle = table.ink[paint] as string;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const many = count(clusters.count[own] as number);
  const name = nameOf(picture, clusters.hub[own] as number);
  const fits = (text: string, pixels: number) => text.length * pixels * proportional < 1.8 * radius;
  if (!fits(many, smallestText)) return;
  const both = fits(name, smallestText) && radius > 1.6 * smallestText;
  context.font = `600 ${smallestText + 1}px ${sans}`;
  context.fillText(many, x, both ? y - 8 : y);
  taken.take(x - radius, y - radius, 2 * radius, 2 * radius);
  if (!both) return;
  context.font = `400 ${smallestText}px ${sans}`;
  context.fillText(name, x, y + 8);
}
