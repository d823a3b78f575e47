import { temperaturePaint } from "../graph/scale";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";

/** The colour of a temperature, as on the drawing. */
export function Swatch({ degrees }: { degrees: number }) {
  const theme = useCell(usePage().appearance.theme);
  return (
    <span
      className="swatch"
      style={{ background: temperaturePaint(theme, degrees).fill }}
      aria-hidden
    />
  );
}
