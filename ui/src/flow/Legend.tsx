import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";

const steps = [
  { heat: "0", words: "0" },
  { heat: "1", words: "<3" },
  { heat: "2", words: "<30" },
  { heat: "3", words: "<100" },
  { heat: "4", words: "100+" },
  { heat: "drop", words: "dropped" },
];

/** What width and colour of a wire mean. */
export function Legend() {
  const silence = useCell(usePage().flow.meters.silence);
  if (silence) {
    return (
      <p className="flow-legend card" role="status" data-testid="flow-silence">
        No rates: {silence}
      </p>
    );
  }
  return (
    <div className="flow-legend card">
      <span>Events/s</span>
      {steps.map(({ heat, words }) => (
        <span key={heat} className="flow-legend-step">
          <svg width="18" height="8" className="flow-wire" data-heat={heat} aria-hidden="true">
            <path className="flow-wire-line" d="M0 4H18" />
          </svg>
          {words}
        </span>
      ))}
    </div>
  );
}
