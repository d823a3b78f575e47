import { PinOff, Radio } from "lucide-react";
import { Button, Tooltip } from "../look/Controls";
import { age } from "../look/format";
import { ShapeIcon } from "../look/ShapeIcon";
import { useNow, usePage } from "../store/usePage";
import type { TwinDetail } from "../wire/TwinDetail";

/** Which twin it is, and how fresh. */
export function InspectorHead({ twin }: { twin: TwinDetail }) {
  const page = usePage();
  const now = useNow(500);
  const kind = page.instance.graph.kinds.find((one) => one.model === twin.model);
  const { device } = twin;
  return (
    <header className="inspector-head">
      <div className="inspector-line">
        <ShapeIcon mark={kind?.shape ?? "circle"} size={16} />
        <h2 className="mono inspector-title ellipsis selectable" data-testid="inspector-title">
          {twin.id}
        </h2>
        <span className="stretch" />
        {twin.name && <span className="ellipsis inspector-name">{twin.name}</span>}
      </div>
      <p className="mono unit ellipsis selectable" title={`${twin.modelName}, ${twin.model}`}>
        {twin.model}
      </p>
      <div className="inspector-line">
        <p className="hint number">updated {ago(twin.updated, now)}</p>
        <span className="stretch" />
        {page.instance.graph.twin(twin.id)?.pinned && (
          <Tooltip text="It was placed by hand. Let the layout place it again">
            <button type="button" className="pinned" onClick={() => void page.place(twin.id, null)}>
              <PinOff size={14} aria-hidden />
              Unpin
            </button>
          </Tooltip>
        )}
      </div>
      {twin.deviceSilenced && device !== null && (
        <div className="silenced">
          <Radio size={16} aria-hidden />
          <span>Simulated device is silent since an outside write</span>
          <Button onClick={() => page.simulate({ kind: "unsilence", device })}>Resume</Button>
        </div>
      )}
    </header>
  );
}

function ago(then: number, now: number): string {
  const text = age(then, now);
  return text === "now" ? text : `${text} ago`;
}
