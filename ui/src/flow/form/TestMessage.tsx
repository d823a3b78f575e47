import { Send } from "lucide-react";
import { useState } from "react";
import { Button } from "../../look/Controls";
import { useCell } from "../../store/cell";
import { usePage } from "../../store/usePage";
import { nameOf, own } from "../draft";

/** Sends a message as the source does, to see what becomes of it. */
export function TestMessage({ id }: { id: string }) {
  const { flow, notices } = usePage();
  const base = useCell(flow.deployment.base);
  const name = nameOf(id)?.name ?? "";
  const spec = own(base.parts.sources, name);
  const devices = spec && "devices" in spec ? spec.devices : [];
  const [device, setDevice] = useState(devices[0] ?? "");
  const [text, setText] = useState('{ "temperature": 21.5 }');
  const [problem, setProblem] = useState<string | null>(null);
  if (!spec) return null;
  const send = async () => {
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch (thrown) {
      setProblem(`The body is not JSON: ${thrown instanceof Error ? thrown.message : thrown}`);
      return;
    }
    const failed = await flow.send(name, device, body);
    setProblem(failed);
    if (failed === null) notices.say(`Sent as ${device}`);
  };
  return (
    <form
      className="inspector-part flow-form"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <header className="section-head">
        <h3>Send a test message</h3>
      </header>
      <div className="flow-field">
        <span className="flow-label">Device</span>
        <div className="flow-input">
          <input
            className="input mono"
            aria-label="Device of the test message"
            spellCheck={false}
            value={device}
            onChange={({ target }) => setDevice(target.value)}
          />
        </div>
      </div>
      <div className="flow-field" data-wide>
        <div className="flow-input">
          <textarea
            className="input mono"
            aria-label="Body of the test message"
            spellCheck={false}
            rows={2}
            value={text}
            onChange={({ target }) => setText(target.value)}
          />
          {problem && (
            <p className="flow-remark" data-refused>
              {problem}
            </p>
          )}
        </div>
      </div>
      <Button type="submit" icon={Send} disabled={device.trim() === ""} data-testid="send-message">
        Send
      </Button>
    </form>
  );
}
