import { useEffect, useMemo, useState } from "react";
import { Problem } from "../look/Problem";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import { DeployBar } from "./DeployBar";
import { Differences } from "./Differences";
import { topologyOf } from "./draft";
import { Problems } from "./FlowToolbar";
import { CodeEditor, type Remark } from "./form/CodeEditor";
import { useDraft } from "./reading";
import { pathsOf, readTopology, writeTopology } from "./readTopology";
import "./flow.css";
import "./form/form.css";

/** The draft as `topology.json`: the other view of what the canvas shows. */
export function TopologyText() {
  const { flow } = usePage();
  useEffect(() => flow.show(), [flow]);
  const failure = useCell(flow.deployment.failure);
  const known = usePart(flow.deployment.state, (state) => state !== null);
  if (!known) {
    return (
      <section className="flow empty" aria-label="topology.json">
        {failure ? <Problem failure={failure} /> : <p>Reading the topology …</p>}
      </section>
    );
  }
  return (
    <section className="flow" aria-label="topology.json" data-testid="topology-text">
      <div className="graph-toolbar" role="toolbar" aria-label="topology.json">
        <FileName />
        <span className="stretch" />
        <Problems />
      </div>
      <DeployBar />
      <Text />
      <Differences />
    </section>
  );
}

function FileName() {
  const file = usePart(usePage().flow.deployment.state, (state) => state?.file ?? null);
  return (
    <span className="secondary mono ellipsis">
      {file ?? "The sample has no folder: its topology is in no file"}
    </span>
  );
}

function Text() {
  const { deployment } = usePage().flow;
  const draft = useDraft();
  const fixed = usePart(deployment.state, (state) => state?.fixed != null);
  const problems = useCell(deployment.problems);
  const written = useMemo(() => writeTopology(topologyOf(draft)), [draft]);
  const [text, setText] = useState(written);
  const [mistake, setMistake] = useState<Remark | null>(null);

  // What is typed stays as it is typed while it says what the draft says.
  useEffect(() => {
    setText((typed) => {
      const read = readTopology(typed);
      const same =
        "topology" in read && JSON.stringify(read.topology) === JSON.stringify(topologyOf(draft));
      return same ? typed : written;
    });
    setMistake(null);
  }, [draft, written]);

  const change = (typed: string) => {
    setText(typed);
    const read = readTopology(typed);
    if ("mistake" in read) {
      setMistake(read.mistake);
      return;
    }
    setMistake(null);
    deployment.edit(read.draft(deployment.sheet.get().draft), "topology.json");
  };

  const remarks = useMemo(() => {
    if (mistake) return [mistake];
    const lines = pathsOf(text);
    return problems.flatMap(({ node, field, message, refused }): Remark[] => {
      if (node === null) return [];
      const path = field === "" || field === "text" ? node : `${node}/${field}`;
      return [{ line: lines(path), message, refused }];
    });
  }, [mistake, problems, text]);

  return (
    <>
      {mistake && (
        <p className="flow-bar-row" role="alert" data-testid="json-mistake">
          Line {mistake.line}: {mistake.message} The canvas shows the draft as it was before.
        </p>
      )}
      <div className="flow-json">
        <CodeEditor
          language="json"
          label="topology.json"
          testId="topology-editor"
          text={text}
          onChange={change}
          remarks={remarks}
          readOnly={fixed}
        />
      </div>
    </>
  );
}
