import { useEffect, useRef } from "react";
import { Segments } from "../../look/Controls";
import type { EndpointSpec } from "../../wire/EndpointSpec";
import type { EventType2019 } from "../../wire/EventType2019";
import { nameOf, own } from "../draft";
import { useDraft } from "../reading";
import { eventTypes2019 } from "../words";
import type { InputProps } from "./Form";
import { Secret } from "./Secret";

/** Which device an MQTT message is of: a level of its topic, or a place in its body. */
export function DeviceFromField({ value, set, readOnly }: InputProps) {
  const body = typeof value === "object" && value !== null && "body" in value ? value.body : null;
  const level =
    typeof value === "object" && value !== null && "topicLevel" in value ? value.topicLevel : null;
  return (
    <span className="flow-node-choice">
      <select
        className="input"
        aria-label="Where the device id stands"
        disabled={readOnly}
        value={body === null ? "topic" : "body"}
        onChange={({ target }) =>
          set(target.value === "topic" ? { topicLevel: 1 } : { body: "/deviceId" })
        }
      >
        <option value="topic">Topic level</option>
        <option value="body">In the body</option>
      </select>
      {body === null ? (
        <input
          className="input number flow-short"
          type="number"
          min={0}
          aria-label="Topic level, from 0"
          readOnly={readOnly}
          value={String(level ?? 0)}
          onChange={({ target }) =>
            set({ topicLevel: Math.max(0, Math.floor(Number(target.value))) })
          }
        />
      ) : (
        <input
          className="input mono"
          aria-label="JSON Pointer into the body"
          spellCheck={false}
          readOnly={readOnly}
          value={String(body)}
          onChange={({ target }) => set({ body: target.value })}
        />
      )}
    </span>
  );
}

/** Which types of events of 2019 an endpoint takes. */
export function EventTypes({ value, set, readOnly }: InputProps) {
  const chosen = Array.isArray(value) ? value.map(String) : [];
  const toggle = (type: EventType2019, on: boolean) =>
    // In the order of the document, so that a tick that is taken back is no change.
    set(
      eventTypes2019
        .map((each) => each.type)
        .filter((each) => (each === type ? on : chosen.includes(each))),
    );
  return (
    <ul className="flow-checks">
      {eventTypes2019.map(({ type, hint }) => (
        <li key={type}>
          <label>
            <input
              type="checkbox"
              disabled={readOnly}
              checked={chosen.includes(type)}
              onChange={({ target }) => toggle(type, target.checked)}
            />
            <span>
              {type}
              <span className="hint">{hint}</span>
            </span>
          </label>
        </li>
      ))}
    </ul>
  );
}

type Place = "here" | "key" | "identity";

/** Whether an endpoint is embedded, or elsewhere and opened with a key or an identity. */
export function Where({ id, setAll, readOnly }: InputProps) {
  const draft = useDraft();
  const spec = own(draft.parts.endpoints, nameOf(id)?.name ?? "");
  /** What was filled in before another place was looked at. */
  const before = useRef<Partial<Record<Place, Partial<EndpointSpec>>>>({});
  const place = spec ? placeOf(spec) : "here";
  useEffect(() => {
    if (!spec) return;
    const { authentication, address, primary, secondary } = spec;
    before.current[place] = { authentication, address, primary, secondary };
  }, [spec, place]);
  if (!spec) return null;
  const options: { value: Place; label: string }[] = [
    { value: "here", label: "Here" },
    { value: "key", label: "Key" },
    // Event Grid knows keys only.
    ...(spec.kind === "eventGrid" ? [] : [{ value: "identity" as const, label: "Identity" }]),
  ];
  const nothing = {
    authentication: undefined,
    address: undefined,
    primary: undefined,
    secondary: undefined,
  };
  const first: Record<Place, object> = {
    here: {},
    key: { primary: { secret: "" } },
    identity: { authentication: "identityBased", address: "sb://" },
  };
  return (
    <fieldset className="flow-where" disabled={readOnly}>
      <Segments
        label="Where the endpoint is"
        value={place}
        options={options}
        onChange={(next) => setAll({ ...nothing, ...(before.current[next] ?? first[next]) })}
      />
    </fieldset>
  );
}

const placeOf = ({ authentication, address, primary, secondary }: EndpointSpec): Place => {
  if (authentication === "identityBased") return "identity";
  return address !== undefined || primary || secondary ? "key" : "here";
};

/** Where events go that could not be delivered. */
export function DeadLetter(props: InputProps) {
  const { value, set, readOnly } = props;
  const spec = typeof value === "object" && value !== null ? value : {};
  const kind = "sas" in spec ? "sas" : "uri" in spec ? "uri" : "none";
  const first = {
    none: undefined,
    sas: { sas: { secret: "" } },
    uri: { uri: "https://" },
  };
  return (
    <>
      <select
        className="input"
        aria-label="Where dead letters go"
        disabled={readOnly}
        value={kind}
        onChange={({ target }) => set(first[target.value as keyof typeof first])}
      >
        <option value="none">Dropped and counted</option>
        <option value="sas">Blob container, by SAS URL</option>
        <option value="uri">Blob container, by identity</option>
      </select>
      {"sas" in spec && (
        <Secret
          {...props}
          field={{ kind: "secret", field: "sas", label: "SAS URL" }}
          value={spec.sas}
          set={(secret) => set({ sas: secret })}
        />
      )}
      {"uri" in spec && (
        <input
          className="input mono"
          aria-label="Address of the container"
          spellCheck={false}
          readOnly={readOnly}
          value={String(spec.uri)}
          onChange={({ target }) => set({ uri: target.value })}
        />
      )}
    </>
  );
}
