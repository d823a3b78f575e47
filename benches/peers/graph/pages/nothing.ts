import { height, host, width } from "./page";

/** The floor: no drawing at all, or pixels of one colour brought to a 2-D canvas in every frame. */
window.load = (_, how) => {
  window.move = how === "canvas" ? blank() : () => undefined;
};

function blank(): () => void {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  host.append(canvas);
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  let colour = 0xff000000;
  return () => {
    pixels.fill(colour++);
    context?.putImageData(image, 0, 0);
  };
}
