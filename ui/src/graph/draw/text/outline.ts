import { circle, hexagon } from "../../scene";
import { type Picture, screenHalfHeight, screenHalfWidth, spot } from "../picture";

const cornerRadius = 4;
/** Half the width below which every shape is a speck, pixels. */
const smallest = 2;

/** Adds a twin's outline to the path, `off` pixels outside of its shape. */
export function outline(
  picture: Picture,
  context: CanvasRenderingContext2D,
  at: number,
  off: number,
): void {
  const { camera, scene } = picture;
  const { x, y } = spot(picture, at);
  const width = Math.max(0, screenHalfWidth(picture, at) + off);
  const height = Math.max(0, screenHalfHeight(picture, at) + off);
  const shape = scene.shape[at];
  if (width < smallest) context.rect(x - width, y - height, 2 * width, 2 * height);
  else if (shape === circle) {
    context.moveTo(x + width, y);
    context.arc(x, y, width, 0, 2 * Math.PI);
  } else if (shape === hexagon) {
    context.moveTo(x - width, y);
    context.lineTo(x - width / 2, y - height);
    context.lineTo(x + width / 2, y - height);
    context.lineTo(x + width, y);
    context.lineTo(x + width / 2, y + height);
    context.lineTo(x - width / 2, y + height);
    context.closePath();
  } else {
    const radius = Math.max(0, cornerRadius * Math.min(1, camera.zoom) + off);
    context.roundRect(x - width, y - height, 2 * width, 2 * height, radius);
  }
}
