import { colourOf, type Valued } from "../graph/encoding/colours";
import { usePart } from "../store/cell";
import { usePage } from "../store/usePage";

/** The colour of a value, as on the drawing; nothing where the drawing has none for it. */
export function Swatch(valued: Valued) {
  const fill = usePart(usePage().colours, (colours) => colourOf(colours, valued));
  return fill && <span className="swatch" style={{ background: fill }} aria-hidden />;
}
