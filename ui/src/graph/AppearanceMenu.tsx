import { Palette, Plus, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { IconButton, Segments, Switch } from "../look/Controls";
import { Menu } from "../look/Menu";
import { useCell, usePart } from "../store/cell";
import { useGraphChanges, usePage } from "../store/usePage";
import {
  badges,
  type Encoding,
  plainEncoding,
  type Range,
  type Rule,
  tests,
} from "./encoding/encoding";
import { hueCount } from "./encoding/table";
import { type IconName, iconFor, iconNames } from "./icons";
import { categories } from "./scale";
import type { GraphSurface } from "./surface";
import "./appearance.css";

const colourings = [
  { value: "value", label: "Value" },
  { value: "property", label: "Property" },
  { value: "model", label: "Model" },
  { value: "change", label: "Last change" },
  { value: "none", label: "None" },
] as const;
const sizings = [
  { value: "model", label: "Model" },
  { value: "value", label: "Value" },
  { value: "relationships", label: "Relationships" },
] as const;
const labellings = [
  { value: "id", label: "Id" },
  { value: "name", label: "Name" },
  { value: "none", label: "None" },
] as const;
const renderers = [
  { value: "auto", label: "Quicker" },
  { value: "webgl", label: "WebGL" },
  { value: "canvas", label: "2-D canvas" },
] as const;

/** How twins look: colour, size, labels, icons and rules. Kept with the view of what is open. */
export function AppearanceMenu({ surface }: { surface: GraphSurface }) {
  const page = usePage();
  const encoding = useCell(page.encoding);
  const change = (part: Partial<Encoding>) => page.encoding.set({ ...encoding, ...part });
  const plain = JSON.stringify(encoding) === JSON.stringify(plainEncoding);
  return (
    <Menu
      icon={<Palette size={16} aria-hidden />}
      name="Appearance"
      testId="appearance"
      look="appearance"
    >
      <ColourPart encoding={encoding} change={change} />
      <Row name="Size">
        <Segments
          label="Size by"
          value={encoding.size}
          options={sizings}
          onChange={(size) => change({ size })}
        />
      </Row>
      <Row name="Labels">
        <Segments
          label="Labels"
          value={encoding.label}
          options={labellings}
          onChange={(label) => change({ label })}
        />
      </Row>
      <Row name="Values on twins">
        <Switch
          label="Values on twins"
          checked={encoding.values}
          onChange={(values) => change({ values })}
        />
      </Row>
      <IconPart encoding={encoding} change={change} />
      <Rules encoding={encoding} change={change} />
      <LivePart surface={surface} />
      <button
        type="button"
        className="button"
        disabled={plain}
        onClick={() => page.encoding.set(plainEncoding)}
      >
        Reset appearance
      </button>
    </Menu>
  );
}

interface PartProps {
  encoding: Encoding;
  change: (part: Partial<Encoding>) => void;
}

function Row(props: { name: string; children: ReactNode }) {
  return (
    <div className="appearance-row">
      <span>{props.name}</span>
      {props.children}
    </div>
  );
}

function ColourPart({ encoding, change }: PartProps) {
  const page = usePage();
  const scale = usePart(page.colours, (colours) => colours?.scale);
  const { kinds } = page.instance.graph;
  const properties = [...new Set(kinds.flatMap((kind) => kind.properties))].sort();
  const byProperty = encoding.colour === "property";
  const ranged = (encoding.colour === "value" || byProperty) && scale?.kind === "range";
  return (
    <>
      <Row name="Colour">
        <Segments
          label="Colour by"
          value={encoding.colour}
          options={colourings}
          onChange={(colour) =>
            change({ colour, range: null, property: encoding.property || (properties[0] ?? "") })
          }
        />
      </Row>
      {byProperty && (
        <Row name="Property">
          <Choice
            label="Property"
            value={encoding.property}
            options={properties}
            onChange={(property) => change({ property, range: null })}
          />
        </Row>
      )}
      {ranged && (
        <RangeRow
          low={scale.low}
          high={scale.high}
          set={encoding.range !== null}
          onChange={(range) => change({ range })}
        />
      )}
    </>
  );
}

function RangeRow(props: {
  low: number;
  high: number;
  set: boolean;
  onChange: (range: Range | null) => void;
}) {
  const { low, high } = props;
  const take = (part: Partial<Range>) => {
    const range = { low, high, ...part };
    if (Number.isFinite(range.low) && Number.isFinite(range.high) && range.low < range.high) {
      props.onChange(range);
    }
  };
  return (
    <Row name="Range">
      <span className="appearance-controls">
        <NumberField label="From" value={low} onChange={(value) => take({ low: value })} />
        <span className="secondary">to</span>
        <NumberField label="To" value={high} onChange={(value) => take({ high: value })} />
        <button
          type="button"
          className="button quiet"
          disabled={!props.set}
          onClick={() => props.onChange(null)}
        >
          Automatic
        </button>
      </span>
    </Row>
  );
}

/** A number that counts once it was typed: on Enter, and on leaving the field. */
function NumberField(props: { label: string; value: number; onChange: (value: number) => void }) {
  const shown = String(Number(props.value.toPrecision(6)));
  const take = (field: HTMLInputElement) => {
    const value = Number(field.value);
    if (field.value !== shown && field.value.trim() !== "" && Number.isFinite(value)) {
      props.onChange(value);
    }
  };
  return (
    <input
      key={shown}
      className="input number"
      type="number"
      step="any"
      aria-label={props.label}
      defaultValue={shown}
      onBlur={(event) => take(event.currentTarget)}
      onKeyDown={(event) => event.key === "Enter" && take(event.currentTarget)}
    />
  );
}

function IconPart({ encoding, change }: PartProps) {
  const { graph } = usePage().instance;
  useGraphChanges(1000, ({ structure }) => structure);
  const choose = (model: string, icon: string) => {
    const { [model]: _, ...others } = encoding.models;
    const name = iconNames.find((one) => one === icon);
    change({ models: name ? { ...others, [model]: name } : others });
  };
  return (
    <>
      <Row name="Icons on twins without a value">
        <Switch label="Icons" checked={encoding.icons} onChange={(icons) => change({ icons })} />
      </Row>
      {encoding.icons &&
        graph.kinds.map(({ model, name }) => (
          <Row key={model} name={name}>
            <select
              className="input"
              aria-label={`Icon of ${name}`}
              value={encoding.models[model] ?? ""}
              onChange={(event) => choose(model, event.target.value)}
            >
              <option value="">{byName(iconFor(name))}</option>
              {iconNames.map((icon) => (
                <option key={icon} value={icon}>
                  {icon}
                </option>
              ))}
            </select>
          </Row>
        ))}
    </>
  );
}

const byName = (icon: IconName | null) => (icon ? `by name: ${icon}` : "by name: first letter");

const newRule: Rule = { model: "", test: "above", than: 25, hue: 3, badge: "alert" };
const hueNames = ["blue", "orange", "green", "red", "yellow", "pink", "sky", "amber"];

function Rules({ encoding, change }: PartProps) {
  const page = usePage();
  const theme = useCell(page.appearance.theme);
  const { kinds } = page.instance.graph;
  const paints = categories(theme, hueCount);
  const set = (place: number, part: Partial<Rule> | null) =>
    change({
      rules: encoding.rules.flatMap((rule, at) => {
        if (at !== place) return [rule];
        return part ? [{ ...rule, ...part }] : [];
      }),
    });
  return (
    <section aria-label="Rules">
      <Row name="Rules, the first that holds decides">
        <IconButton
          icon={Plus}
          label="Add a rule"
          onClick={() => change({ rules: [...encoding.rules, newRule] })}
        />
      </Row>
      {encoding.rules.map((rule, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a rule is its place
        <div className="appearance-rule" key={place}>
          <select
            className="input"
            aria-label="Model"
            value={rule.model}
            onChange={(event) => set(place, { model: event.target.value })}
          >
            <option value="">Any twin</option>
            {kinds.map(({ model, name }) => (
              <option key={model} value={model}>
                {name}
              </option>
            ))}
          </select>
          <Choice
            label="Test"
            value={rule.test}
            options={tests}
            onChange={(test) => set(place, { test })}
          />
          {rule.test === "missing" ? (
            <span />
          ) : (
            <NumberField
              label="Value"
              value={rule.than}
              onChange={(than) => set(place, { than })}
            />
          )}
          <span className="swatch" style={{ background: paints[rule.hue ?? -1]?.fill }} />
          <select
            className="input"
            aria-label="Colour"
            value={rule.hue ?? ""}
            onChange={({ target }) =>
              set(place, { hue: target.value === "" ? null : Number(target.value) })
            }
          >
            <option value="">as it is</option>
            {hueNames.map((name, hue) => (
              <option key={name} value={hue}>
                {name}
              </option>
            ))}
          </select>
          <Choice
            label="Badge"
            value={rule.badge}
            options={badges}
            onChange={(badge) => set(place, { badge })}
          />
          <IconButton icon={Trash2} label="Remove the rule" onClick={() => set(place, null)} />
        </div>
      ))}
    </section>
  );
}

function Choice<T extends string>(props: {
  label: string;
  value: T;
  options: readonly T[];
  onChange: (value: T) => void;
}) {
  return (
    <select
      className="input"
      aria-label={props.label}
      value={props.value}
      onChange={({ target }) => {
        const chosen = props.options.find((option) => option === target.value);
        if (chosen) props.onChange(chosen);
      }}
    >
      {props.options.map((option) => (
        <option key={option} value={option}>
          {option}
        </option>
      ))}
    </select>
  );
}

function LivePart({ surface }: { surface: GraphSurface }) {
  const page = usePage();
  const glow = usePart(page.preferences, (preferences) => preferences.glow);
  const renderer = usePart(page.preferences, (preferences) => preferences.renderer);
  const path = useCell(surface.path);
  const now = path === "webgl" ? "WebGL" : "2-D canvas";
  return (
    <>
      <Row name="Changes glow">
        <Switch label="Changes glow" checked={glow} onChange={(on) => page.prefer({ glow: on })} />
      </Row>
      <Row name="Drawn by">
        <Segments
          label="Drawn by"
          value={renderer}
          options={renderers}
          onChange={(value) => page.prefer({ renderer: value })}
        />
      </Row>
      <p className="hint" data-testid="renderer">
        {surface.noWebgl !== null && renderer !== "canvas"
          ? `Now by ${now}. WebGL 2 is not to be had here: ${surface.noWebgl}`
          : `Now by ${now}${renderer === "auto" ? ", which is quicker here" : ""}.`}
      </p>
    </>
  );
}
