import { Tabs } from "radix-ui";
import { lazy, Suspense, useState } from "react";
import { Button } from "../look/Controls";
import { CopyJson, Json } from "../look/Json";
import { Problem } from "../look/Problem";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import type { TwinDetail } from "../wire/TwinDetail";
import { InspectorHead } from "./InspectorHead";
import { PropertyList } from "./PropertyList";
import { Relations } from "./Relations";
import { Sparkline } from "./Sparkline";
import "./inspector.css";

const FlowInspector = lazy(() =>
  import("../flow/FlowInspector").then((part) => ({ default: part.FlowInspector })),
);

/** All about what is selected: a twin of the graph, or a node of the topology. */
export function Inspector() {
  const ofFlow = useCell(usePage().flow.inFront);
  if (!ofFlow) return <TwinInspector />;
  return (
    <Suspense>
      <FlowInspector />
    </Suspense>
  );
}

/** All about the selected twin, living. */
function TwinInspector() {
  const { selection } = usePage();
  const id = useCell(selection.id);
  const detail = useCell(selection.detail);
  const failure = useCell(selection.failure);
  if (id === null) return <NothingSelected />;
  return (
    <section className="inspector" data-testid="inspector" data-twin={id} aria-label="Inspector">
      {detail && <Twin key={id} twin={detail} />}
      {failure && (
        <div className="inspector-part">
          <Problem failure={failure} />
          <Button onClick={() => selection.refresh()}>Try again</Button>
        </div>
      )}
      {!detail && !failure && <div className="empty">Loading {id} …</div>}
    </section>
  );
}

function NothingSelected() {
  return (
    <section className="inspector empty" data-testid="inspector" aria-label="Inspector">
      <strong>No twin selected</strong>
      <p>Click a twin in the graph, or find one with Ctrl F, to see and edit its properties.</p>
    </section>
  );
}

function Twin({ twin }: { twin: TwinDetail }) {
  const [tab, setTab] = useState("properties");
  return (
    <>
      <InspectorHead twin={twin} />
      <Tabs.Root className="inspector-tabs" value={tab} onValueChange={setTab}>
        <Tabs.List className="tab-list" aria-label="Twin">
          <Tabs.Trigger className="tab" value="properties">
            Properties
          </Tabs.Trigger>
          <Tabs.Trigger className="tab" value="json">
            JSON
          </Tabs.Trigger>
          <span className="stretch" />
          {tab === "json" && <CopyJson value={twin.body} what={`JSON of ${twin.id}`} />}
        </Tabs.List>
        <Tabs.Content className="tab-body" value="properties" tabIndex={-1}>
          <PropertyList twin={twin} />
          <Sparkline twin={twin} />
          <Relations twin={twin} />
        </Tabs.Content>
        <Tabs.Content className="tab-body inspector-part" value="json" tabIndex={-1}>
          <Json value={twin.body} />
        </Tabs.Content>
      </Tabs.Root>
    </>
  );
}
