import { ReactFlowProvider } from "@xyflow/react";
import { Thermometer } from "lucide-react";
import { useEffect } from "react";
import { Button } from "../look/Controls";
import { Problem } from "../look/Problem";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import { openInspector } from "../window/panels";
import { Canvas } from "./Canvas";
import { DeployBar } from "./DeployBar";
import { Differences } from "./Differences";
import { isEmpty } from "./draft";
import { FlowToolbar } from "./FlowToolbar";
import { Legend } from "./Legend";
import { offerOf } from "./offers";
import { Palette } from "./Palette";
import { useDraft } from "./reading";
import { showInLog } from "./showInLog";
import { WiringHint } from "./WiringHint";
import "@xyflow/react/dist/base.css";
import "./canvas.css";
import "./flow.css";

/** The topology, drawn, measured and edited. */
export function FlowPanel() {
  const { flow } = usePage();
  useEffect(() => flow.show(), [flow]);
  const known = usePart(flow.deployment.state, (state) => state !== null);
  const fixed = usePart(flow.deployment.state, (state) => state !== null && state.fixed !== null);
  const failure = useCell(flow.deployment.failure);
  const onKeyDown = useKeys();
  if (!known) {
    return (
      <section className="flow empty" aria-label="Flow" data-testid="flow">
        {failure ? (
          <>
            <Problem failure={failure} testId="flow-failure" />
            <Button onClick={() => void flow.deployment.load()}>Try again</Button>
          </>
        ) : (
          <p>Reading the topology …</p>
        )}
      </section>
    );
  }
  return (
    <ReactFlowProvider>
      <section className="flow" aria-label="Flow" data-testid="flow" onKeyDown={onKeyDown}>
        <FlowToolbar />
        <div className="flow-ground">
          {!fixed && <Palette />}
          <section
            className="flow-canvas"
            data-testid="flow-canvas"
            tabIndex={-1}
            aria-label="Canvas"
          >
            <Canvas />
            <div className="flow-bars">
              <DeployBar />
            </div>
            <Empty />
            <Legend />
          </section>
        </div>
        <WiringHint />
        <Differences />
      </section>
    </ReactFlowProvider>
  );
}

/** Keys of the canvas; those of a field are the field's. */
function useKeys() {
  const page = usePage();
  const { flow } = page;
  return (event: React.KeyboardEvent) => {
    const { target } = event;
    const selected = flow.selection.get();
    if (target instanceof HTMLElement && target.closest("input, textarea, .cm-editor")) return;
    const control = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (control && key === "z" && event.shiftKey) flow.redo();
    else if (control && key === "z") flow.undo();
    else if (control && key === "y") flow.redo();
    else if (control && key === "d" && selected) flow.duplicate(selected);
    else if ((key === "delete" || key === "backspace") && selected) {
      flow.remove(selected);
      // What had the focus may be gone; the next key is meant for the canvas again.
      event.currentTarget.querySelector<HTMLElement>(".flow-canvas")?.focus();
    } else if (key === "escape" && selected) flow.selection.set(null);
    else if (!control && key === "l" && selected) showInLog(page, selected);
    else if ((key === "f2" || (!control && key === "w")) && selected) {
      openInspector(page);
      // Where it was closed it is there with the next frame.
      requestAnimationFrame(() => flow.asked.emit(key === "w" ? "wire" : "name"));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
}

/** Nothing flows yet: what would be here, and how it begins. */
function Empty() {
  const { flow } = usePage();
  const draft = useDraft();
  const fixed = usePart(flow.deployment.state, (state) => state?.fixed ?? null);
  if (!isEmpty(draft)) return null;
  const source = offerOf("source-iotHub");
  return (
    <div className="flow-empty card" data-testid="flow-empty">
      <h3>Nothing flows yet</h3>
      <p>
        Here is what leads data in and out of the instance: sources and the functions that take
        their messages, event routes to endpoints, and who subscribes to them.
      </p>
      {fixed === null && (
        <>
          <p>Drag parts from the left and wire their ports, or begin with one of these.</p>
          <div className="flow-empty-buttons">
            <Button
              look="primary"
              icon={Thermometer}
              data-testid="start-thermostats"
              onClick={() => flow.startThermostats()}
            >
              Thermostat to room
            </Button>
            {source && (
              <Button
                icon={source.icon}
                data-testid="start-source"
                onClick={() => flow.add(source, null)}
              >
                Add an IoT Hub
              </Button>
            )}
          </div>
        </>
      )}
    </div>
  );
}
